/** Where a state starts is kept in 32 bits. */
const MOST_WORDS = 0x7fff_ffff;

/**
 * The states that were met: lists of numbers, each stored once and known by its place. Open addressing over a 32-bit hash;
 * equal hashes are compared word by word, so that no state is lost to a collision.
 */
export class StateTable {
  private words = new Int32Array(1 << 20);
  private used = 0;
  private starts = new Int32Array(1 << 16);
  private slots = new Int32Array(1 << 18).fill(-1);
  private hashes = new Int32Array(1 << 16);
  size = 0;

  /** The place of the state, and whether it is new. */
  add(state: readonly number[]): { place: number; isNew: boolean } {
    const hash = hashOf(state);
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (; ; slot = (slot + 1) & mask) {
      const place = this.slots[slot] as number;
      if (place === -1) break;
      if (this.hashes[place] === hash && this.isAt(place, state)) return { place, isNew: false };
    }
    const place = this.size;
    this.slots[slot] = place;
    this.store(place, state, hash);
    if (this.size * 2 > this.slots.length) this.grow();
    return { place, isNew: true };
  }

  at(place: number): number[] {
    return Array.from(this.words.subarray(this.starts[place], this.starts[place + 1]));
  }

  private isAt(place: number, state: readonly number[]): boolean {
    const start = this.starts[place] as number;
    if ((this.starts[place + 1] as number) - start !== state.length) return false;
    for (let i = 0; i < state.length; i += 1) if (this.words[start + i] !== state[i]) return false;
    return true;
  }

  private store(place: number, state: readonly number[], hash: number): void {
    if (this.used + state.length > MOST_WORDS)
      throw new Error('there are more states than the table can hold');
    if (this.used + state.length > this.words.length) this.words = doubled(this.words);
    if (place + 2 > this.starts.length) this.starts = doubled(this.starts);
    if (place + 1 > this.hashes.length) this.hashes = doubled(this.hashes);
    this.words.set(state, this.used);
    this.starts[place] = this.used;
    this.used += state.length;
    this.starts[place + 1] = this.used;
    this.hashes[place] = hash;
    this.size += 1;
  }

  private grow(): void {
    this.slots = new Int32Array(this.slots.length * 2).fill(-1);
    const mask = this.slots.length - 1;
    for (let place = 0; place < this.size; place += 1) {
      let slot = (this.hashes[place] as number) & mask;
      while (this.slots[slot] !== -1) slot = (slot + 1) & mask;
      this.slots[slot] = place;
    }
  }
}

/** A list of numbers that grows. */
export class Numbers {
  private values = new Int32Array(1 << 16);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) this.values = doubled(this.values);
    this.values[this.length] = value;
    this.length += 1;
  }

  at(index: number): number {
    return this.values[index] as number;
  }
}

function doubled(values: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const more = new Int32Array(values.length * 2);
  more.set(values);
  return more;
}

/** FNV-1a over the words, with a finish that spreads them over the low bits. */
function hashOf(state: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const word of state) hash = Math.imul(hash ^ word, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) | 0;
}
