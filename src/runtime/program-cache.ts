/** A cache of compiled graphs within a bound of bytes. The least recently used are released first. */
import type { Program } from './program.js';

interface Entry {
  readonly program: Promise<Program>;
  readonly bytes: number;
}

export class ProgramCache {
  // A Map keeps insertion order. A program that is used is inserted again, so the first entry is the oldest.
  private readonly entries = new Map<string, Entry>();

  /** @param maxBytes the bound on the estimated memory of all cached programs together, while they run */
  constructor(private readonly maxBytes: number) {}

  get size(): number {
    return this.entries.size;
  }

  /** The estimated memory of the cached programs. */
  get bytes(): number {
    let sum = 0;
    for (const entry of this.entries.values()) sum += entry.bytes;
    return sum;
  }

  /**
   * The program of `key`, compiled if it is not cached. To stay within the bound, others are released before; a program
   * that is larger than the bound is cached alone.
   */
  async get(key: string, bytes: number, compile: () => Promise<Program>): Promise<Program> {
    const known = this.entries.get(key);
    if (known) {
      this.entries.delete(key);
      this.entries.set(key, known);
      return known.program;
    }
    for (const [oldest, entry] of this.entries) {
      if (this.bytes + bytes <= this.maxBytes) break;
      this.entries.delete(oldest);
      await (await entry.program).release();
    }
    const entry = { program: compile(), bytes };
    this.entries.set(key, entry);
    try {
      return await entry.program;
    } catch (error) {
      this.entries.delete(key);
      throw error;
    }
  }

  /** Releases every program. */
  async clear(): Promise<void> {
    const programs = [...this.entries.values()].map(({ program }) => program);
    this.entries.clear();
    await Promise.all(programs.map(async (program) => (await program).release()));
  }
}
