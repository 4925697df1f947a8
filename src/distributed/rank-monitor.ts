/**
 * Detects that a rank has died. MPI does not: if a rank is killed, the others wait forever in the next operation. So
 * every rank keeps a TCP connection to rank 0, besides MPI. When a process dies, its system closes the connection. When
 * a host or the network fails, pings stop arriving.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { PixelwiseError } from '../errors/index.js';
import { rankText } from './agreement.js';
import type { Communicator } from './communicator.js';
import { fromFirst } from './communicator.js';

const PING_INTERVAL_MS = 4_000;
/** Time without a message after which a connection counts as broken. */
const SILENCE_TIMEOUT_MS = 20_000;
const CONNECT_TIMEOUT_MS = 3_000;

/** The error of another rank. */
export interface RankFailure {
  readonly rank: number;
  readonly error: PixelwiseError;
}

export interface RankMonitorEvents {
  /** A rank died without reporting an error. Called once. */
  onLost(failure: RankFailure): void;
  /** On rank 0: another rank reported an error and is about to exit. */
  onFailure(failure: RankFailure): void;
}

type Message =
  | { readonly kind: 'hello'; readonly token: string; readonly rank: number; readonly pid: number }
  | { readonly kind: 'welcome' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'lost'; readonly rank: number; readonly message: string }
  | { readonly kind: 'bye' };

/** One end of a connection. Messages are lines of JSON; pings show that this end is alive. */
class Connection {
  private readonly pings: NodeJS.Timeout;
  private ended = false;

  constructor(
    private readonly socket: Socket,
    onMessage: (message: Message) => void,
    onBroken: () => void,
  ) {
    let text = '';
    const broken = () => {
      if (this.ended) return;
      this.end();
      onBroken();
    };
    socket.setEncoding('utf8').setNoDelay(true).setTimeout(SILENCE_TIMEOUT_MS);
    socket.on('data', (chunk: string) => {
      text += chunk;
      const lines = text.split('\n');
      text = lines.pop()!;
      for (const line of lines) {
        const message = this.ended ? undefined : parsed(line);
        if (message) onMessage(message);
        else broken();
      }
    });
    socket.on('timeout', broken);
    socket.on('error', broken);
    socket.on('close', broken);
    this.pings = setInterval(() => this.send({ kind: 'ping' }), PING_INTERVAL_MS);
    // The connection alone must not keep the process alive.
    this.pings.unref();
    socket.unref();
  }

  send(message: Message): void {
    if (!this.socket.destroyed) this.socket.write(`${JSON.stringify(message)}\n`);
  }

  /** Closes the connection. Messages that were sent before are still delivered. */
  end(): void {
    this.ended = true;
    clearInterval(this.pings);
    this.socket.end();
  }
}

/** Undefined for text that is not JSON, which none of our ranks sends. */
function parsed(line: string): Message | undefined {
  try {
    return JSON.parse(line) as Message;
  } catch {
    return undefined;
  }
}

export class RankMonitor {
  private readonly connections = new Map<number, Connection>();
  private readonly pids = new Map<number, number>();
  private server: Server | undefined;
  private closed = false;

  private constructor(
    private readonly communicator: Communicator,
    private readonly events: RankMonitorEvents,
  ) {}

  /**
   * Connects all ranks to rank 0.
   *
   * @returns the monitor and the ranks that could not connect. If there are any, the monitor is undefined on every rank.
   */
  static async start(
    communicator: Communicator,
    events: RankMonitorEvents,
  ): Promise<readonly [RankMonitor | undefined, unreached: readonly number[]]> {
    const monitor = new RankMonitor(communicator, events);
    const { rank, size } = communicator;
    const token = randomBytes(16).toString('hex');
    const own = rank === 0 ? await monitor.listen(token) : undefined;
    const meeting = await fromFirst(communicator, { token, pid: process.pid, ...own! });
    monitor.pids.set(0, meeting.pid);
    const reached = rank === 0 || (await monitor.connect(meeting));
    const missing = new Float64Array(size);
    if (!reached) missing[rank] = 1;
    await communicator.allReduce(missing);
    const unreached = [...missing.keys()].filter((r) => missing[r] === 1);
    if (unreached.length === 0) return [monitor, unreached];
    monitor.close();
    return [undefined, unreached];
  }

