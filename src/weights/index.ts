/** Weight files read, written, fetched and brought to models. */
export * from './tensor.js';
export { hasFoldedNorms } from './folded-norms.js';
export { decodeSafetensors, encodeSafetensors } from './safetensors.js';
export { decodePth } from './pth.js';
export { readWeights, type ReadableWeights } from './file.js';
export {
  ENCODERS,
  type EncoderDescription,
  type EncoderName,
  encoderDescription,
  type PublishedWeights,
} from './encoders.js';
export { adaptFirstConvolution, matchEncoderWeights, matchWeights, type NamedShape } from './match.js';
export {
  cachedWeights,
  type EncoderWeights,
  fetchWeights,
  type FetchOptions,
  loadEncoderWeights,
} from './pretrained.js';
