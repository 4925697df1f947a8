/**
 * This process as one of several that mpirun (or srun …) started: joins the others before a command's work, and
 * sees to it that all end together, with one voice, that of rank 0.
 */
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Communicator, Launch } from '../distributed/index.js';
import type { Lifeline, RankFailure } from '../distributed/node.js';
import { PixelwiseError } from '../errors/index.js';

/** How long rank 0 waits for what other ranks have to say of a failure. */
const GATHER_ERRORS = 400;
/** How long another rank leaves rank 0 to speak and to end all, before it speaks for itself. */
const WAIT_FOR_FIRST = 4_000;

export interface CrewVoice {
  /** Says what went wrong, as the command's own last words. */
  fail(error: PixelwiseError): void;
  /** A word about the work. */
  note(text: string): void;
  /** Says something on any rank, where rank 0 cannot. */
  cry(text: string): void;
}

export class Crew {
  private ending: Promise<never> | undefined;
  private readonly failures: RankFailure[] = [];

  private constructor(
    readonly communicator: Communicator,
    /** Threads for this rank, one of several on its host. */
    readonly threads: number,
    private readonly voice: CrewVoice,
    private lifeline: Lifeline | undefined,
  ) {}

  /**
   * Meets the other ranks.
   *
   * @param library the MPI library's file, where it is not the system's.
   * @throws PixelwiseError `mpi` where there is no library, or another MPI's.
   */
  static async join(launch: Launch, library: string | undefined, voice: CrewVoice): Promise<Crew> {
    // Loaded here and nowhere else: a process by itself knows nothing of MPI.
    const { threadsOfRank } = await import('../distributed/index.js');
    const { Lifeline, MpiCommunicator } = await import('../distributed/node.js');
    const communicator = await MpiCommunicator.connect(launch, library);
    const threads = threadsOfRank(availableParallelism(), cpus().length, launch.localSize);
    const crew = new Crew(communicator, threads, voice, undefined);
    const [lifeline, unreached] = await Lifeline.tie(communicator, {
      onLost: (failure) => void crew.lose(failure),
      onFailure: (failure) => void crew.hear(failure),
    });
    crew.lifeline = lifeline;
    if (!lifeline && communicator.rank === 0) {
      const who = unreached.map((rank) => `rank ${rank} on ${communicator.hosts[rank]}`).join(', ');
      voice.note(
        `${who} cannot reach rank 0 over TCP (a firewall?): a rank that is killed is noticed by the launcher alone.`,
      );
    }
    return crew;
  }

  private get isFirst(): boolean {
    return this.communicator.rank === 0;
  }

  /** The work is done on this rank; waits for the others. */
  async part(): Promise<void> {
    await this.communicator.barrier();
    this.lifeline?.close();
    await this.communicator.close();
  }

  /** Ends all ranks for an error of this one. Never comes back. */
  fail(error: PixelwiseError, exitCode: number): Promise<never> {
    return this.end(async () => {
      if (this.isFirst) {
        // Where this rank fails only because of another, that one's words are due.
        await wait(GATHER_ERRORS);
        const echo = error.name === 'ElsewhereError' && this.failures.length > 0;
        if (!echo) this.voice.fail(error);
        this.tellFailures(error.message);
        return exitCode;
      }
      if (error.name !== 'ElsewhereError') {
        if (this.lifeline) this.lifeline.report(error);
        else this.voice.cry(`${this.nameOf(this.communicator.rank)}: ${error.message}`);
      }
      await wait(WAIT_FOR_FIRST);
      return exitCode;
    });
  }

  /** Rank 0 hears of another rank's error. */
  private hear(failure: RankFailure): void {
    this.failures.push(failure);
    if (this.ending) return;
    void this.end(async () => {
      await wait(GATHER_ERRORS);
      this.tellFailures();
      return 1;
    });
  }

  private tellFailures(told?: string): void {
    const texts = new Map<string, RankFailure>();
    for (const failure of this.failures) {
      if (failure.error.message !== told && !texts.has(failure.error.message))
        texts.set(failure.error.message, failure);
    }
    for (const [message, { rank, error }] of texts) {
      this.voice.fail(new PixelwiseError(error.code, `${this.nameOf(rank)}: ${message}`));
    }
  }

  private lose({ rank, error }: RankFailure): Promise<never> {
    return this.end(() => {
      if (this.isFirst) this.voice.fail(error);
      else if (rank === 0) this.voice.cry(error.message);
      return Promise.resolve(1);
    });
  }

  private nameOf(rank: number): string {
    return `rank ${rank} on ${this.communicator.hosts[rank]}`;
  }

  private end(lastWords: () => Promise<number>): Promise<never> {
    this.ending ??= (async () => {
      const exitCode = await lastWords();
      this.lifeline?.close();
      // The goodbyes are on their way once the event loop has turned.
      await wait(20);
      const { leaveAtOnce } = await import('../distributed/node.js');
      return leaveAtOnce(exitCode);
    })();
    return this.ending;
  }
}
