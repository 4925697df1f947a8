/** `pixelwise/browser`: runs trained models in a web page. Nothing it imports uses Node. */
export { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
export { backgroundClass, maskLook, type MaskLook } from '../images/palette.js';
export { isBinary, type MaskClasses, maskValueName } from '../labels/label-set.js';
export type { ClassMask, MaxValue, PixelValues, Raster } from '../images/raster.js';
export type { Planes } from '../images/resize.js';
export type { ModelCard } from '../inference/model-card.js';
export type {
  AskedOptions,
  Segmentation,
  SegmentationWith,
  SegmentedObjects,
  SegmentOptions,
  ViewOptions,
} from '../inference/segmentation.js';
export type { TestTimeAugmentation } from '../inference/symmetries.js';
export { type CleanOptions, cleanMask } from '../inference/components.js';
export type { ObjectFeature, ObjectFeatures } from '../inference/object-outlines.js';
export {
  type Corner,
  type MaskFeature,
  type MaskFeatures,
  type MaskPolygon,
  maskToGeoJson,
  maskToPolygons,
  type PolygonOptions,
  type Ring,
} from '../inference/outlines.js';
export {
  type Intensity,
  type LabelImage,
  type MeasuredObject,
  measureObjects,
  type MeasureOptions,
  type ObjectMap,
  type ObjectMeasurements,
  objectRows,
  type PixelSize,
  type Row,
  toCsv,
  type ValueMask,
} from '../objects/index.js';
export type { Cell } from '../objects/tables.js';
export type { FixedNormalization, Normalization, ValueRange } from '../data/normalization.js';
export type { LossSettings } from '../nn/losses/registry.js';
export {
  type CardLook,
  colorize,
  type ColorizeOptions,
  type DrawOverlayOptions,
  maskToPng,
  type MaskToPngOptions,
} from '../inference/pictures.js';
export type { DisplayRange, RgbaImage } from '../images/paint-mask.js';
export type { LegendSide } from '../images/legend.js';
export type { Colour } from '../images/palette.js';
export { drawOverlay, imageToPng } from './draw-overlay.js';
export type { DeviceChoice } from './device.js';
export { type LoadOptions, type ModelSource, Segmenter, type SegmentManyOptions } from './segmenter.js';
export type { ImageSource } from './sources.js';
