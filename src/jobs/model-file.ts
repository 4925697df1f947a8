/** User-defined models in a JavaScript file: `--model ./my-net.js`. */
import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../errors/index.js';
import { isModelEntry, registerModel } from '../models/index.js';

const files = new Map<string, string>();

/**
 * Loads a module whose default export was made by `defineModel`, and registers the model under the file's name.
 *
 * @param path path of the file, relative to the current folder.
 * @returns the name of the model: `my-net` for `./my-net.js`.
 * @throws UsageError if the file cannot be loaded, or exports something else.
 */
export async function loadModelFile(path: string): Promise<string> {
  const file = resolve(path);
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(file).href)) as typeof module;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--model ${path} cannot be loaded: ${why}`, { cause });
  }
  if (!isModelEntry(module.default)) {
    throw new UsageError(`--model ${path} must export a model: export default defineModel({ … })`);
  }
  const name = basename(file, extname(file));
  registerModel(name, module.default);
  files.set(name, file);
  return name;
}

/** The file that a model was loaded from, so that another process can load it too; undefined for built-in models. */
export const fileOfModel = (name: string): string | undefined => files.get(name);
