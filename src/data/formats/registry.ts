/** Every format: how it is recognised and opened. Adding one is a file beside this, and an entry here. */
import type { Dataset } from '../dataset.js';
import type { FormatName } from '../format-names.js';
import { type Layout, openLayout } from '../layout.js';
import type { LegendEntry } from '../mask-meaning.js';
import type { OpenOptions } from '../open.js';
import type { Tree } from '../tree.js';
import { isCamvid, openCamvid } from './camvid.js';
import { isCarvana, openCarvana } from './carvana.js';
import { isCoco, openCoco } from './coco.js';
import { isCvat, openCvat } from './cvat.js';
import { isGeoJson, openGeoJson } from './geojson.js';
import { isLabelStudio, openLabelStudio } from './label-studio.js';
import { isLabelStudioPng, labelStudioPngLayout } from './label-studio-png.js';
import { isLabelme, openLabelme } from './labelme.js';
import { isNnunet, nnunetLayout } from './nnunet.js';
import { isStudio, studioLayout } from './studio.js';
import { isSupervisely, openSupervisely } from './supervisely.js';
import { isVia, openVia } from './via.js';
import { isYolo, openYolo } from './yolo.js';
import { folderLayout } from './folder.js';
import { isLggMri, openLggMri } from './lgg-mri.js';
import { isOxfordPets, openOxfordPets } from './oxford-pets.js';
import { isVoc, openVoc, vocLayout } from './voc.js';

/** Options for opening a format. Class names and their colours are separate. */
export interface FormatOptions extends OpenOptions {
  readonly colours?: readonly LegendEntry[] | undefined;
}

export interface Format {
  /** Whether the files below a folder are laid out like this. */
  recognises(tree: Tree): Promise<boolean>;
  open(tree: Tree, options: FormatOptions): Promise<Dataset>;
  /** The files of a format with image files as masks. Doctor examines them if the data set cannot be opened. */
  layout?(tree: Tree, options: OpenOptions): Promise<Layout>;
  /** Reads `classes` itself; otherwise they must be as many as the format has, and replace its names. */
  readonly takesClasses?: true;
  /** Knows its groups (patients, cars), so that no pattern is taken. */
  readonly hasGroups?: true;
}

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  studio: ofLayout(isStudio, studioLayout),
  'oxford-pets': {
    recognises: isOxfordPets,
    open: (_, { root, target }) => openOxfordPets(root, target),
    hasGroups: true,
  },
  voc: { recognises: isVoc, open: openVoc, layout: vocLayout, takesClasses: true },
  coco: { recognises: isCoco, open: openCoco },
  labelme: { recognises: isLabelme, open: openLabelme },
  'label-studio': { recognises: isLabelStudio, open: openLabelStudio },
  'label-studio-png': ofLayout(isLabelStudioPng, labelStudioPngLayout),
  supervisely: { recognises: isSupervisely, open: openSupervisely },
  via: { recognises: isVia, open: openVia },
  geojson: { recognises: isGeoJson, open: openGeoJson },
  cvat: { recognises: isCvat, open: openCvat },
  nnunet: ofLayout(isNnunet, nnunetLayout),
  yolo: { recognises: isYolo, open: openYolo },
  carvana: { recognises: isCarvana, open: (_, { root }) => openCarvana(root), hasGroups: true },
  camvid: { recognises: isCamvid, open: (_, { root }) => openCamvid(root), hasGroups: true },
  'lgg-mri': { recognises: isLggMri, open: (_, { root }) => openLggMri(root), hasGroups: true },
  folder: ofLayout(() => Promise.resolve(false), folderLayout),
};

/** A format whose masks are image files. */
function ofLayout(
  recognises: Format['recognises'],
  layout: (tree: Tree, options: OpenOptions) => Promise<Layout>,
): Format {
  return {
    recognises,
    layout,
    open: async (tree, options) => openLayout(options.root, await layout(tree, options), options),
    takesClasses: true,
  };
}
