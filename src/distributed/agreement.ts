/** Ranks that have to be of one mind: work that all of them do or none, and things that must be the same. */
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { Communicator } from './communicator.js';
import { fromAll } from './communicator.js';

/** The error of a rank whose own part went well: another one's is the reason, and says so itself. */
export class ElsewhereError extends PixelwiseError {
  constructor(code: string, message: string) {
    super(code, message);
    this.name = 'ElsewhereError';
  }
}

interface Outcome {
  readonly code: string;
  readonly message: string;
}

/**
 * Does `work`, which calls no other rank, on every rank. Where it fails on one, it fails on all.
 *
 * @throws what it threw here; on the ranks where it went well, an error that says which others failed and why.
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
  const told = failed.map(({ rank, message }) => `${rankText(communicator, rank)}: ${message}`);
  throw new ElsewhereError(failed[0]!.code, [...new Set(told)].join('\n'));
}

function outcomeOf(error: unknown): Outcome {
  const code = error instanceof PixelwiseError ? error.code : 'internal';
  return { code, message: error instanceof Error ? error.message : String(error) };
}

/** `rank 2 on node7`. */
export const rankText = ({ hosts }: Pick<Communicator, 'hosts'>, rank: number): string =>
  `rank ${rank} on ${hosts[rank] ?? 'an unknown host'}`;

/**
 * Checks that things are the same on all ranks.
 *
 * @param things by what they are called in messages: a text each, short (a version) or a hash.
 * @throws UsageError on every rank that names the first thing that differs, and the ranks.
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
      `The ranks differ in ${name}, and cannot work as one. ${listed.join('; ')}. Give every host the same.`,
    );
  }
}

const LISTED = 3;

function listRanks(communicator: Communicator, ranks: readonly number[]): string {
  const shown = ranks.slice(0, LISTED).map((rank) => rankText(communicator, rank));
  return ranks.length > LISTED ? `${shown.join(', ')} and ${ranks.length - LISTED} more` : shown.join(', ');
}
