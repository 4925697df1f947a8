/** The default output folder of a job. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** `runs/<name>-<n>`, with the smallest n from 1 that does not exist yet. */
export async function nextFolder(name: string): Promise<string> {
  const names = new Set(await readdir('runs').catch(() => []));
  let number = 1;
  while (names.has(`${name}-${number}`)) number++;
  return join('runs', `${name}-${number}`);
}
