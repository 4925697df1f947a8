/** Symbolic tensors, their operations, differentiation and ONNX lowering. */
export * from './tensor.js';
export { BACKWARD, gradients, nodesBehind } from './gradients.js';
export * from './lowering.js';
export { peakBytes } from './memory.js';
export * from './operators/arithmetic.js';
export * from './operators/convolution.js';
export * from './operators/elementwise.js';
export * from './operators/foreign.js';
export * from './operators/indexing.js';
export * from './operators/layout.js';
export * from './operators/matmul.js';
export * from './operators/normalization.js';
export * from './operators/pooling.js';
export * from './operators/reduction.js';
export * from './operators/resize.js';
export * from './operators/softmax.js';
export * from './operators/sorting.js';
