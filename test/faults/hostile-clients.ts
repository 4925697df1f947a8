/** Clients of `pixelwise serve` that attack it, and what they send. */
import { Agent, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { crc32 } from '../../src/files/crc.js';

/** Where attackers come from: another address of this machine than that of the other clients. */
const ATTACKER = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

export interface Sent {
  readonly path: string;
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The client's address. */
  readonly from?: string;
}

/** Sends a request on a connection of its own. */
export function send(port: number, { path, body, headers = {}, from }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(
      {
        host: '127.0.0.1',
        port,
        path,
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'content-type': 'image/png', ...headers },
        agent: new Agent({ keepAlive: false }),
        ...(from !== undefined && { localAddress: from }),
      },
      (reply) => {
        const parts: Buffer[] = [];
        reply.on('data', (part: Buffer) => parts.push(part));
        reply.on('error', reject);
        reply.on('end', () => {
          const type = reply.headers['content-type'] ?? '';
          resolve({ status: reply.statusCode!, type, body: Buffer.concat(parts) });
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** A black PNG of 8-bit colours, which is small whatever its size. */
export function blackPng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const pixels = deflateSync(Buffer.alloc((1 + 3 * width) * height));
  const parts = [pngChunk('IHDR', header), pngChunk('IDAT', pixels), pngChunk('IEND', new Uint8Array(0))];
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), ...parts]);
}

/** A TIFF of about 12 KB that decodes to 2 GB: 64 bands, and all tiles are the same bytes of the file. */
export function manyBandsTiff(side = 5632, bands = 64, tile = 256): Buffer {
  const packed = deflateSync(Buffer.alloc(tile * tile * bands));
  const tiles = (side / tile) ** 2;
  const shorts = Buffer.alloc(2 * bands);
  for (let i = 0; i < bands; i++) shorts.writeUInt16LE(8, 2 * i);
  const longs = (value: number): Buffer => {
    const bytes = Buffer.alloc(4 * tiles);
    for (let i = 0; i < tiles; i++) bytes.writeUInt32LE(value, 4 * i);
    return bytes;
  };
  const parts: Buffer[] = [Buffer.alloc(8), packed, shorts, longs(8), longs(packed.length)];
  const at = (part: number): number => parts.slice(0, part).reduce((sum, { length }) => sum + length, 0);
  const [SHORT, LONG] = [3, 4];
  const entries = [
    [256, LONG, 1, side],
    [257, LONG, 1, side],
    [258, SHORT, bands, at(2)],
    [259, SHORT, 1, 8],
    [262, SHORT, 1, 1],
    [277, SHORT, 1, bands],
    [284, SHORT, 1, 1],
    [322, LONG, 1, tile],
    [323, LONG, 1, tile],
    [324, LONG, tiles, at(3)],
    [325, LONG, tiles, at(4)],
  ] as const;
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16LE(entries.length);
  entries.forEach(([tag, type, count, value], i) => {
    const from = 2 + 12 * i;
    directory.writeUInt16LE(tag, from);
    directory.writeUInt16LE(type, from + 2);
    directory.writeUInt32LE(count, from + 4);
    directory.writeUInt32LE(value, from + 8);
  });
  parts[0]!.write('II');
  parts[0]!.writeUInt16LE(42, 2);
  parts[0]!.writeUInt32LE(at(5), 4);
  return Buffer.concat([...parts, directory]);
}

const PART = '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n';
const FORM = { 'content-type': 'multipart/form-data; boundary=x' };

export interface Attacks {
  /** What each attack sends; it resolves with what became of it. */
  readonly [name: string]: (port: number) => Promise<string>;
}

/**
 * @param patience milliseconds for which slow clients stay. @param size the share of their full size that images have.
 */
export function attacks(patience: number, size = 1): Attacks {
  const [long, side] = [Math.round(4_000_000 * size), Math.round(5600 * Math.sqrt(size))];
  const image = (bytes: Buffer) => async (port: number) => {
    const { status } = await send(port, { path: '/segment', body: bytes, from: ATTACKER });
    return String(status);
  };
  const form = (body: string) => async (port: number) => {
    const { status } = await send(port, { path: '/segment', body, headers: FORM, from: ATTACKER });
    return String(status);
  };
  const sockets = (count: number, head: string, act: (socket: Socket) => void) => async (port: number) => {
    const all = Array.from({ length: count }, () =>
      connect({ port, host: '127.0.0.1', localAddress: ATTACKER }),
    );
    for (const socket of all) {
      socket.on('error', () => undefined).resume();
      socket.write(head);
      act(socket);
    }
    await wait(patience);
    const closed = all.filter((socket) => socket.destroyed).length;
    for (const socket of all) socket.destroy();
    return closed === 0 ? 'left' : 'was cut off';
  };
  const header = (path: string, more = '') => `${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
  return {
    'a PNG of one long row': image(blackPng(long, 1)),
    'a PNG of one long column': image(blackPng(1, long)),
    'a large PNG': image(blackPng(side, side)),
    'a PNG that says 60,000×60,000': image(Buffer.concat([blackPng(1, 1).subarray(0, 16), sizeOf(60_000)])),
    'a TIFF of 64 bands': image(manyBandsTiff()),
    'a form of 100,000 parts': form(`${PART.repeat(100_000)}--x--\r\n`),
    'a form without an end': form(PART),
    'half an image': async (port) => {
      const body = blackPng(500, 500);
      const { status } = await send(port, {
        path: '/segment',
        body: body.subarray(0, body.length / 2),
        from: ATTACKER,
      });
      return String(status);
    },
    'uploads that stop': sockets(8, header('POST /segment', 'Content-Length: 500000\r\n'), (socket) =>
      socket.write('abc'),
    ),
    'uploads that are given up': sockets(8, header('POST /segment', 'Content-Length: 500000\r\n'), (socket) =>
      setTimeout(() => socket.destroy(), 20),
    ),
    'headers without an end': sockets(8, 'GET /health HTTP/1.1\r\nHost: lo', () => undefined),
    'readers who do not read': sockets(40, header('GET /model.onnx'), (socket) => socket.pause()),
  };
}

function sizeOf(side: number): Buffer {
  const bytes = Buffer.alloc(17);
  bytes.writeUInt32BE(side);
  bytes.writeUInt32BE(side, 4);
  bytes.set([8, 2], 8);
  return bytes;
}
