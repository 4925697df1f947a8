/** Lists that name the parts of a data set: `train.txt` and `val.txt` with a sample's name on each line. */
import { stemOf } from '../files.js';
import { officialSplit } from '../split-names.js';
import { readLines } from '../text-file.js';
import { folderOf, nameOf, type Tree } from '../tree.js';
import { wordsOf } from '../pairing/words.js';

const LIST = /^(train(ing)?|val(id(ation)?)?|test(ing)?)\.(txt|lst)$/i;

/** Share of the samples that lists must name before they count as lists of parts. */
const NAMED_SHARE = 0.5;

/** The part of each sample by the lists of the folder; undefined where there are none, or they name others. */
export async function listedParts(
  tree: Tree,
  pairs: readonly { readonly id: string; readonly image: string }[],
): Promise<(string | undefined)[] | undefined> {
  const lists = tree.files.filter((file) => LIST.test(nameOf(file)) && file.split('/').length <= 3);
  if (new Set(lists.map(folderOf)).size !== 1 || lists.length < 2) return undefined;
  const parts = new Map<string, string>();
  for (const list of lists) {
    for (const line of await readLines(tree.path(list))) {
      const name = keyOf(line.split(/[\s,;]/)[0]!);
      const part = officialSplit(wordsOf(stemOf(nameOf(list)))[0]!);
      parts.set(name, part);
    }
  }
  const found = pairs.map(({ id, image }) => parts.get(keyOf(id)) ?? parts.get(keyOf(image)));
  const named = found.filter((part) => part !== undefined);
  return named.length >= NAMED_SHARE * pairs.length && new Set(named).size > 1 ? found : undefined;
}

const keyOf = (path: string): string =>
  stemOf(nameOf(path.replaceAll('\\', '/')))
    .normalize('NFC')
    .toLowerCase();
