/** Compiled graphs on ONNX Runtime. Free of Node: `runtime/node.js` is imported apart. */
export * from './array-kernel.js';
export * from './array-rule.js';
export * from './host-buffer.js';
export * from './program.js';
export * from './program-cache.js';
export * from './runtime.js';
export * from './web.js';
