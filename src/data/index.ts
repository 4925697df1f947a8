/** The layer's face: what other layers and the package export. */
export { MASK_VALUES, type MaskValues } from './class-values.js';
export { classNames } from './class-values.js';
export { givenClasses, haveColours } from './coloured-classes.js';
export { Conformed } from './conformed.js';
export type { Batch, Dataset, Sample } from './dataset.js';
export {
  type Fit,
  letterbox,
  randomCrop,
  randomResizedCrop,
  shortestSide,
  type Size,
  sourceSize,
  stretch,
} from './fit.js';
export { type FolderOptions, openFolder } from './formats/folder.js';
export { PETS_TARGETS, type PetsTarget } from './formats/oxford-pets.js';
export { sliceWeights } from './formats/lgg-mri.js';
export { type EpochOptions, type KeptSamples, Loader, type LoaderOptions } from './loader.js';
export { type SampleSource, describeDataset, MemoryDataset, type UnnamedSample } from './memory-dataset.js';
export {
  defaultNormalization,
  type Normalization,
  type NormalizationName,
  normalizationOf,
  rangeOf,
  type ValueRange,
} from './normalization.js';
export { FORMAT_NAMES, type FormatName, openDataset, type OpenOptions, recogniseFormat } from './open.js';
export { compose, oneOf, type PairedSample, sometimes, type Transform } from './paired-sample.js';
export { DiskSampleCache, SampleCache, type SampleStore } from './sample-cache.js';
export { type Sampler, sequential, shuffled, weighted } from './samplers.js';
export { foldsOf } from './folds.js';
export {
  namedPart,
  type Part,
  type PartIds,
  type Parts,
  readIdList,
  splitDataset,
  type SplitOptions,
} from './splits.js';
export { DecodedSamples } from './decoded-samples.js';
export { CoveringPatches, patchesOf, type PatchSize, type PatchSource, RandomPatches } from './patches.js';
export {
  MASKS_FOLDER,
  ORIGINAL_MASKS_FOLDER,
  type ProjectImage,
  projectImages,
  RUNS_FOLDER,
} from './project-images.js';
export { PROJECT_FILE, readStudioProject, type StudioProject } from './studio-project.js';
export { Subset } from './subset.js';
export { parseAugmentation, PRESETS, TRANSFORMS } from './augmentation.js';
export {
  affine,
  type AffineMap,
  randomAffine,
  type RandomAffineOptions,
  rotate,
} from './transforms/affine.js';
export {
  adjustBrightness,
  adjustContrast,
  adjustGamma,
  adjustHue,
  adjustSaturation,
  brightness,
  brightnessShift,
  colourJitter,
  type ColourJitterOptions,
  contrast,
  type Factor,
  gamma,
  hue,
  saturation,
} from './transforms/colour.js';
export { blur, coarseDropout, jpegArtefacts, noise } from './transforms/degrade.js';
export { elastic, gridDistortion } from './transforms/elastic.js';
export { horizontalFlip, quarterTurns, verticalFlip } from './transforms/flip.js';
export { channelColour, type ChannelColourOptions } from './transforms/channel-colour.js';
export { maskAsImage, stretchMaskAsImage } from './transforms/mask-as-image.js';
export { asObjects } from './as-objects.js';
export { objectTargets } from './transforms/object-targets.js';
export { padToMultiple } from './transforms/pad.js';
export { examine } from './doctor/examine.js';
export { type Repair, type RepairedCopy, writeRepairedCopy } from './doctor/repaired-copy.js';
export type { ExamineOptions } from './doctor/facts.js';
export type { ClassShare, DoctorReport, Problem } from './doctor/report.js';
export { indexMasks, MaskIndex, type MaskIndexOptions } from './mask-index.js';
export {
  augmentationSheet,
  augmentedTiles,
  type AugmentationSheetOptions,
  contactSheet,
  sampleTiles,
  type SheetTile,
  type ContactSheetOptions,
} from './contact-sheet.js';
export {
  fetchDataset,
  type FetchDatasetOptions,
  type FetchedDataset,
  type FetchProgress,
} from './fetch/fetch-dataset.js';
export { DATASETS, type DatasetSource } from './fetch/sources.js';
export { findValueRange, percentileNormalization } from './value-range.js';
export { datasetNormalization, type DatasetNormalizationOptions } from './dataset-normalization.js';
