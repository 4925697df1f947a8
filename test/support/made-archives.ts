/** Archives for tests, honest and otherwise. */
import { deflateRawSync, gzipSync } from 'node:zlib';
import { crc32 } from '../../src/files/crc.js';

export interface MadeEntry {
  readonly path: string;
  readonly content?: Uint8Array | string;
  /** Tar: the type letter (default `0`, a file). Zip: `2` makes a symbolic link. */
  readonly kind?: string;
  /** Size said to have, where it is not the true one. */
  readonly size?: number;
  /** Zip: place said to have, where it is not the true one. */
  readonly offset?: number;
}

function bytesOf(content: Uint8Array | string | undefined): Buffer {
  return Buffer.from(content ?? '');
}

export function makeTar(entries: readonly MadeEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const { path, content, kind = '0', size } of entries) {
    const body = bytesOf(content);
    const header = Buffer.alloc(512);
    header.write(path.slice(0, 100), 0, 'utf8');
    header.write('0000644\0', 100, 'latin1');
    header.write(`${(size ?? body.length).toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    header.write('        ', 148, 'latin1');
    header.write(kind, 156, 'latin1');
    header.write('ustar\0', 257, 'latin1');
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    parts.push(header, body, Buffer.alloc((512 - (body.length % 512)) % 512));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

export function makeTarGz(entries: readonly MadeEntry[]): Buffer {
  return gzipSync(makeTar(entries));
}

export function makeZip(entries: readonly MadeEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { path, content, kind, size, offset } of entries) {
    const body = bytesOf(content);
    const name = Buffer.from(path);
    const packed = deflateRawSync(body);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(20, 4);
    local.writeUInt16LE(8, 8);
    local.writeUInt32LE(crc32(body), 14);
    local.writeUInt32LE(packed.length, 18);
    local.writeUInt32LE(size ?? body.length, 22);
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(8, 10);
    central.writeUInt32LE(crc32(body), 16);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt32LE(size ?? body.length, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(((kind === '2' ? 0o120777 : 0o100644) << 16) >>> 0, 38);
    central.writeUInt32LE(offset ?? at, 42);
    directory.push(central, name);
    parts.push(local, name, packed);
    at += 30 + name.length + packed.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, listing, end]);
}
