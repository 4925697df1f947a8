/** Loads the models that a call names by files, before the table of options is made: their options are flags. */
import { isModelFile, loadModelFile } from '../jobs/model-file.js';

/** The words of a call, with the names of models in place of their files. */
export async function withModelFiles(words: readonly string[]): Promise<string[]> {
  const result: string[] = [];
  for (const [i, word] of words.entries()) {
    const before = words[i - 1];
    const attached = word.startsWith('--model=');
    const model = attached ? word.slice('--model='.length) : word;
    const named = attached || before === '--model' || (i === 1 && before === 'summary');
    if (!named || !isModelFile(model)) result.push(word);
    else result.push((attached ? '--model=' : '') + (await loadModelFile(model)));
  }
  return result;
}
