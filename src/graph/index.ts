/** Symbolic tensors, their operators, differentiation, passes over graphs, and lowering to ONNX. */
export type {
  DType,
  GraphDefinition,
  KnownValue,
  Node,
  Operator,
  Recomputation,
  Shape,
  TensorData,
  TensorType,
} from './tensor.js';
export {
  apply,
  apply1,
  arrayOf,
  atScope,
  constant,
  currentScope,
  dtypeOf,
  formatShape,
  input,
  isConstant,
  Leaf,
  normalizeAxis,
  requireFloat,
  sameShape,
  scalar,
  scalarValue,
  sizeOf,
  Tensor,
  withScope,
} from './tensor.js';
export type { TensorMethods } from './tensor-methods.js';
export { BACKWARD, gradients } from './gradients.js';
export type { GraphInput, GraphOutput, LoweredGraph, Lowering } from './lowering.js';
export { lowerGraph } from './lowering.js';
export type { MissingOp, Target } from './target.js';
export { CPU, PORTABLE, WEBGPU } from './target.js';
export type { Interval, SpatialAxis } from './region.js';
export { pixelwise, wholeAlong } from './region.js';
export type { ChannelAffine } from './channel-affine.js';
export { absorbedByFilters, normAsAffine } from './channel-affine.js';
export { foldValues } from './passes/folding.js';
export type { FeatureCut, FrozenInputs } from './passes/frozen-features.js';
export {
  chooseFeatures,
  featureGraph,
  featureName,
  featuresAt,
  graphBehindFeatures,
} from './passes/frozen-features.js';
export { peakBytes } from './passes/memory.js';
export { multiplyAdds } from './passes/multiply-adds.js';
export { nodesBehind } from './passes/reachability.js';
export type { ReceptiveField } from './passes/receptive-field.js';
export { receptiveField } from './passes/receptive-field.js';
export type { Recompute } from './passes/recomputation.js';
export { withRecomputation } from './passes/recomputation.js';
export { inRunOrder } from './passes/run-order.js';
export { gelu, hardSwish, leakyRelu, relu, relu6, silu } from './operators/activations.js';
export type { Operand } from './operators/arithmetic.js';
export {
  add,
  broadcastShapes,
  broadcastTo,
  div,
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalOr,
  maximum,
  minimum,
  mul,
  pow,
  sub,
  sumTo,
  where,
} from './operators/arithmetic.js';
export type { ConvGeometry, ConvOptions, Pair } from './operators/convolution.js';
export { conv2d, convTranspose2d, pair } from './operators/convolution.js';
export {
  abs,
  cast,
  clip,
  dropout,
  erf,
  exp,
  log,
  log1p,
  logicalNot,
  neg,
  sigmoid,
  sign,
  softplus,
  sqrt,
  stopGradient,
  tanh,
} from './operators/elementwise.js';
export { flatGroups, joinFlat, unjoinFlat } from './operators/flat.js';
export type { ForeignGraph } from './operators/foreign.js';
export { foreign } from './operators/foreign.js';
export { groupNorm, instanceNorm } from './operators/group-norm.js';
export { gather, oneHot } from './operators/indexing.js';
export { concat, flip, pad, reshape, slice, sliceAll, split, transpose } from './operators/layout.js';
export { matmul } from './operators/matmul.js';
export { batchNorm, batchStatistics } from './operators/normalization.js';
export type { PoolOptions } from './operators/pooling.js';
export {
  adaptiveAvgPool2d,
  avgPool2d,
  globalAvgPool2d,
  maxPool2d,
  maxPool2dWithIndices,
  maxUnpool2d,
} from './operators/pooling.js';
export { argMax, max, mean, min, sum } from './operators/reduction.js';
export { resize } from './operators/resize.js';
export { logSoftmax, softmax } from './operators/softmax.js';
export { cumulativeSum, gatherElements, topK } from './operators/sorting.js';
