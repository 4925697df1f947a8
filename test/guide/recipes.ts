/** The recipes of CONTRIBUTING.md as changes to a copy of the sources. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A new file, or lines to add below a line of a file that exists. */
export interface Change {
  readonly path: string;
  readonly kind: 'file' | 'edit';
  readonly text: string;
}

/** A block belongs to the last path that the text before it names: "Write `src/x.ts`:". */
export function readRecipes(markdown: string): Change[] {
  const changes: Change[] = [];
  let path: string | undefined;
  for (const [, named, language, text] of markdown.matchAll(/`([\w./-]+)`:\n|^```(\w+)\n([^]*?)^```$/gm)) {
    if (named !== undefined) path = named;
    else if (path !== undefined && (language === 'ts' || language === 'diff'))
      changes.push({ path, kind: language === 'ts' ? 'file' : 'edit', text: text! });
  }
  return changes;
}

/** Makes a change in the folder `root`. Throws if the guide names a line that the file does not have once. */
export async function applyChange(root: string, { path, kind, text }: Change): Promise<void> {
  const file = join(root, path);
  if (kind === 'file') {
    await mkdir(dirname(file), { recursive: true });
    return writeFile(file, text, { flag: 'wx' });
  }
  const lines = (await readFile(file, 'utf8')).split('\n');
  let at = -1;
  for (const change of text.trimEnd().split('\n')) {
    const content = change.slice(1);
    if (change.startsWith('+')) lines.splice(++at, 0, content);
    else {
      const places = lines.flatMap((line, i) => (line === content ? [i] : []));
      if (places.length !== 1)
        throw new Error(`CONTRIBUTING.md: ${path} has ${places.length} lines "${content}", not one`);
      at = places[0]!;
      if (change.startsWith('-')) lines.splice(at--, 1);
    }
  }
  await writeFile(file, lines.join('\n'));
}
