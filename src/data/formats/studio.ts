/**
 * Format `studio`: a folder that `pixelwise studio` keeps. Its `pixelwise.json` names the classes and says that masks
 * hold class indices and 255 for unlabelled pixels. The images that the studio held out are the validation part.
 */
import { PixelwiseError } from '../../errors/index.js';
import { IGNORE_INDEX } from '../../images/raster.js';
import type { FilePair } from '../file-dataset.js';
import { stemOf } from '../files.js';
import type { Layout } from '../layout.js';
import { isImageName } from '../files.js';
import { MASKS_FOLDER, projectImages } from '../project-images.js';
import { PROJECT_FILE, readStudioProject } from '../studio-project.js';
import type { Tree } from '../tree.js';

export function isStudio(tree: Tree): Promise<boolean> {
  return Promise.resolve(tree.has(PROJECT_FILE));
}

/** @throws PixelwiseError `project` if pixelwise.json is damaged, `data-empty` if no image has labels. */
export async function studioLayout(tree: Tree): Promise<Layout> {
  const { classes, heldOut } = await readStudioProject(tree.path(PROJECT_FILE));
  const images = projectImages(tree.files, isImageName);
  const labelled = images.filter(({ mask }) => tree.has(mask));
  if (labelled.length === 0 || classes.length < 2) {
    throw new PixelwiseError(
      'data-empty',
      `${tree.root}: no image has labels yet. Paint at least two classes in pixelwise studio.`,
    );
  }
  const held = new Set(heldOut);
  const isHeld = labelled.map(({ id }) => held.has(id));
  // Without labels on both sides, the parts are drawn as for any other data.
  const split = isHeld.includes(true) && isHeld.includes(false);
  const pairs = labelled.map(({ id, image, mask }, i): FilePair => {
    const part = isHeld[i] ? 'valid' : 'train';
    return { id: stemOf(id), image: tree.path(image), mask: tree.path(mask), ...(split && { split: part }) };
  });
  const masks = new Set(images.map(({ mask }) => mask));
  const others = tree.files.filter((file) => file.startsWith(`${MASKS_FOLDER}/`) && !masks.has(file));
  return {
    format: 'studio',
    pairing: `${pairs.length} labelled images of ${images.length}, by ${PROJECT_FILE}`,
    pairs: withUniqueIds(pairs, labelled),
    unlabelled: [],
    orphanMasks: others.map((file) => tree.path(file)),
    unused: [],
    legend: {
      source: PROJECT_FILE,
      entries: [
        ...classes.map(({ name }, value) => ({ name, value })),
        { name: 'ignored', value: IGNORE_INDEX },
      ],
    },
  };
}

/** Images that differ only in their endings keep them. */
function withUniqueIds(pairs: readonly FilePair[], images: readonly { readonly id: string }[]): FilePair[] {
  const count = new Map<string, number>();
  for (const { id } of pairs) count.set(id, (count.get(id) ?? 0) + 1);
  return pairs.map((pair, i) => (count.get(pair.id) === 1 ? pair : { ...pair, id: images[i]!.id }));
}
