/** `pixelwise/weights`: weight files (safetensors, PyTorch's `.pth`) and the published weights of encoders. */
export { readWeights, type ReadableWeights, writeWeights } from './file.js';
export { decodeSafetensors, encodeSafetensors } from './safetensors.js';
export { decodePth } from './pth.js';
export { type ElementType, floatTensors, type RawTensor, toFloat32 } from './tensor.js';
export type { WeightFile, WeightTensor } from './tensor.js';
export {
  cachedWeights,
  type EncoderWeights,
  type FetchOptions,
  fetchWeights,
  findWeights,
  loadEncoderWeights,
} from './pretrained.js';
export type { NamedShape } from './match.js';
export { inOneFile } from './onnx-external.js';
export { matchPartially, type PartialMatch } from './partial-match.js';
