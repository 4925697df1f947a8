/**
 * Claims on folders: while a command writes a folder, no other one does. A claim is a hidden file in the folder whose
 * name says which process holds it. A process that has died holds nothing: its claims are removed by the next one.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import { PixelwiseError } from '../errors/index.js';
import { makeFolder, removeEmptyFolders } from './make-folder.js';
import { isSystemError, writeError, writing } from './write-error.js';

export interface ClaimOptions {
  /** What the folder is claimed for, in messages: `train`. */
  readonly purpose: string;
  /** The file to claim, if not the whole folder. Letters, digits, `.`, `_` and `-`. */
  readonly part?: string;
  /** Keep the folder at the end, even if it was created for the claim and is empty. Default false. */
  readonly keepEmpty?: boolean;
  /** Wait for another holder instead of throwing; aborted by the signal. Default false. */
  readonly wait?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** How often a holder shows that it lives, for processes on other machines, which cannot see it. */
const BEAT = 20_000;
/** A holder on another machine that has shown nothing for so long is dead. */
const SILENCE = 120_000;
/** Attempts while several processes come at the same moment. */
const ATTEMPTS = 12;

/** Claims of this process so far. */
let taken = 0;

export class Claim {
  private readonly beat: NodeJS.Timeout;

  private constructor(
    /** Absolute path of the folder. */
    readonly folder: string,
    private readonly file: string,
    /** The topmost folder that was created for the claim. */
    private readonly created: string | undefined,
  ) {
    this.beat = setInterval(() => {
      const now = new Date();
      utimes(file, now, now).catch(() => undefined);
    }, BEAT);
    this.beat.unref();
  }

  /**
   * Claims `folder`, which is created if it does not exist.
   *
   * @throws PixelwiseError `folder-in-use` if another living process holds it, naming that process; `write-failed` if
   *   the folder cannot be written.
   */
  static async take(folder: string, options: ClaimOptions): Promise<Claim> {
    const path = resolve(folder);
    for (let attempt = 1; ; attempt++) {
      try {
        const created = await makeFolder(path);
        return await Claim.acquire(path, created, options);
      } catch (error) {
        if (!isSystemError(error)) throw error;
        // Another process created the folder, found nothing to put into it, and removed it in between.
        if (error.code !== 'ENOENT' || attempt === 3) throw writeError(path, error);
      }
    }
  }

  /**
   * Creates and claims a folder that must not exist yet; undefined if it does. Its parent is created if needed.
   *
   * @throws as {@link take} does.
   */
  static async takeNew(folder: string, options: ClaimOptions): Promise<Claim | undefined> {
    const path = resolve(folder);
    return writing(path, async () => {
      const parent = await makeFolder(dirname(path));
      try {
        await mkdir(path);
      } catch (error) {
        if (isSystemError(error) && error.code === 'EEXIST') return undefined;
        throw error;
      }
      return Claim.acquire(path, parent ?? path, options);
    });
  }

  /**
   * Every process first puts its own claim into the folder and then looks at the others. Of two that come at the same
   * moment, at least one sees the other; it steps back and tries again after a random pause.
   */
  private static async acquire(
    folder: string,
    created: string | undefined,
    { purpose, part = '', keepEmpty = false, wait: waits = false, signal }: ClaimOptions,
  ): Promise<Claim> {
    const prefix = `.pixelwise-${part && `${part}-`}claim-`;
    const name = `${prefix}${ownIdentity()}-${threadId}-${taken++}.lock`;
    const file = join(folder, name);
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted();
      const handle = await open(file, 'wx');
      let holder: Holder | undefined;
      try {
        holder = await livingHolder(folder, prefix, name);
        if (holder === undefined) {
          await handle.writeFile(
            `${JSON.stringify({ purpose, pid: process.pid, host: hostname(), since: new Date() })}\n`,
          );
          return new Claim(folder, file, keepEmpty ? undefined : created);
        }
      } catch (error) {
        await rm(file, { force: true }).catch(() => undefined);
        if (created !== undefined) await removeEmptyFolders(folder, created);
        throw error;
      } finally {
        await handle.close();
      }
      await rm(file, { force: true });
      if (!waits && (holder.settled || attempt >= ATTEMPTS)) throw inUse(folder, holder);
      const pause = holder.settled ? 500 : Math.random() * 20 * 1.5 ** Math.min(attempt, 8);
      await wait(pause, undefined, { ...(signal && { signal }) });
    }
  }

  /** Gives the folder back. It is removed, with parents created for it, if nothing was put into it. */
  async release(): Promise<void> {
    clearInterval(this.beat);
    await rm(this.file, { force: true }).catch(() => undefined);
    if (this.created === undefined) return;
    await removeEmptyFolders(this.folder, this.created);
  }
}

