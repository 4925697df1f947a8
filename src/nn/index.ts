/** Modules, layers, losses and initialisers, in the terms that PyTorch users know. */
export { constantInit, glorotUniform, heNormal, type Initializer, torchDefault } from './init.js';
export * from './layers/index.js';
export * from './losses/index.js';
export { type Layer, Module } from './module.js';
export { Buffer, ModelTensor, Parameter } from './parameter.js';
export { type NDArray, run } from './run.js';
export { ModelState, type Slot } from './state.js';
export type { NamedArray, StateFile } from './state-dict.js';
export {
  type LayerCall,
  randomMask,
  type RandomMask,
  type Trace,
  traceModel,
  updateBuffer,
} from './trace.js';
