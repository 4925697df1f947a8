/** Modules, layers, losses and initialisers, in the terms that PyTorch users know. */
export * from './init.js';
export * from './layers/index.js';
export * from './losses/index.js';
export * from './module.js';
export * from './parameter.js';
export * from './run.js';
export * from './state-dict.js';
export * from './trace.js';
export * from './state.js';
export * from './target-map.js';
