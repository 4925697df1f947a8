/**
 * Format `label-studio-png`: Label Studio's brush labels as PNG: `task-1-annotation-1-by-1-tag-cell-0.png`, a mask
 * for each task and label. The names hold the task's number, not the image's name: images are taken in the order of
 * their names, which holds where tasks were imported in it; sizes must agree, and it is said.
 */
import { PixelwiseError } from '../../errors/index.js';
import { describeImage } from '../../images/decode.js';
import type { FilePair } from '../file-dataset.js';
import { stemOf } from '../files.js';
import { finding } from '../finding.js';
import type { Layout } from '../layout.js';
import { patternOf } from '../pairing/describe.js';
import { nameOf, type Tree } from '../tree.js';

const MASK = /^task-(\d+)-annotation-(\d+)-by-(.+?)-tag-(.+)-(\d+)\.png$/i;

export function isLabelStudioPng(tree: Tree): Promise<boolean> {
  return Promise.resolve(tree.images().some((file) => MASK.test(nameOf(file))));
}

export async function labelStudioPngLayout(tree: Tree): Promise<Layout> {
  const tasks = new Map<number, { file: string; label: string; annotation: number }[]>();
  const images: string[] = [];
  for (const file of tree.images()) {
    const match = MASK.exec(nameOf(file));
    if (match === null) {
      images.push(file);
      continue;
    }
    const list = tasks.get(Number(match[1])) ?? [];
    tasks.set(Number(match[1]), list);
    list.push({ file, label: match[4]!, annotation: Number(match[2]) });
  }
  const ordered = [...tasks].sort(([a], [b]) => a - b).map(([, masks]) => masks);
  const natural = images.toSorted(new Intl.Collator('en', { numeric: true }).compare);
  if (ordered.length !== natural.length) {
    throw new PixelwiseError(
      'data-ambiguous',
      `${tree.root}: ${ordered.length} tasks and ${natural.length} images: Label Studio's PNG names do not say which image a task is of. ` +
        'Export as JSON too and put it here (it names the images), or name each mask like its image.',
    );
  }
  for (const [i, masks] of ordered.entries()) {
    const [image, mask] = await Promise.all(
      [natural[i]!, masks[0]!.file].map((file) => describeImage(tree.path(file))),
    );
    if (image!.width === mask!.width && image!.height === mask!.height) continue;
    throw new PixelwiseError(
      'data-ambiguous',
      `${tree.root}: by the order of names ${masks[0]!.file} belongs to ${natural[i]!}, but their sizes differ. ` +
        'Export as JSON too and put it here (it names the images), or name each mask like its image.',
    );
  }
  const labels = [...new Set(ordered.flat().map(({ label }) => label))].sort();
  const pairs = natural.map((image, i): FilePair => {
    // Of several people's annotations the first counts.
    const first = Math.min(...ordered[i]!.map(({ annotation }) => annotation));
    const layers = ordered[i]!.filter(({ annotation }) => annotation === first).map(({ file, label }) => ({
      file: tree.path(file),
      value: 1 + labels.indexOf(label),
    }));
    return {
      id: stemOf(image).replace(/^images\//, ''),
      image: tree.path(image),
      mask: layers[0]!.file,
      layers,
    };
  });
  return {
    format: 'label-studio-png',
    pairing: `${pairs.length} pairs in the order of tasks and names: ${patternOf(natural)} ↔ task-N…-tag-LABEL.png`,
    pairs,
    layerClasses: ['background', ...labels],
    unlabelled: [],
    orphanMasks: [],
    unused: [],
    findings: [
      finding(
        'warning',
        'pairing-by-order',
        pairs.map(({ image }) => image),
        "Label Studio's PNG names say nothing of the image; tasks were matched to images in the order of their names.",
        'Look at the contact sheet (doctor --out DIR), or export as JSON too.',
      ),
    ],
  };
}
