/**
 * The model of a run, created by its name in the registry. If a model is created from a file, the run folder contains
 * a copy of the file, so that the run can be moved and resumed elsewhere; config.json has the SHA-256 of the copy.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { writeFileAtomic } from '../files/index.js';
import type { ModelFile, ModelValues, SegmentationModel } from '../models/index.js';
import { createModel, modelEntry } from '../models/index.js';
import { levelNames } from '../objects/index.js';
import type { Runtime } from '../runtime/index.js';
import { inOneFile } from '../weights/index.js';
import type { RunConfig } from './run-config.js';
import type { RunFolder } from './run-folder.js';

/** A model for a new or a resumed run. */
export interface RunModel {
  readonly model: SegmentationModel;
  /** For config.json. */
  readonly options: ModelValues;
  /** Copies the file that the model was created from, if any, to the run folder. */
  save(folder: RunFolder): Promise<void>;
}

/** What a model is created with besides its options. */
export interface ModelSurroundings {
  readonly channels: number;
  /** Classes, background included. */
  readonly classes: number;
  /** Whether classes overlap. */
  readonly multiLabel?: boolean | undefined;
  readonly size: { readonly height: number; readonly width: number };
  readonly runtime: Runtime;
  /** The resumed run: its copy is read instead of the file that the options name. */
  readonly resumed?: { readonly folder: RunFolder; readonly config: Pick<RunConfig, 'model'> } | undefined;
}

/** Creates the model of a run. Throws as `createModel` does, and for a file that cannot be read or used. */
export async function prepareModel(
  name: string,
  options: ModelValues,
  { channels, classes, multiLabel, size, runtime, resumed }: ModelSurroundings,
): Promise<RunModel> {
  const { file } = modelEntry(name);
  const counts = { channels, classes, multiLabel };
  if (!file)
    return { model: createModel(name, { ...options, ...counts }), options, save: async () => undefined };
  const read = (path: string) =>
    resumed ? readCopy(resumed.folder, file, resumed.config.model.options) : readNamed(path);
  const prepared = await file.prepare(options, { channels, size, runtime, read });
  const { bytes } = prepared;
  const recorded = { sha256: sha256(bytes), ...prepared.options };
  return {
    model: createModel(name, { ...recorded, ...counts }, bytes),
    options: recorded,
    save: (folder) => writeFileAtomic(join(folder.path, file.name), bytes),
  };
}

/** The model that a run's configuration names, without its weights. */
export async function modelOfRun(
  folder: RunFolder,
  {
    model,
    channels,
    classes,
    objects,
    multiLabel,
  }: Pick<RunConfig, 'model' | 'channels' | 'classes' | 'objects' | 'multiLabel'>,
): Promise<SegmentationModel> {
  const { file } = modelEntry(model.name);
  const bytes = file && (await readCopy(folder, file, model.options));
  const outputs = objects ? levelNames(classes) : classes;
  return createModel(model.name, { ...model.options, channels, classes: outputs.length, multiLabel }, bytes);
}

/** A file that the options name, with the data that it keeps in others beside it. */
async function readNamed(path: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new UsageError(`${path} cannot be read: ${cause instanceof Error ? cause.message : ''}`, { cause });
  }
  return inOneFile(bytes, path);
}

/** The copy in the run folder. Throws if it is missing or differs from the original file. */
async function readCopy(
  folder: RunFolder,
  { name }: ModelFile,
  { sha256: expected }: RunConfig['model']['options'],
): Promise<Uint8Array> {
  const path = join(folder.path, name);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new PixelwiseError(
      'run',
      `${path} is missing, but the model is created from it. Put the file that the run was trained with there.`,
      { cause },
    );
  }
  if (sha256(bytes) === expected) return bytes;
  throw new PixelwiseError(
    'run',
    `${path} is not the file that the run was trained with: its SHA-256 is ${sha256(bytes)}, not ${expected}. Put that file there.`,
  );
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
