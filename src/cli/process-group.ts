/**
 * The group of processes that mpirun (or srun …) started for one command. A process joins it before the work. If
 * one process fails, all of them end, and rank 0 prints the error.
 */
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Communicator, Launch } from '../distributed/index.js';
import type { RankMonitor, RankFailure } from '../distributed/node.js';
import { PixelwiseError } from '../errors/index.js';

/** How long rank 0 waits for the error messages of other ranks, in milliseconds. */
const GATHER_ERRORS = 400;
/** How long another rank waits for rank 0 to print the error and end all ranks, in milliseconds. */
const WAIT_FOR_FIRST = 4_000;

export interface GroupVoice {
  /** Prints the error that ends the command. */
  fail(error: PixelwiseError): void;
  /** Prints a note. */
  note(text: string): void;
  /** Prints an error on any rank, if rank 0 cannot. */
  warn(text: string): void;
}

export class ProcessGroup {
  private ending: Promise<never> | undefined;
  private readonly failures: RankFailure[] = [];

  private constructor(
    readonly communicator: Communicator,
    /** Threads for this rank, one of several on its host. */
    readonly threads: number,
    private readonly voice: GroupVoice,
    private monitor: RankMonitor | undefined,
  ) {}

  /**
   * Connects to the other ranks.
   *
   * @param library the file of the MPI library, if it is not the system's.
   * @throws PixelwiseError `mpi` if there is no library, or it belongs to another MPI.
   */
  static async join(launch: Launch, library: string | undefined, voice: GroupVoice): Promise<ProcessGroup> {
    // Loaded only here: a single process does not load MPI.
    const { threadsOfRank } = await import('../distributed/index.js');
    const { RankMonitor, MpiCommunicator } = await import('../distributed/node.js');
    const communicator = await MpiCommunicator.connect(launch, library);
    const threads = threadsOfRank(availableParallelism(), cpus().length, launch.localSize);
    const group = new ProcessGroup(communicator, threads, voice, undefined);
    const [monitor, unreached] = await RankMonitor.start(communicator, {
      onLost: (failure) => void group.lose(failure),
      onFailure: (failure) => void group.hear(failure),
    });
    group.monitor = monitor;
    if (!monitor && communicator.rank === 0) {
      const who = unreached.map((rank) => `rank ${rank} on ${communicator.hosts[rank]}`).join(', ');
      voice.note(
        `${who} cannot reach rank 0 over TCP (a firewall?): a rank that is killed is noticed by the launcher alone.`,
      );
    }
    return group;
  }

  private get isFirst(): boolean {
    return this.communicator.rank === 0;
  }

  /** Waits until the work is done on all ranks, and disconnects. */
  async leave(): Promise<void> {
    await this.communicator.barrier();
    this.monitor?.close();
    await this.communicator.close();
  }

  /** Ends all ranks because of an error on this one. Never returns. */
  fail(error: PixelwiseError, exitCode: number): Promise<never> {
    return this.end(async () => {
      if (this.isFirst) {
        // If this rank failed only because another did, the other rank's error is printed instead.
        await wait(GATHER_ERRORS);
        const echo = error.name === 'OtherRankError' && this.failures.length > 0;
        if (!echo) this.voice.fail(error);
        this.printFailures(error.message);
        return exitCode;
      }
      if (error.name !== 'OtherRankError') {
        if (this.monitor) this.monitor.report(error);
        else this.voice.warn(`${this.nameOf(this.communicator.rank)}: ${error.message}`);
      }
      await wait(WAIT_FOR_FIRST);
      return exitCode;
    });
  }

  /** Rank 0 receives another rank's error. */
  private hear(failure: RankFailure): void {
    this.failures.push(failure);
    if (this.ending) return;
    void this.end(async () => {
      await wait(GATHER_ERRORS);
      this.printFailures();
      return 1;
    });
  }

  private printFailures(printed?: string): void {
    const texts = new Map<string, RankFailure>();
    for (const failure of this.failures) {
      if (failure.error.message !== printed && !texts.has(failure.error.message))
        texts.set(failure.error.message, failure);
    }
    for (const [message, { rank, error }] of texts) {
      this.voice.fail(new PixelwiseError(error.code, `${this.nameOf(rank)}: ${message}`));
    }
  }

  private lose({ rank, error }: RankFailure): Promise<never> {
    return this.end(() => {
      if (this.isFirst) this.voice.fail(error);
      else if (rank === 0) this.voice.warn(error.message);
      return Promise.resolve(1);
    });
  }

  private nameOf(rank: number): string {
    return `rank ${rank} on ${this.communicator.hosts[rank]}`;
  }

  private end(report: () => Promise<number>): Promise<never> {
    this.ending ??= (async () => {
      const exitCode = await report();
      this.monitor?.close();
      // Messages to the other ranks are sent in the next turn of the event loop.
      await wait(20);
      const { exitNow } = await import('../distributed/node.js');
      return exitNow(exitCode);
    })();
    return this.ending;
  }
}
