/** Where a job writes that was told no folder. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** `runs/<name>-1`, or the first number that is free. */
export async function nextFolder(name: string): Promise<string> {
  const names = new Set(await readdir('runs').catch(() => []));
  let number = 1;
  while (names.has(`${name}-${number}`)) number++;
  return join('runs', `${name}-${number}`);
}
