import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { ReadableStream as NodeStream } from 'node:stream/web';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { inPieces } from './body-in-pieces.js';
import { limitConnections, type ConnectionLimits } from './connections.js';

/** More than the buffers of both ends hold. */
const BODY = Buffer.alloc(2 ** 24);
let server: Server;
const opened: Socket[] = [];

async function listen(limits: Partial<ConnectionLimits>): Promise<number> {
  server = createServer((asked, reply) => {
    if (asked.url !== '/large') reply.end('ok');
    else Readable.fromWeb(inPieces(BODY) as NodeStream).pipe(reply);
  });
  limitConnections(server, { most: 20, mostPerAddress: 10, grace: 400, slowest: 4096, ...limits });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Asks for a path on a connection that stays open. */
function ask(port: number, path: string, localAddress = '127.0.0.1'): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => undefined);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  opened.push(socket);
  return socket;
}

const isAnswered = (socket: Socket): Promise<boolean> =>
  Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)]);

afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

test('an address has a share of the connections, and what it closes is free again', async () => {
  const port = await listen({ mostPerAddress: 3 });
  const first = [ask(port, '/'), ask(port, '/'), ask(port, '/')];
  expect(await Promise.all(first.map(isAnswered))).toEqual([true, true, true]);
  expect(await isAnswered(ask(port, '/'))).toBe(false);
  // Another address is served all the same. Only Linux has all of 127.0.0.0/8 without being told.
  if (process.platform === 'linux') expect(await isAnswered(ask(port, '/', '127.0.0.2'))).toBe(true);
  first[0]!.destroy();
  let again = false;
  for (let tries = 0; tries < 100 && !again; tries++) {
    await wait(20);
    again = await isAnswered(ask(port, '/'));
  }
  expect(again).toBe(true);
});

test('a reader who does not read is cut off; one who reads slowly is not', async () => {
  const port = await listen({});
  const still = ask(port, '/large').pause();
  const slow = ask(port, '/large');
  let received = 0;
  const reading = (async () => {
    for await (const part of slow as AsyncIterable<Buffer>) {
      received += part.length;
      await wait(4);
      if (received >= BODY.length) break;
    }
  })();
  await reading;
  expect(received).toBeGreaterThanOrEqual(BODY.length);
  // The still one finds out when it reads at last: the rest does not come.
  let rest = 0;
  still.on('data', (part: Buffer) => (rest += part.length)).resume();
  await once(still, 'close');
  expect(rest).toBeLessThan(BODY.length);
});
