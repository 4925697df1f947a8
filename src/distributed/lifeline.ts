/**
 * How ranks learn that one of them is gone. MPI does not tell: a rank that is killed leaves the others waiting
 * in the operation that it did not come to. So every rank keeps a TCP connection to rank 0 beside MPI. A system
 * closes the connections of a process that dies, however it dies; a host that vanishes falls silent.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { PixelwiseError } from '../errors/index.js';
import { rankText } from './agreement.js';
import type { Communicator } from './communicator.js';
import { fromFirst } from './communicator.js';

const PING_EVERY = 4_000;
const SILENCE_BORNE = 20_000;
const CONNECT_WITHIN = 3_000;

/** What another rank met with. */
export interface RankFailure {
  readonly rank: number;
  readonly error: PixelwiseError;
}

export interface LifelineEvents {
  /** A rank is gone without having said why. Called once. */
  onLost(failure: RankFailure): void;
  /** On rank 0: a rank tells of an error of its own, and will end. */
  onFailure(failure: RankFailure): void;
}

type Message =
  | { readonly kind: 'hello'; readonly token: string; readonly rank: number; readonly pid: number }
  | { readonly kind: 'welcome' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'lost'; readonly rank: number; readonly message: string }
  | { readonly kind: 'bye' };

/** One end of a connection: messages as lines of JSON, and a beat that shows that this end lives. */
class Line {
  private readonly beat: NodeJS.Timeout;
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
    socket.setEncoding('utf8').setNoDelay(true).setTimeout(SILENCE_BORNE);
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
    this.beat = setInterval(() => this.send({ kind: 'ping' }), PING_EVERY);
    // To be watched must not keep a process alive.
    this.beat.unref();
    socket.unref();
  }

  send(message: Message): void {
    if (!this.socket.destroyed) this.socket.write(`${JSON.stringify(message)}\n`);
  }

  /** No more messages; what was sent still leaves. */
  end(): void {
    this.ended = true;
    clearInterval(this.beat);
    this.socket.end();
  }
}

/** Undefined for what none of ours has sent. */
function parsed(line: string): Message | undefined {
  try {
    return JSON.parse(line) as Message;
  } catch {
    return undefined;
  }
}

export class Lifeline {
  private readonly lines = new Map<number, Line>();
  private readonly pids = new Map<number, number>();
  private server: Server | undefined;
  private over = false;

  private constructor(
    private readonly communicator: Communicator,
    private readonly events: LifelineEvents,
  ) {}

  /** Ties all ranks to rank 0. Undefined, on every rank, where one cannot reach it; its rank is the second value. */
  static async tie(
    communicator: Communicator,
    events: LifelineEvents,
  ): Promise<readonly [Lifeline | undefined, unreached: readonly number[]]> {
    const lifeline = new Lifeline(communicator, events);
    const { rank, size } = communicator;
    const token = randomBytes(16).toString('hex');
    const own = rank === 0 ? await lifeline.listen(token) : undefined;
    const meeting = await fromFirst(communicator, { token, pid: process.pid, ...own! });
    lifeline.pids.set(0, meeting.pid);
    const reached = rank === 0 || (await lifeline.connect(meeting));
    const missing = new Float64Array(size);
    if (!reached) missing[rank] = 1;
    await communicator.allReduce(missing);
    const unreached = [...missing.keys()].filter((r) => missing[r] === 1);
    if (unreached.length === 0) return [lifeline, unreached];
    lifeline.close();
    return [undefined, unreached];
  }

  private async listen(token: string): Promise<{ port: number; addresses: string[] }> {
    const server = createServer((socket) => {
      let rank: number | undefined;
      const line = new Line(
        socket,
        (message) => {
          if (rank === undefined) {
            // Anything else on the network may knock here.
            if (message.kind !== 'hello' || message.token !== token) return line.end();
            ({ rank } = message);
            this.pids.set(rank, message.pid);
            this.lines.set(rank, line);
            line.send({ kind: 'welcome' });
          } else this.hear(rank, message, line);
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
    // Addresses of the network first: under the loopback's, every host finds itself.
    const outer = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80'));
    return { port, addresses: [...outer.map(({ address }) => address), '127.0.0.1'] };
  }

  private async connect(meeting: { token: string; port: number; addresses: string[] }): Promise<boolean> {
    for (const host of meeting.addresses) {
      const line = await this.knock(createConnection({ host, port: meeting.port }), meeting.token);
      if (!line) continue;
      this.lines.set(0, line);
      return true;
    }
    return false;
  }

  /** The line to rank 0, if it is rank 0 that answers: an address may lead elsewhere from this host. */
  private knock(socket: Socket, token: string): Promise<Line | undefined> {
    return new Promise((resolve) => {
      let welcome = false;
      const line = new Line(
        socket,
        (message) => {
          if (message.kind !== 'welcome') return this.hear(0, message, line);
          welcome = true;
          clearTimeout(timer);
          resolve(line);
        },
        () => {
          clearTimeout(timer);
          if (welcome) this.lost(0);
          else resolve(undefined);
        },
      );
      const timer = setTimeout(() => {
        line.end();
        socket.destroy();
        resolve(undefined);
      }, CONNECT_WITHIN);
      line.send({ kind: 'hello', token, rank: this.communicator.rank, pid: process.pid });
    });
  }

  private hear(rank: number, message: Message, line: Line): void {
    switch (message.kind) {
      case 'failed':
        line.end();
        this.lines.delete(rank);
        this.events.onFailure({ rank, error: new PixelwiseError(message.code, message.message) });
        return;
      case 'lost':
        this.tell({ rank: message.rank, error: new PixelwiseError('rank-lost', message.message) });
        return;
      case 'bye':
        line.end();
        this.lines.delete(rank);
    }
  }

  private lost(rank: number): void {
    const pid = this.pids.get(rank);
    const message =
      `${rankText(this.communicator, rank)}${pid === undefined ? '' : ` (process ${pid})`} is gone: ` +
      'it was killed or crashed, or its host or network went down. Nothing that was saved is lost: go on with --resume.';
    for (const line of this.lines.values()) line.send({ kind: 'lost', rank, message });
    this.tell({ rank, error: new PixelwiseError('rank-lost', message) });
  }

  private tell(failure: RankFailure): void {
    if (this.over) return;
    this.over = true;
    this.events.onLost(failure);
  }

  /** Tells rank 0 of an error of this rank's own, which is going to end. */
  report({ code, message }: PixelwiseError): void {
    this.over = true;
    const line = this.lines.get(0);
    line?.send({ kind: 'failed', code, message });
    line?.end();
  }

  /** Takes leave: from now on nobody is missed. */
  close(): void {
    this.over = true;
    for (const line of this.lines.values()) {
      line.send({ kind: 'bye' });
      line.end();
    }
    this.lines.clear();
    this.server?.close();
  }
}
