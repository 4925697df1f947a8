/** `pixelwise fetch NAME`: a known data set or the published weights of an encoder, checked and resumable. */
import { resolve } from 'node:path';
import { DATASETS, fetchDataset } from '../../data/index.js';
import { UsageError } from '../../errors/index.js';
import { ENCODERS, encoderEntry } from '../../models/index.js';
import { fetchWeights } from '../../weights/pretrained.js';
import type { CommandResult, Run } from '../command.js';
import { didYouMean } from '../../settings/index.js';
import type { Output } from '../output.js';
import { bytesProgress, showBytes } from '../bytes-progress.js';
import type { Progress } from '../progress.js';

export const run: Run<'fetch'> = async ({ to }, { output, signal, words }) => {
  const name = words[0]!;
  if (Object.hasOwn(DATASETS, name)) return fetchData(name, to, output, signal);
  if (Object.hasOwn(ENCODERS, name)) return fetchEncoder(name, to, output, signal);
  const names = [...Object.keys(DATASETS), ...Object.keys(ENCODERS)];
  throw new UsageError(
    `There is nothing "${name}" to fetch; there are ${names.join(', ')}.${didYouMean(name, names)}`,
  );
};

async function fetchData(
  name: string,
  to: string | undefined,
  output: Output,
  signal: AbortSignal,
): Promise<CommandResult> {
  let shown: Progress | undefined;
  let stage = '';
  const { folder, format, fetched } = await fetchDataset(name, {
    ...(to !== undefined && { to }),
    signal,
    onProgress: (event) => {
      const label = `${event.stage === 'download' ? 'downloading' : 'unpacking'} ${event.file}`;
      if (label !== stage) shown = bytesProgress(output, label, event.totalBytes);
      stage = label;
      showBytes(shown!, event);
    },
  });
  output.close();
  const path = resolve(folder);
  const { page, licence } = DATASETS[name]!;
  output.line(fetched ? `${name} is in ${path}` : `${name} was in ${path} already`);
  output.line(`Licence: ${licence}, see ${page}`);
  return { json: { name, folder: path, format, fetched, licence } };
}

async function fetchEncoder(
  name: string,
  to: string | undefined,
  output: Output,
  signal: AbortSignal,
): Promise<CommandResult> {
  const files: Record<string, string> = {};
  for (const [weights, published] of Object.entries(encoderEntry(name).published)) {
    const progress = bytesProgress(output, `downloading ${published.fileName}`, undefined);
    files[weights] = await fetchWeights(published, {
      ...(to !== undefined && { folder: resolve(to) }),
      signal,
      onProgress: (event) => showBytes(progress, event),
    });
    progress.end();
    output.line(`${name} ${weights}: ${files[weights]}`);
  }
  return { json: { name, files } };
}
