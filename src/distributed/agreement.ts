/** Agreement between ranks: work that succeeds on all ranks or fails on all, and values that must be equal on all. */
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { Communicator } from './communicator.js';
import { fromAll } from './communicator.js';

/** Thrown on a rank whose own work succeeded, because another rank failed. That rank throws its own error. */
export class OtherRankError extends PixelwiseError {
  constructor(code: string, message: string) {
    super(code, message);
    this.name = 'OtherRankError';
  }
}

interface Outcome {
  readonly code: string;
  readonly message: string;
}

/**
 * Runs `work` on every rank. If it fails on one rank, the call throws on all of them. `work` must not communicate
 * with other ranks.
 *
 * @throws on a rank where `work` failed, its error; on the others, an OtherRankError that says which ranks failed and
 *   why.
 */
export async function together<T>(communicator: Communicator, work: () => T | Promise<T>): Promise<T> {
  let result: { readonly value: T } | undefined;
  let failure: unknown;
  try {
    result = { value: await work() };
  } catch (error) {
    failure = error;
  }
  const outcomes = await fromAll<Outcome | null>(communicator, result ? null : outcomeOf(failure));
  if (!result) throw failure;
  const failed = outcomes.flatMap((outcome, rank) => (outcome ? [{ ...outcome, rank }] : []));
  if (failed.length === 0) return result.value;
  const messages = failed.map(({ rank, message }) => `${rankText(communicator, rank)}: ${message}`);
  throw new OtherRankError(failed[0]!.code, [...new Set(messages)].join('\n'));
}

function outcomeOf(error: unknown): Outcome {
  const code = error instanceof PixelwiseError ? error.code : 'internal';
  return { code, message: error instanceof Error ? error.message : String(error) };
}

/** `rank 2 on node7`. */
export const rankText = ({ hosts }: Pick<Communicator, 'hosts'>, rank: number): string =>
  `rank ${rank} on ${hosts[rank] ?? 'an unknown host'}`;

/**
 * Checks that values are equal on all ranks.
 *
 * @param things short texts, such as versions or hashes, by the names that error messages use for them.
 * @throws UsageError on every rank. It names the first value that differs, and which ranks have which value.
 */
export async function checkSameEverywhere(
  communicator: Communicator,
  things: Readonly<Record<string, string>>,
): Promise<void> {
  const all = await fromAll(communicator, things);
  for (const name of Object.keys(things)) {
    const holders = new Map<string | undefined, number[]>();
    all.forEach((theirs, rank) => {
      const value = theirs[name];
      holders.set(value, [...(holders.get(value) ?? []), rank]);
    });
    if (holders.size === 1) continue;
    const listed = [...holders].map(
      ([value, ranks]) => `${listRanks(communicator, ranks)}: ${value ?? 'none'}`,
    );
    throw new UsageError(
      `The ranks differ in ${name}, but it must be the same on every host. ${listed.join('; ')}.`,
    );
  }
}

/** Ranks that a message lists by name. */
const MAX_LISTED = 3;

function listRanks(communicator: Communicator, ranks: readonly number[]): string {
  const shown = ranks.slice(0, MAX_LISTED).map((rank) => rankText(communicator, rank));
  return ranks.length > MAX_LISTED
    ? `${shown.join(', ')} and ${ranks.length - MAX_LISTED} more`
    : shown.join(', ');
}
