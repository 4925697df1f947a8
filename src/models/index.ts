/** The models, their registry and summaries. */
export { DeepLabV3Plus, DEEPLABV3PLUS, type DeepLabV3PlusOptions } from './deeplabv3plus.js';
export { EncoderUNet } from './encoder-unet.js';
export {
  architectureOf,
  type Encoder,
  type EncoderBn,
  FROZEN_ENCODER_OPTIONS,
  FROZEN_ENCODER_RATE,
  type FrozenEncoderOptions,
  type PretrainedEncoder,
  pretrainedOnImageNet,
} from './encoder.js';
export { Fpn, FPN, type FpnOptions } from './fpn.js';
export { frozenLeaves } from './frozen-leaves.js';
export { MOBILENET_UNET, MobileNetUNet, type MobileNetUNetOptions } from './mobilenet-unet.js';
export { ConvNeXtEncoder } from './encoders/convnext.js';
export { EfficientNetEncoder, type EfficientNetSize } from './encoders/efficientnet.js';
export type {
  EncoderEntry,
  EncoderOptions,
  EncoderOptions as MobileNetV2Options,
  PublishedWeights,
} from './encoders/encoder-entry.js';
export { MobileNetV2, MobileNetV2Encoder } from './encoders/mobilenet-v2.js';
export { MobileNetV3Encoder, type MobileNetV3Size } from './encoders/mobilenet-v3.js';
export { ENCODER_NAMES, encoderEntry, type EncoderName, ENCODERS } from './encoders/registry.js';
export {
  type BenchShape,
  defineModel,
  isModelEntry,
  type ModelDefinition,
  type ModelEntry,
  type ModelFile,
  type ModelValues,
  oneLogitForTwo,
  type PrepareContext,
  type SegmentationModel,
} from './model-entry.js';
export {
  ONNX_UNET,
  OnnxEncoderUNet,
  type OnnxEncoderUNetOptions,
  type OnnxUNetSettings,
} from './onnx-encoder-unet.js';
export {
  type EncoderTap,
  type MeasureOptions,
  OnnxEncoder,
  type OnnxEncoderOptions,
} from './onnx-encoder.js';
export { SHARED_OPTIONS, type SharedOptions } from './options.js';
export { paddedToDivisor } from './padding.js';
export { leafOrder } from './leaf-order.js';
export { PRETRAINED_UNET, PretrainedUNet, type PretrainedUNetOptions } from './pretrained-unet.js';
export { type ImageShape, predictionGraph } from './prediction-graph.js';
export {
  createModel,
  type CreateOptions,
  DEFAULT_MODEL,
  ENCODER_MODEL,
  hasModel,
  modelEntry,
  modelNames,
  modelOptionNames,
  type ModelOptions,
  PRETRAINED_MODEL,
  registerModel,
  registerModelObject,
  withCurrentNames,
} from './registry.js';
export { RESNET18_UNET, RESNET34_UNET, ResNetUNet, type ResNetUNetOptions } from './resnet-unet.js';
export { ResNet, type ResNetDepth, ResNetEncoder, type ResNetOptions } from './encoders/resnet.js';
export { SegNet, SEGNET, type SegNetOptions } from './segnet.js';
export type { SizeLevel } from './sizes.js';
export { formatModules, formatSizes, formatSummary } from './summary-text.js';
export {
  type LayerSummary,
  type ModelSummary,
  type ModuleSummary,
  type OpenShape,
  summarize,
  type SummaryOptions,
} from './summary.js';
export { estimateStepCost, forwardOperations, type StepCost, trainingOperations } from './training-cost.js';
export { unet, UNet, UNET, type UNetOptions } from './unet.js';
export { ConvNormActivation } from './conv-norm-activation.js';