interface Holder {
  readonly pid: number;
  /** Whether it holds the folder; otherwise it is looking at it, as we are. */
  readonly settled: boolean;
  readonly text: string;
}

function inUse(folder: string, { pid, text }: Holder): PixelwiseError {
  let who = `process ${pid}`;
  try {
    const { purpose, host, since } = JSON.parse(text) as Record<string, string>;
    who = `${purpose}, process ${pid} on ${host} since ${since}`;
  } catch {
    // Not yet written, or by another version.
  }
  return new PixelwiseError(
    'folder-in-use',
    `${folder} is being written by another process (${who}). Wait until it ends, or name another folder.`,
  );
}

/** `PID-START-PLACE`: a process, when it started (process ids are used again), and the machine. */
function ownIdentity(): string {
  return `${process.pid}-${startOf(process.pid) ?? 0}-${place()}`;
}

/** Another living process with a claim. Claims of dead ones are removed. */
async function livingHolder(folder: string, prefix: string, own: string): Promise<Holder | undefined> {
  let found: Holder | undefined;
  for (const name of await readdir(folder)) {
    if (name === own || !name.startsWith(prefix) || !name.endsWith('.lock')) continue;
    const [pid, start, where] = name.slice(prefix.length).split('-') as [string, string, string];
    const file = join(folder, name);
    const living = where === place() ? isAlive(Number(pid), Number(start)) : await showsLife(file);
    if (!living) {
      await rm(file, { force: true });
      continue;
    }
    const text = await readFile(file, 'utf8').catch(() => '');
    if (found === undefined || text !== '') found = { pid: Number(pid), settled: text !== '', text };
  }
  return found;
}

/** Whether a process of this machine lives, and is the one that started then. */
function isAlive(pid: number, start: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to another user.
    if (isSystemError(error) && error.code === 'ESRCH') return false;
  }
  const now = startOf(pid);
  return now === undefined || start === 0 || now === start;
}

async function showsLife(file: string): Promise<boolean> {
  const stats = await stat(file).catch(() => undefined);
  return stats !== undefined && Math.abs(Date.now() - stats.mtimeMs) < SILENCE;
}

/**
 * Start of a process in clock ticks since the machine started; −1 if it has ended and its parent has not noticed yet;
 * undefined where the system does not tell.
 */
function startOf(pid: number): number | undefined {
  try {
    // The name in parentheses may itself have spaces and parentheses.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' ? -1 : Number(fields[19]) || undefined;
  } catch {
    return undefined;
  }
}

let placeOfProcess: string | undefined;

/** A name for what process ids belong to: this machine, since it started, and within it this container. */
function place(): string {
  if (placeOfProcess === undefined) {
    const read = (work: () => string): string => {
      try {
        return work().trim();
      } catch {
        return '';
      }
    };
    const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
    const container = read(() => readlinkSync('/proc/self/ns/pid'));
    placeOfProcess = createHash('sha256')
      .update([hostname(), boot, container].join('\n'))
      .digest('hex')
      .slice(0, 12);
  }
  return placeOfProcess;
}
