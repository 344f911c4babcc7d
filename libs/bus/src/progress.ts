/** A message that was handed out and has to be acknowledged. */
export interface Handed {
  readonly position: number;
  /** Acknowledged, or given up because its partition was read again from an earlier position. */
  settled: boolean;
}

/**
 * How far one partition is dealt with, in one generation of its group. The position is the one below which everything
 * was acknowledged; it never passes a message that is not, and never goes back within a generation.
 */
export class PartitionProgress {
  readonly #released: (count: number) => void;
  /** Handed out in order. Those before `#head` are settled, and let go of: with them goes the memory that they were read into. */
  #handed: (Handed | undefined)[] = [];
  #head = 0;
  #outstanding = 0;
  #next: number | undefined;
  #retired = false;
  #waiting: { end: number; resolve: (reached: boolean) => void }[] = [];

  /** `released` is told of every message that ceases to be outstanding, for the credit of the subscription. */
  constructor(released: (count: number) => void = () => undefined, start?: number) {
    this.#released = released;
    this.#next = start;
  }

  /** Everything below was acknowledged; undefined until something is known about the partition. */
  get position(): number | undefined {
    return this.#handed[this.#head]?.position ?? this.#next;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  /** Where the group stood when this generation began; without effect once something was read. */
  startAt(position: number): void {
    this.#next ??= position;
    this.#wake();
  }

  handOut(handed: Handed): void {
    // The log was cut or reset: what was handed out from above it is not what stands there now.
    if (this.#next !== undefined && handed.position < this.#next) this.#giveUp();
    this.#handed.push(handed);
    this.#outstanding++;
    this.#next = handed.position + 1;
  }

  /** Everything below was read, though some of it held nothing to hand out (control records, expired messages). */
  readTo(position: number): void {
    if (this.#next === undefined || position > this.#next) this.#next = position;
    this.#wake();
  }

  /** Says whether it counts: false the second time, and after the partition was lost. */
  acknowledge(handed: Handed): boolean {
    if (handed.settled || this.#retired) return false;
    handed.settled = true;
    this.#outstanding--;
    while (this.#handed[this.#head]?.settled === true) this.#handed[this.#head++] = undefined;
    // Cut off seldom: shifting the array at each acknowledgement would be quadratic.
    if (this.#head > 512 && this.#head * 2 > this.#handed.length) {
      this.#handed = this.#handed.slice(this.#head);
      this.#head = 0;
    }
    this.#released(1);
    this.#wake();
    return true;
  }

  /** Resolves true when everything below `end` is acknowledged, false when the partition is lost before that. */
  reached(end: number): Promise<boolean> {
    if (this.#retired) return Promise.resolve(false);
    if (this.#hasReached(end)) return Promise.resolve(true);
    return new Promise((resolve) => this.#waiting.push({ end, resolve }));
  }

  /** The partition is lost, or a new generation began: acknowledgements no longer count. */
  retire(): void {
    this.#retired = true;
    this.#giveUp();
    for (const { resolve } of this.#waiting.splice(0)) resolve(false);
  }

  #giveUp(): void {
    // What was handed out and not acknowledged stays above the position.
    this.#next = this.position;
    for (const handed of this.#handed) if (handed) handed.settled = true;
    this.#handed = [];
    this.#head = 0;
    this.#released(this.#outstanding);
    this.#outstanding = 0;
  }

  #hasReached(end: number): boolean {
    const position = this.position;
    return position !== undefined && position >= end;
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ end }) => !this.#hasReached(end));
    for (const { end, resolve } of waiting) if (this.#hasReached(end)) resolve(true);
  }
}
