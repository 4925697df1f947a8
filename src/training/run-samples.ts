/** `samples.json`: the ids of the samples in each part of a run. */
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import type { PartIds, Parts } from '../data/index.js';
import { PixelwiseError } from '../errors/index.js';
import { checkedEntries, withChecksum, writeFileAtomic } from '../files/index.js';
import type { RunFolder } from './run-folder.js';

const ids = z.array(z.string());
const schema = z.object({ version: z.literal(1), train: ids, valid: ids, test: ids });

export function idsOf({ train, valid, test }: Parts): PartIds {
  return { train: train.ids, valid: valid?.ids ?? [], test: test?.ids ?? [] };
}

export async function writeRunSamples(folder: RunFolder, parts: Parts): Promise<void> {
  const entries = { version: 1, ...idsOf(parts) };
  await writeFileAtomic(folder.samplesPath, `${JSON.stringify(withChecksum(entries))}\n`);
}

/** Undefined for a run of an earlier version, which has no such file. @throws PixelwiseError `run` if it is damaged. */
export async function readRunSamples(folder: RunFolder): Promise<PartIds | undefined> {
  const text = await readFile(folder.samplesPath, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(folder, 'it is not JSON', cause);
  }
  const result = schema.safeParse(value);
  // One without a checksum, as an earlier version wrote it, is accepted.
  if (result.success && checkedEntries(value as object).intact === false) {
    throw damaged(folder, 'its entries do not fit its checksum', undefined);
  }
  if (!result.success) throw damaged(folder, result.error.issues[0]!.message, result.error);
  const { train, valid, test } = result.data;
  return { train, valid, test };
}

const damaged = (folder: RunFolder, reason: string, cause: unknown) =>
  new PixelwiseError('run', `${folder.samplesPath} is damaged (${reason}): restore or delete it`, { cause });