  private async listen(token: string): Promise<{ port: number; addresses: string[] }> {
    const server = createServer((socket) => {
      let rank: number | undefined;
      const connection = new Connection(
        socket,
        (message) => {
          if (rank === undefined) {
            // Refuse connections from anything on the network that is not one of our ranks.
            if (message.kind !== 'hello' || message.token !== token) return connection.end();
            ({ rank } = message);
            this.pids.set(rank, message.pid);
            this.connections.set(rank, connection);
            connection.send({ kind: 'welcome' });
          } else this.handle(rank, message, connection);
        },
        () => rank !== undefined && this.lost(rank),
      );
    });
    this.server = server;
    server.unref();
    server.listen(0);
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    // Network addresses first: the loopback address would reach each host itself. It is for ranks on the same host.
    const outer = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80'));
    return { port, addresses: [...outer.map(({ address }) => address), '127.0.0.1'] };
  }

  private async connect(meeting: { token: string; port: number; addresses: string[] }): Promise<boolean> {
    for (const host of meeting.addresses) {
      const connection = await this.handshake(createConnection({ host, port: meeting.port }), meeting.token);
      if (!connection) continue;
      this.connections.set(0, connection);
      return true;
    }
    return false;
  }

  /**
   * Opens the connection to rank 0. Undefined if rank 0 does not answer: from this host, the address may be another
   * machine's.
   */
  private handshake(socket: Socket, token: string): Promise<Connection | undefined> {
    return new Promise((resolve) => {
      let welcome = false;
      const connection = new Connection(
        socket,
        (message) => {
          if (message.kind !== 'welcome') return this.handle(0, message, connection);
          welcome = true;
          clearTimeout(timer);
          resolve(connection);
        },
        () => {
          clearTimeout(timer);
          if (welcome) this.lost(0);
          else resolve(undefined);
        },
      );
      const timer = setTimeout(() => {
        connection.end();
        socket.destroy();
        resolve(undefined);
      }, CONNECT_TIMEOUT_MS);
      connection.send({ kind: 'hello', token, rank: this.communicator.rank, pid: process.pid });
    });
  }

  private handle(rank: number, message: Message, connection: Connection): void {
    switch (message.kind) {
      case 'failed':
        connection.end();
        this.connections.delete(rank);
        this.events.onFailure({ rank, error: new PixelwiseError(message.code, message.message) });
        return;
      case 'lost':
        this.reportLost({ rank: message.rank, error: new PixelwiseError('rank-lost', message.message) });
        return;
      case 'bye':
        connection.end();
        this.connections.delete(rank);
    }
  }

  private lost(rank: number): void {
    const pid = this.pids.get(rank);
    const message =
      `${rankText(this.communicator, rank)}${pid === undefined ? '' : ` (process ${pid})`} is gone: ` +
      'it was killed or crashed, or its host or network went down. Saved checkpoints are not affected: continue with --resume.';
    for (const connection of this.connections.values()) connection.send({ kind: 'lost', rank, message });
    this.reportLost({ rank, error: new PixelwiseError('rank-lost', message) });
  }

  private reportLost(failure: RankFailure): void {
    if (this.closed) return;
    this.closed = true;
    this.events.onLost(failure);
  }

  /** Reports an error of this rank to rank 0. This rank is about to exit. */
  report({ code, message }: PixelwiseError): void {
    this.closed = true;
    const connection = this.connections.get(0);
    connection?.send({ kind: 'failed', code, message });
    connection?.end();
  }

  /** Closes the connections. From now on, ranks that end are not reported. */
  close(): void {
    this.closed = true;
    for (const connection of this.connections.values()) {
      connection.send({ kind: 'bye' });
      connection.end();
    }
    this.connections.clear();
    this.server?.close();
  }
}
