/** Writes a model as ONNX protobuf. Equal models give equal bytes. */
import { PixelwiseError } from '../errors/index.js';
import { ATTRIBUTE_TYPES, FIELDS } from './fields.js';
import { MessageWriter } from './message-writer.js';
import {
  type AttributeValue,
  DATA_TYPES,
  ELEMENT_BYTES,
  type ExternalData,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type ValueInfo,
} from './model.js';

/** Locations of constants in other files, by name. */
type Places = ReadonlyMap<string, ExternalData>;

/**
 * The bytes of an `.onnx` file.
 *
 * @param external constants that are stored in another file, which the ONNX file refers to.
 * @throws PixelwiseError for a tensor whose data do not fit its dims, an integer beyond 2^53, a float beyond
 *   float32, and a model of 2 GiB or more, the limit of the format.
 */
export function encodeModel(model: OnnxModel, external: Places = new Map()): Uint8Array {
  const f = FIELDS.model;
  const writer = new MessageWriter()
    .int(f.irVersion, model.irVersion)
    .optionalString(f.producerName, model.producerName)
    .optionalString(f.producerVersion, model.producerVersion)
    .message(f.graph, writeGraph(model.graph, external));
  for (const [domain, version] of Object.entries(model.opsets)) {
    const opset = FIELDS.operatorSetId;
    writer.message(
      f.opsetImport,
      new MessageWriter().string(opset.domain, domain).int(opset.version, version),
    );
  }
  for (const [key, value] of Object.entries(model.metadata)) {
    const entry = FIELDS.stringStringEntry;
    writer.message(f.metadataProps, new MessageWriter().string(entry.key, key).string(entry.value, value));
  }
  return writer.finish();
}

function writeGraph(graph: OnnxGraph, external?: Places): MessageWriter {
  const f = FIELDS.graph;
  const writer = new MessageWriter();
  for (const node of graph.nodes) writer.message(f.node, writeNode(node));
  writer.optionalString(f.name, graph.name);
  for (const tensor of graph.initializers) {
    writer.message(f.initializer, writeTensor(tensor, external?.get(tensor.name)));
  }
  for (const input of graph.inputs) writer.message(f.input, writeValueInfo(input));
  for (const output of graph.outputs) writer.message(f.output, writeValueInfo(output));
  return writer;
}

function writeNode(node: OnnxNode): MessageWriter {
  const f = FIELDS.node;
  const writer = new MessageWriter();
  for (const input of node.inputs) writer.string(f.input, input);
  for (const output of node.outputs) writer.string(f.output, output);
  writer.optionalString(f.name, node.name).string(f.opType, node.opType);
  for (const [name, value] of Object.entries(node.attributes)) {
    writer.message(f.attribute, writeAttribute(name, value));
  }
  return writer.optionalString(f.domain, node.domain);
}

function writeAttribute(name: string, attribute: AttributeValue): MessageWriter {
  const f = FIELDS.attribute;
  const writer = new MessageWriter().string(f.name, name);
  switch (attribute.type) {
    case 'float':
      writer.float(f.f, attribute.value);
      break;
    case 'int':
      writer.int(f.i, attribute.value);
      break;
    case 'string':
      writer.string(f.s, attribute.value);
      break;
    case 'tensor':
      writer.message(f.t, writeTensor(attribute.value));
      break;
    case 'graph':
      writer.message(f.g, writeGraph(attribute.value));
      break;
    case 'floats':
      for (const value of attribute.value) writer.float(f.floats, value);
      break;
    case 'ints':
      for (const value of attribute.value) writer.int(f.ints, value);
      break;
    case 'strings':
      for (const value of attribute.value) writer.string(f.strings, value);
      break;
  }
  return writer.int(f.type, ATTRIBUTE_TYPES[attribute.type]);
}

/** `TensorProto.DataLocation`: the data are in another file. */
const EXTERNAL = 1;

function writeTensor(tensor: OnnxTensor, place?: ExternalData): MessageWriter {
  if (tensor.dataType === 'string') {
    throw new PixelwiseError('onnx', `Tensor "${tensor.name}" holds strings; constants must be numbers.`);
  }
  const expected = tensor.dims.reduce((product, size) => product * size, ELEMENT_BYTES[tensor.dataType]);
  const given = place?.length ?? tensor.data.length;
  if (given !== expected) {
    throw new PixelwiseError(
      'onnx',
      `Tensor "${tensor.name}" (${tensor.dataType} ${tensor.dims.join('×')}) needs ${expected} bytes, ` +
        `but its data are ${given}.`,
    );
  }
  const f = FIELDS.tensor;
  const writer = new MessageWriter();
  for (const size of tensor.dims) writer.int(f.dims, size);
  writer.int(f.dataType, DATA_TYPES[tensor.dataType]).optionalString(f.name, tensor.name);
  if (!place) return writer.bytes(f.rawData, tensor.data);
  const entry = FIELDS.stringStringEntry;
  for (const [key, value] of Object.entries(place)) {
    writer.message(
      f.externalData,
      new MessageWriter().string(entry.key, key).string(entry.value, String(value)),
    );
  }
  return writer.int(f.dataLocation, EXTERNAL);
}

function writeValueInfo(info: ValueInfo): MessageWriter {
  const writer = new MessageWriter().string(FIELDS.valueInfo.name, info.name);
  if (info.dataType === undefined) return writer;
  const tensorType = new MessageWriter().int(FIELDS.tensorType.elemType, DATA_TYPES[info.dataType]);
  if (info.dims !== undefined) {
    const shape = new MessageWriter();
    for (const size of info.dims) shape.message(FIELDS.tensorShape.dim, writeDimension(size));
    tensorType.message(FIELDS.tensorType.shape, shape);
  }
  const type = new MessageWriter().message(FIELDS.type.tensorType, tensorType);
  return writer.message(FIELDS.valueInfo.type, type);
}

function writeDimension(size: number | string): MessageWriter {
  const writer = new MessageWriter();
  if (typeof size === 'number') return writer.int(FIELDS.dimension.dimValue, size);
  return writer.optionalString(FIELDS.dimension.dimParam, size);
}
