/** Compiled graphs on ONNX Runtime. Nothing here imports Node; the runtime for Node is `runtime/node.js`. */
export * from './array-kernel.js';
export * from './array-rule.js';
export * from './device-array.js';
export * from './device-state.js';
export * from './host-buffer.js';
export * from './program.js';
export * from './program-cache.js';
export * from './runtime.js';
export * from './web.js';
