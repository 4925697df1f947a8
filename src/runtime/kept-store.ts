/**
 * Tensors that stay on the device, by key. Their memory belongs to the session that created them: freeing a tensor
 * after its session was released crashes the process. So a session is released only after the last of its tensors.
 */
import type { KeptTensors } from './runtime.js';

export class KeptStore<Tensor extends { dispose(): void }, Session extends { release(): Promise<void> }> {
  private readonly tensors = new Map<string, { readonly tensor: Tensor; readonly maker: Session }>();
  private readonly releasing = new Set<Session>();

  get size(): number {
    return this.tensors.size;
  }

  get(key: string): Tensor {
    const entry = this.tensors.get(key);
    if (!entry) throw new Error(`nothing is kept on the device as "${key}"`);
    return entry.tensor;
  }

  /** The kept tensors that are inputs of a run, by input name. */
  feeds({ feeds }: KeptTensors): Record<string, Tensor> {
    return Object.fromEntries(Object.entries(feeds).map(([name, key]) => [name, this.get(key)]));
  }

  /** Keeps the results of a run that stay on the device. */
  async keep(
    { results: keys }: KeptTensors,
    results: Readonly<Record<string, Tensor>>,
    maker: Session,
  ): Promise<void> {
    for (const [name, key] of Object.entries(keys)) await this.set(key, results[name]!, maker);
  }

  /** Keeps a result and frees the previous tensor of that key. */
  async set(key: string, tensor: Tensor, maker: Session): Promise<void> {
    const before = this.tensors.get(key);
    this.tensors.set(key, { tensor, maker });
    before?.tensor.dispose();
    if (before) await this.releaseIfDone(before.maker);
  }

  /** Frees tensors at once. The garbage collector does not see their size and would free them late. */
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

  /** Releases a session now, or once the last tensor that it created is freed. */
  async release(session: Session): Promise<void> {
    this.releasing.add(session);
    await this.releaseIfDone(session);
  }

  private async releaseIfDone(session: Session): Promise<void> {
    if (!this.releasing.has(session)) return;
    for (const { maker } of this.tensors.values()) if (maker === session) return;
    this.releasing.delete(session);
    await session.release();
  }
}
