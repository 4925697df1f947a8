/**
 * Keeps slow clients from occupying the server. Each address has at most a share of the connections, and a connection
 * whose response is not being read is closed.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  /** Most connections at once. */
  readonly most: number;
  /** Most connections at once from one address. */
  readonly mostPerAddress: number;
  /** Milliseconds that a response may wait for its reader before the rate counts. */
  readonly grace: number;
  /** The slowest accepted reader in bytes a second. */
  readonly slowest: number;
}

/** How often connections are looked at, in milliseconds. */
const INTERVAL = 500;

/** A connection with unsent bytes, since when, and how many had been sent by then. */
interface Pending {
  readonly since: number;
  readonly sent: number;
}

/** Applies the limits to a server until it closes. */
export function limitConnections(server: Server, limits: ConnectionLimits): void {
  const pending = new Map<Socket, Pending | undefined>();
  const byAddress = new Map<string, number>();
  server.maxConnections = limits.most;
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (byAddress.get(address) ?? 0) + 1;
    if (count > limits.mostPerAddress) {
      socket.destroy();
      return;
    }
    byAddress.set(address, count);
    pending.set(socket, undefined);
    socket.once('close', () => {
      pending.delete(socket);
      const left = byAddress.get(address)! - 1;
      if (left === 0) byAddress.delete(address);
      else byAddress.set(address, left);
    });
  });
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [socket, known] of pending) {
      if (socket.writableLength === 0) {
        pending.set(socket, undefined);
        continue;
      }
      // `bytesWritten` includes what still waits in memory.
      const sent = socket.bytesWritten - socket.writableLength;
      if (known === undefined) pending.set(socket, { since: now, sent });
      else if (now - known.since > limits.grace) {
        const rate = ((sent - known.sent) * 1000) / (now - known.since);
        if (rate < limits.slowest) socket.destroy();
        // The rate is that of the latest period, not of the whole response.
        else pending.set(socket, { since: now, sent });
      }
    }
  }, INTERVAL);
  timer.unref();
  server.once('close', () => clearInterval(timer));
}
