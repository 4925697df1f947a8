/** Loads the models that a call names by files, before the table of options is made: their options are flags. */
import { extname } from 'node:path';

/** Whether a `--model` value is a file, judged by its extension. */
const isModelFile = (model: string): boolean => ['.js', '.mjs'].includes(extname(model));

/** The words of a call, with the names of models in place of their files. */
export async function withModelFiles(words: readonly string[]): Promise<string[]> {
  const result: string[] = [];
  for (const [i, word] of words.entries()) {
    const before = words[i - 1];
    const attached = word.startsWith('--model=');
    const model = attached ? word.slice('--model='.length) : word;
    const named = attached || before === '--model' || (i === 1 && before === 'summary');
    if (!named || !isModelFile(model)) {
      result.push(word);
      continue;
    }
    // Imported only for such a call: help must not wait for the models.
    const { loadModelFile } = await import('../jobs/model-file.js');
    result.push((attached ? '--model=' : '') + (await loadModelFile(model)));
  }
  return result;
}
