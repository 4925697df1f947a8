/**
 * Zip archives whose entries are stored, not compressed: what `torch.save` writes, so that its storages can
 * be mapped. Hence no inflating here, entries are views of the archive, and their CRC-32 is what tells a
 * flipped bit. (APPNOTE 6.3, sections 4.3 and 4.5.3 for ZIP64.)
 */
import { ByteCursor } from './byte-cursor.js';

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const END_64_LOCATOR = 0x07064b50;

const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
/** A 32-bit field with this value has its number in the ZIP64 extra field instead. */
const IN_ZIP64 = 0xffffffff;

interface Entry {
  readonly method: number;
  readonly encrypted: boolean;
  readonly crc: number;
  readonly size: number;
  readonly headerOffset: number;
}

export class StoredZip {
  private readonly entries = new Map<string, Entry>();

  /** @param source what error messages call the file. */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly source: string,
  ) {
    const { count, offset } = this.findDirectory();
    const cursor = new ByteCursor(bytes, source, offset);
    for (let i = 0; i < count; i++) this.readDirectoryEntry(cursor);
  }

  get names(): string[] {
    return [...this.entries.keys()];
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /**
   * The bytes of an entry, as a view.
   *
   * @throws PixelwiseError if there is none, it is compressed or encrypted, or its checksum is wrong.
   */
  read(name: string): Uint8Array {
    const cursor = new ByteCursor(this.bytes, this.source);
    const entry = this.entries.get(name) ?? cursor.fail(`the archive has no "${name}"`);
    if (entry.method !== 0 || entry.encrypted) {
      const how = entry.encrypted ? 'encrypted' : 'compressed';
      cursor.fail(`"${name}" in the archive is ${how}, which torch.save never does`);
    }
    cursor.position = entry.headerOffset;
    if (cursor.uint32() !== LOCAL_HEADER)
      cursor.fail(`the archive has no header where "${name}" should start`);
    cursor.take(22);
    const nameBytes = cursor.uint16();
    const extraBytes = cursor.uint16();
    cursor.take(nameBytes + extraBytes);
    const data = cursor.take(entry.size);
    if (crc32(data) !== entry.crc) {
      cursor.fail(
        `"${name}" in the archive does not have the checksum it was written with: the file is damaged`,
      );
    }
    return data;
  }

  private findDirectory(): { count: number; offset: number } {
    const last = this.bytes.length - END_BYTES;
    for (let at = last; at >= Math.max(0, last - MAX_COMMENT_BYTES); at--) {
      const cursor = new ByteCursor(this.bytes, this.source, at);
      if (cursor.uint32() !== END) continue;
      cursor.take(6);
      const count = cursor.uint16();
      cursor.take(4);
      const offset = cursor.uint32();
      const commentBytes = cursor.uint16();
      if (cursor.position + commentBytes !== this.bytes.length) continue;
      return this.findDirectory64(at) ?? { count, offset };
    }
    return new ByteCursor(this.bytes, this.source).fail('the archive has no end: it is truncated');
  }

  /** The ZIP64 directory's place, if the archive has a locator for it just before its end record. */
  private findDirectory64(endOffset: number): { count: number; offset: number } | undefined {
    if (endOffset < 20) return undefined;
    const locator = new ByteCursor(this.bytes, this.source, endOffset - 20);
    if (locator.uint32() !== END_64_LOCATOR) return undefined;
    locator.take(4);
    const end = new ByteCursor(this.bytes, this.source, locator.uint64());
    if (end.uint32() !== END_64) end.fail('the archive is damaged: its ZIP64 end record is not in its place');
    end.take(28);
    const count = end.uint64();
    end.take(8);
    return { count, offset: end.uint64() };
  }

  private readDirectoryEntry(cursor: ByteCursor): void {
    if (cursor.uint32() !== CENTRAL_HEADER) cursor.fail('the directory of the archive is damaged');
    cursor.take(4);
    const flags = cursor.uint16();
    const method = cursor.uint16();
    cursor.take(4);
    const crc = cursor.uint32();
    let compressedSize = cursor.uint32();
    let size = cursor.uint32();
    const nameBytes = cursor.uint16();
    const extraBytes = cursor.uint16();
    const commentBytes = cursor.uint16();
    cursor.take(8);
    let headerOffset = cursor.uint32();
    const name = cursor.text(nameBytes);
    const extra = new ByteCursor(cursor.take(extraBytes), this.source);
    cursor.take(commentBytes);
    while (!extra.atEnd) {
      const kind = extra.uint16();
      const field = new ByteCursor(extra.take(extra.uint16()), this.source);
      if (kind !== 0x0001) continue;
      if (size === IN_ZIP64) size = field.uint64();
      if (compressedSize === IN_ZIP64) compressedSize = field.uint64();
      if (headerOffset === IN_ZIP64) headerOffset = field.uint64();
    }
    if (this.entries.has(name)) cursor.fail(`the archive has "${name}" twice`);
    if (method === 0 && compressedSize !== size) cursor.fail(`the archive gives two sizes for "${name}"`);
    this.entries.set(name, { method, encrypted: (flags & 1) !== 0, crc, size, headerOffset });
  }
}

/** Remainders of the reflected polynomial 0xEDB88320, for each byte. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
  return remainder;
});

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}
