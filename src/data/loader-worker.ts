/** Entry point of a loader thread: reads and augments a sample per message; see loader-threads.ts. */
import { parentPort } from 'node:worker_threads';
// These modules register the transforms and fits that descriptions can name.
import './augmentation.js';
import './fit.js';
import './transforms/object-targets.js';
import './transforms/pad.js';
import { PixelwiseError } from '../errors/index.js';
import type { Reply, Request } from './loader-threads.js';
import { standardize } from './normalization.js';
import { ownMemory } from './paired-sample.js';
import { SamplePipeline } from './sample-pipeline.js';
import { readSample } from './sample-reading.js';

const port = parentPort!;
const pipelines = new Map<number, SamplePipeline>();

function pipelineOf({ pipeline: { key, description } }: Request): SamplePipeline {
  let pipeline = pipelines.get(key);
  if (pipeline === undefined) pipelines.set(key, (pipeline = SamplePipeline.from(description)));
  return pipeline;
}

async function prepare(request: Request): Promise<Omit<Reply, 'id'>> {
  const pipeline = pipelineOf(request);
  const { source, keep } = request;
  const random = pipeline.random(request.keys);
  const fitted =
    'fitted' in source ? source.fitted : pipeline.fit(await readSample(source.reading, source.drawn), random);
  const kept = keep ? { ...fitted, image: fitted.image.slice(), mask: fitted.mask.slice() } : undefined;
  const sample = pipeline.augment(fitted, random);
  const { normalization } = pipeline;
  if (normalization?.kind === 'fixed') standardize(sample.image, normalization, sample.image, 0);
  return { sample, ...(kept && { kept }) };
}

function failure(error: unknown): Omit<Reply, 'id'> {
  const message = error instanceof Error ? error.message : String(error);
  return { error: { message, ...(error instanceof PixelwiseError && { code: error.code }) } };
}

port.on('message', (request: Request) => {
  void prepare(request)
    .catch(failure)
    .then((content) => {
      const reply: Reply = { id: request.id, ...content };
      port.postMessage(reply, ownMemory(reply.sample, reply.kept));
    });
});
