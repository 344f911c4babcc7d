import { StoreContentError } from '@counterstep/engine';

/* The types of columns, by the numbers that every Postgres knows them by. */
const BOOLEAN = 16;
const BIGINT = 20;
const INT = 23;
const TEXT = 25;
const UUID = 2950;

const HYPHEN = 45;
/** Of hexadecimal digits, by the code of their character. */
const DIGITS = Float64Array.from({ length: 128 }, (_, code) =>
  Number.parseInt(String.fromCharCode(code), 16),
);

const INVALID_TEXT = '22P02';
const OUT_OF_RANGE = '22003';

const ARRAY_HEADER = 20;
const CELL_HEADER = 8;
const LARGEST_FIXED = 16;
/** Bytes of a row to begin with. */
const ROW_GUESS = 512;
/** Most bytes that UTF-8 needs for a unit of UTF-16. */
const WIDEST = 3;

/**
 * An array of a composite type as Postgres reads it in binary: the server takes it apart several times faster than as many
 * arrays as there are columns, or texts. The columns of a row are written in the order in which the type has them;
 * `undefined` is null. What no column of the kind can hold throws `StoreContentError` with the SQLSTATE of Postgres.
 */
export class CompositeArray {
  #bytes: Buffer;
  #view: DataView;
  #end = 0;
  #row = 0;

  /** `typeId` is the oid of the composite type in this database. */
  constructor(
    typeId: number,
    private readonly columns: number,
    rows: number,
  ) {
    this.#bytes = Buffer.allocUnsafeSlow(ARRAY_HEADER + rows * ROW_GUESS);
    this.#view = viewOf(this.#bytes);
    // Of no dimension is what has no elements.
    const header = rows === 0 ? [0, 0, typeId] : [1, 0, typeId, rows, 1];
    for (const word of header) {
      this.#view.setUint32(this.#end, word);
      this.#end += 4;
    }
  }

  /** Begins a row, when the one before is complete. */
  row(): void {
    this.#closeRow();
    this.#reserve(CELL_HEADER + this.columns * (CELL_HEADER + LARGEST_FIXED));
    this.#row = this.#end;
    this.#view.setInt32(this.#end + 4, this.columns);
    this.#end += 8;
  }

  boolean(value: boolean): void {
    this.#view.setUint8(this.#cell(BOOLEAN, 1), value ? 1 : 0);
  }

  int(value: number): void {
    if (value !== (value | 0)) throw new StoreContentError(OUT_OF_RANGE, `${value} is no 32-bit integer`);
    this.#view.setInt32(this.#cell(INT, 4), value);
  }

  bigint(value: number | undefined): void {
    if (value === undefined) {
      this.#null(BIGINT);
      return;
    }
    if (!Number.isSafeInteger(value))
      throw new StoreContentError(OUT_OF_RANGE, `${value} is no safe integer`);
    const at = this.#cell(BIGINT, 8);
    this.#view.setInt32(at, Math.floor(value / 2 ** 32));
    this.#view.setUint32(at + 4, value >>> 0);
  }

  text(value: string | undefined): void {
    if (value === undefined) {
      this.#null(TEXT);
      return;
    }
    this.#reserve(value.length * WIDEST + this.columns * (CELL_HEADER + LARGEST_FIXED));
    const length = this.#bytes.write(value, this.#end + CELL_HEADER);
    this.#cell(TEXT, length);
  }

  uuid(value: string): void {
    const at = this.#cell(UUID, 16);
    let digits = 0;
    let byte = 0;
    for (let index = 0; index < value.length; index += 1) {
      const code = value.charCodeAt(index);
      if (code === HYPHEN) continue;
      const digit = DIGITS[code] ?? NaN;
      if (!(digit >= 0) || digits === 32) throw noUuid(value);
      byte = (byte << 4) | digit;
      digits += 1;
      if (digits % 2 === 0) this.#bytes[at + digits / 2 - 1] = byte;
    }
    if (digits < 32) throw noUuid(value);
  }

  bytes(): Buffer {
    this.#closeRow();
    return this.#bytes.subarray(0, this.#end);
  }

  #closeRow(): void {
    if (this.#row > 0) this.#view.setInt32(this.#row, this.#end - this.#row - 4);
  }

  #null(type: number): void {
    this.#view.setInt32(this.#end, type);
    this.#view.setInt32(this.#end + 4, -1);
    this.#end += CELL_HEADER;
  }

  /** Where its value begins. */
  #cell(type: number, length: number): number {
    const at = this.#end + CELL_HEADER;
    this.#view.setInt32(this.#end, type);
    this.#view.setInt32(this.#end + 4, length);
    this.#end = at + length;
    return at;
  }

  /** Room for so many bytes more. */
  #reserve(length: number): void {
    if (this.#end + length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#end + length));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
    this.#view = viewOf(larger);
  }
}

function noUuid(text: string): StoreContentError {
  return new StoreContentError(INVALID_TEXT, `${JSON.stringify(text)} is no UUID`);
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}
