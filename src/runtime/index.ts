/** Compiled graphs on ONNX Runtime. Nothing here imports Node; the runtime for Node is `runtime/node.js`. */
export { ArrayKernel, compileRule } from './array-kernel.js';
export { type ArrayRule, arrayRule } from './array-rule.js';
export { type ArrayStorage, DeviceArray } from './device-array.js';
export { type ArrayUpdate, DeviceState, HostKernels, type NamedDeviceArrays } from './device-state.js';
export { arrayAt, HostBuffer, transferredView, type View, viewOf } from './host-buffer.js';
export { Program } from './program.js';
export { ProgramCache } from './program-cache.js';
export {
  type Binding,
  type Device,
  type KeptTensors,
  NOTHING_KEPT,
  type Runtime,
  type Session,
  type SessionOptions,
} from './runtime.js';
export { createWebRuntime, type WebRuntimeOptions } from './web.js';
