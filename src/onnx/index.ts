/** The ONNX file format: plain objects to protobuf and back. */
export * from './model.js';
export { encodeModel } from './encode.js';
export { decodeModel } from './decode.js';
