/**
 * Tensors that stay on the device, by key. Their memory is the session's that made them: freeing one after its
 * session is gone ends the process. So a session whose results are still kept is released with the last of them.
 */
import type { KeptTensors } from './runtime.js';

export class KeptStore<Tensor extends { dispose(): void }, Session extends { release(): Promise<void> }> {
  private readonly tensors = new Map<string, { readonly tensor: Tensor; readonly maker: Session }>();
  private readonly leaving = new Set<Session>();

  get size(): number {
    return this.tensors.size;
  }

  get(key: string): Tensor {
    const entry = this.tensors.get(key);
    if (!entry) throw new Error(`nothing is kept on the device as "${key}"`);
    return entry.tensor;
  }

  /** The kept tensors that a run is fed with, by input. */
  feeds({ feeds }: KeptTensors): Record<string, Tensor> {
    return Object.fromEntries(Object.entries(feeds).map(([name, key]) => [name, this.get(key)]));
  }

  /** Keeps those results of a run that are to stay. */
  async keep(
    { results: keys }: KeptTensors,
    results: Readonly<Record<string, Tensor>>,
    maker: Session,
  ): Promise<void> {
    for (const [name, key] of Object.entries(keys)) await this.set(key, results[name]!, maker);
  }

  /** Keeps a result in place of what had the key. */
  async set(key: string, tensor: Tensor, maker: Session): Promise<void> {
    const before = this.tensors.get(key);
    this.tensors.set(key, { tensor, maker });
    before?.tensor.dispose();
    if (before) await this.releaseIfDone(before.maker);
  }

  /** Frees tensors at once: to the garbage collector they look like nothing, and it would leave them for long. */
  async drop(keys: readonly string[]): Promise<void> {
    const makers = new Set<Session>();
    for (const key of keys) {
      const entry = this.tensors.get(key);
      if (!entry) continue;
      this.tensors.delete(key);
      entry.tensor.dispose();
      makers.add(entry.maker);
    }
    for (const maker of makers) await this.releaseIfDone(maker);
  }

  clear(): Promise<void> {
    return this.drop([...this.tensors.keys()]);
  }

  /** Releases a session, now or when the last tensor that it made is gone. */
  async release(session: Session): Promise<void> {
    this.leaving.add(session);
    await this.releaseIfDone(session);
  }

  private async releaseIfDone(session: Session): Promise<void> {
    if (!this.leaving.has(session)) return;
    for (const { maker } of this.tensors.values()) if (maker === session) return;
    this.leaving.delete(session);
    await session.release();
  }
}
