/**
 * Format `nnunet`: nnU-Net's raw data with pictures (`.png`, `.tif`): `imagesTr/CASE_0000.png` with one file a
 * channel, `labelsTr/CASE.png`, `imagesTs`/`labelsTs` for testing, classes in `dataset.json`.
 */
import { PixelwiseError } from '../../errors/index.js';
import type { FilePair } from '../file-dataset.js';
import { stemOf } from '../files.js';
import { finding } from '../finding.js';
import type { Layout } from '../layout.js';
import { isBackgroundName, type LegendEntry } from '../legend.js';
import { describePairing } from '../pairing/describe.js';
import { nameOf, type Tree } from '../tree.js';
import { isObject } from './json-values.js';

export function isNnunet(tree: Tree): Promise<boolean> {
  const images = tree.images();
  const found =
    images.some((file) => file.startsWith('labelsTr/')) &&
    images.some((file) => file.startsWith('imagesTr/') && CHANNEL.test(file));
  return Promise.resolve(found);
}

const CHANNEL = /_(\d{4})\.[^.]+$/;

export async function nnunetLayout(tree: Tree): Promise<Layout> {
  const pairs: FilePair[] = [];
  const relative: { image: string; masks: string[] }[] = [];
  const unlabelled: string[] = [];
  const orphanMasks: string[] = [];
  const otherChannels: string[] = [];
  for (const [part, split] of [
    ['Tr', 'train'],
    ['Ts', 'test'],
  ] as const) {
    const labels = new Map(tree.in(`labels${part}`).map((file) => [stemOf(nameOf(file)), file]));
    for (const image of tree.in(`images${part}`)) {
      const channel = CHANNEL.exec(image)?.[1];
      if (channel !== undefined && channel !== '0000') {
        otherChannels.push(tree.path(image));
        continue;
      }
      const id = stemOf(nameOf(image)).replace(/_\d{4}$/, '');
      const mask = labels.get(id);
      labels.delete(id);
      if (mask === undefined) unlabelled.push(tree.path(image));
      else {
        pairs.push({ id, image: tree.path(image), mask: tree.path(mask), split });
        relative.push({ image, masks: [mask] });
      }
    }
    orphanMasks.push(...[...labels.values()].map((file) => tree.path(file)));
  }
  if (otherChannels.length > 0) {
    throw new PixelwiseError(
      'image-channels',
      `${otherChannels[0]!} is a further channel of its image: nnU-Net keeps channels in files of their own, which are not put together here. ` +
        `Save the channels of each image in one TIFF (${otherChannels.length} such files).`,
    );
  }
  const tested = pairs.some(({ split }) => split === 'test');
  return {
    format: 'nnunet',
    pairing: describePairing(relative),
    pairs: tested ? pairs : pairs.map((pair) => ({ ...pair, split: undefined })),
    unlabelled,
    orphanMasks,
    unused: [],
    legend: await legendOf(tree),
    findings:
      unlabelled.length === 0
        ? []
        : [
            finding(
              'note',
              'mask-missing',
              unlabelled,
              `Images without labels: ${unlabelled.length} kept aside.`,
            ),
          ],
  };
}

/** `labels` of dataset.json: `{"background": 0, "cell": 1}`, or (version 1) `{"0": "background"}`. */
async function legendOf(tree: Tree): Promise<Layout['legend']> {
  const json = tree.has('dataset.json') ? await tree.json('dataset.json') : undefined;
  if (!isObject(json) || !isObject(json.labels)) return undefined;
  const entries = Object.entries(json.labels).flatMap(([key, value]): LegendEntry[] => {
    if (typeof value === 'number') return key === 'ignore' ? [] : [{ name: key, value }];
    return typeof value === 'string' && /^\d+$/.test(key) ? [{ name: value, value: Number(key) }] : [];
  });
  const named = entries.some(({ name, value }) => value === 0 || isBackgroundName(name));
  return {
    source: 'dataset.json',
    entries: named ? entries : [{ name: 'background', value: 0 }, ...entries],
  };
}
