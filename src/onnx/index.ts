/** The ONNX file format: plain objects to protobuf and back. */
export {
  type AttributeValue,
  DATA_TYPES,
  type DataType,
  type ExternalData,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type ValueInfo,
} from './model.js';
export { encodeModel } from './encode.js';
export {
  decodeFloat16,
  encodeFloat16,
  float16Values,
  fromFloat16,
  LARGEST_FLOAT16,
  toFloat16,
} from './float16.js';
export { decodeModel, type ExternalReader } from './decode.js';
export {
  type Attributes,
  float,
  float32Values,
  GraphBuilder,
  int,
  ints,
  IR_VERSION,
  modelOf,
  nodeFor,
  OPSET,
  tensorOf,
  text,
  valuesBehind,
} from './graph-builder.js';
