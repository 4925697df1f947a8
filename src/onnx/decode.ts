/**
 * Reads an ONNX file of any origin into plain objects. Fields that have no effect on what the model computes (doc
 * strings, shapes of inner values, training info) are skipped. Fields that have one, but are not supported, are errors.
 */
import { PixelwiseError } from '../errors/index.js';
import { ATTRIBUTE_TYPES, FIELDS } from './fields.js';
import { MessageReader } from './message-reader.js';
import {
  type AttributeValue,
  DATA_TYPES,
  type DataType,
  ELEMENT_BYTES,
  type ExternalData,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type ValueInfo,
} from './model.js';
import { TypedData } from './tensor-data.js';

const DATA_TYPE_NAMES = new Map<number, DataType>(
  Object.entries(DATA_TYPES).map(([name, number]) => [number, name as DataType]),
);

const ATTRIBUTE_TYPE_NAMES = new Map<number, AttributeValue['type']>(
  Object.entries(ATTRIBUTE_TYPES).map(([name, number]) => [number, name as AttributeValue['type']]),
);

/** Returns the data of the constant `name`, which are in another file. */
export type ExternalReader = (name: string, place: ExternalData) => Uint8Array;

/**
 * Reads the bytes of an `.onnx` file. Tensor data are views of `bytes` where the file stores them as `raw_data`: they may
 * start at any byte, and change when `bytes` change.
 *
 * @param source what error messages call the model, e.g. its file name.
 * @param external returns the data of a constant that is stored in another file. Without it, such a constant is an
 *   error.
 * @throws PixelwiseError if the bytes are truncated, corrupt or not an ONNX model, and for what is not
 *   supported: model-local functions, sparse and string tensors, inputs that are not tensors, integers
 *   beyond 2^53.
 */
export function decodeModel(
  bytes: Uint8Array,
  source = 'The ONNX model',
  external?: ExternalReader,
): OnnxModel {
  const reader = new MessageReader(bytes, source);
  const f = FIELDS.model;
  let irVersion = 0;
  let producerName = '';
  let producerVersion = '';
  let graph: OnnxGraph | undefined;
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  while (reader.next()) {
    switch (reader.field) {
      case f.irVersion:
        irVersion = reader.int();
        break;
      case f.producerName:
        producerName = reader.string();
        break;
      case f.producerVersion:
        producerVersion = reader.string();
        break;
      case f.graph:
        graph = readGraph(reader.message('graph'), external);
        break;
      case f.opsetImport: {
        const [domain, version] = readOpset(reader.message('opset_import'));
        addOnce(reader, opsets, domain, version, 'operator set');
        break;
      }
      case f.metadataProps: {
        const [key, value] = readStringEntry(reader.message('metadata_props'));
        addOnce(reader, metadata, key, value, 'metadata key');
        break;
      }
      case f.functions:
        reader.fail(
          'it defines functions of its own; inline them first (onnx.inliner.inline_local_functions)',
        );
        break;
      default:
        reader.skip();
    }
  }
  if (graph === undefined || irVersion < 1 || opsets.size === 0) {
    const lacking = graph === undefined ? 'graph' : irVersion < 1 ? 'IR version' : 'operator set';
    throw new PixelwiseError('onnx', `${source} is not an ONNX model: it has no ${lacking}.`);
  }
  return {
    irVersion,
    producerName,
    producerVersion,
    opsets: Object.fromEntries(opsets),
    metadata: Object.fromEntries(metadata),
    graph,
  };
}

function readOpset(reader: MessageReader): [domain: string, version: number] {
  let domain = '';
  let version = 0;
  while (reader.next()) {
    if (reader.field === FIELDS.operatorSetId.domain) domain = reader.string();
    else if (reader.field === FIELDS.operatorSetId.version) version = reader.int();
    else reader.skip();
  }
  return [canonicalDomain(domain), version];
}

/** A pair of strings: an entry of the metadata, or a part of the location of external data. */
function readStringEntry(reader: MessageReader): [key: string, value: string] {
  let key = '';
  let value = '';
  while (reader.next()) {
    if (reader.field === FIELDS.stringStringEntry.key) key = reader.string();
    else if (reader.field === FIELDS.stringStringEntry.value) value = reader.string();
    else reader.skip();
  }
  return [key, value];
}

function readGraph(reader: MessageReader, external?: ExternalReader): OnnxGraph {
  const f = FIELDS.graph;
  let name = '';
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case f.node:
        nodes.push(readNode(reader.message(`node[${nodes.length}]`)));
        break;
      case f.name:
        name = reader.string();
        break;
      case f.initializer:
        initializers.push(readTensor(reader.message(`initializer[${initializers.length}]`), external));
        break;
      case f.input:
        inputs.push(readValueInfo(reader.message(`input[${inputs.length}]`)));
        break;
      case f.output:
        outputs.push(readValueInfo(reader.message(`output[${outputs.length}]`)));
        break;
      case f.sparseInitializer:
        reader.fail('it has sparse constants, which are not supported');
        break;
      default:
        reader.skip();
    }
  }
  return { name, nodes, initializers, inputs, outputs };
}

function readNode(reader: MessageReader): OnnxNode {
  const f = FIELDS.node;
  let name = '';
  let opType = '';
  let domain = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, AttributeValue>();
  while (reader.next()) {
    switch (reader.field) {
      case f.input:
        inputs.push(reader.string());
        break;
      case f.output:
        outputs.push(reader.string());
        break;
      case f.name:
        name = reader.string();
        break;
      case f.opType:
        opType = reader.string();
        break;
      case f.domain:
        domain = canonicalDomain(reader.string());
        break;
      case f.attribute: {
        const [key, value] = readAttribute(reader.message(`attribute[${attributes.size}]`));
        addOnce(reader, attributes, key, value, 'attribute');
        break;
      }
      default:
        reader.skip();
    }
  }
  return { name, opType, domain, inputs, outputs, attributes: Object.fromEntries(attributes) };
}

function readAttribute(reader: MessageReader): [name: string, value: AttributeValue] {
  const f = FIELDS.attribute;
  let name = '';
  let typeNumber = 0;
  let int: number | undefined;
  let float: number | undefined;
  let string: string | undefined;
  let tensor: OnnxTensor | undefined;
  let graph: OnnxGraph | undefined;
  const ints: number[] = [];
  const floats: number[] = [];
  const strings: string[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case f.name:
        name = reader.string();
        break;
      case f.type:
        typeNumber = reader.int();
        break;
      case f.i:
        int = reader.int();
        break;
      case f.f:
        float = reader.float();
        break;
      case f.s:
        string = reader.string();
        break;
      case f.t:
        tensor = readTensor(reader.message('t'));
        break;
      case f.g:
        graph = readGraph(reader.message('g'));
        break;
      case f.ints:
        reader.ints(ints);
        break;
      case f.floats:
        reader.floats(floats);
        break;
      case f.strings:
        strings.push(reader.string());
        break;
      case f.refAttrName:
        reader.fail(`attribute "${name}" refers to an attribute of a function, outside of any function`);
        break;
      default:
        reader.skip();
    }
  }
  const type = ATTRIBUTE_TYPE_NAMES.get(typeNumber);
  const present = <T>(value: T | undefined): T => value ?? reader.fail(`attribute "${name}" has no value`);
  switch (type) {
    // Writers that use proto3 leave out values that are zero or empty.
    case 'int':
      return [name, { type, value: int ?? 0 }];
    case 'float':
      return [name, { type, value: float ?? 0 }];
    case 'string':
      return [name, { type, value: string ?? '' }];
    case 'tensor':
      return [name, { type, value: present(tensor) }];
    case 'graph':
      return [name, { type, value: present(graph) }];
    case 'ints':
      return [name, { type, value: ints }];
    case 'floats':
      return [name, { type, value: floats }];
    case 'strings':
      return [name, { type, value: strings }];
    case undefined:
      return reader.fail(
        `attribute "${name}" is of kind ${typeNumber} (AttributeProto.type); ` +
          `supported are ${[...ATTRIBUTE_TYPE_NAMES.values()].join(', ')}`,
      );
  }
}

function readTensor(reader: MessageReader, readExternal?: ExternalReader): OnnxTensor {
  const f = FIELDS.tensor;
  let name = '';
  let typeNumber = 0;
  let raw: Uint8Array | undefined;
  let external = false;
  const place = new Map<string, string>();
  const dims: number[] = [];
  const typed = new TypedData();
  while (reader.next()) {
    switch (reader.field) {
      case f.dims:
        reader.ints(dims);
        break;
      case f.dataType:
        typeNumber = reader.int();
        break;
      case f.name:
        name = reader.string();
        break;
      case f.rawData:
        raw = reader.bytes();
        break;
      case f.floatData:
        typed.float.append(reader.fixedWidth(4));
        break;
      case f.doubleData:
        typed.double.append(reader.fixedWidth(8));
        break;
      case f.int32Data:
        reader.ints(typed.int32);
        break;
      case f.int64Data:
        reader.bigInts((value) => typed.int64.appendBigInt(value));
        break;
      case f.uint64Data:
        reader.bigInts((value) => typed.uint64.appendBigInt(value));
        break;
      case f.externalData:
        external = true;
        place.set(...readStringEntry(reader.message('external_data')));
        break;
      case f.dataLocation:
        external = reader.int() !== 0 || external;
        break;
      default:
        reader.skip();
    }
  }
  if (external && !readExternal) {
    reader.fail(
      `tensor "${name}" keeps its data in another file, which cannot be read here; save the model as a single file ` +
        '(onnx.save(model, path) after onnx.load)',
    );
  }
  const dataType = dataTypeOf(reader, typeNumber, `tensor "${name}"`);
  if (dataType === 'string') reader.fail(`tensor "${name}" holds strings, which are not supported`);
  const data = external
    ? readExternal!(name, {
        location: place.get('location') ?? '',
        offset: Number(place.get('offset') ?? 0),
        length: Number(place.get('length') ?? 0),
      })
    : (raw ?? toRaw(reader, typed, dataType, name));
  const expected = dims.reduce((product, size) => product * size, ELEMENT_BYTES[dataType]);
  if (dims.some((size) => size < 0) || data.length !== expected) {
    reader.fail(
      `tensor "${name}" (${dataType} ${dims.join('×')}) has ${data.length} bytes of data, not ${expected}`,
    );
  }
  return { name, dataType, dims, data };
}

function toRaw(
  reader: MessageReader,
  typed: TypedData,
  dataType: Exclude<DataType, 'string'>,
  name: string,
): Uint8Array {
  try {
    return typed.toRaw(dataType);
  } catch (error) {
    if (error instanceof RangeError) reader.fail(`tensor "${name}": ${error.message}`);
    throw error;
  }
}

function readValueInfo(reader: MessageReader): ValueInfo {
  let name = '';
  let type: Pick<ValueInfo, 'dataType' | 'dims'> = { dataType: undefined, dims: undefined };
  while (reader.next()) {
    if (reader.field === FIELDS.valueInfo.name) name = reader.string();
    else if (reader.field === FIELDS.valueInfo.type) type = readType(reader.message('type'), name);
    else reader.skip();
  }
  return { name, ...type };
}

function readType(reader: MessageReader, name: string): Pick<ValueInfo, 'dataType' | 'dims'> {
  let type: Pick<ValueInfo, 'dataType' | 'dims'> = { dataType: undefined, dims: undefined };
  while (reader.next()) {
    if (reader.field === FIELDS.type.tensorType) {
      type = readTensorType(reader.message('tensor_type'), name);
    } else if (reader.field === FIELDS.type.denotation) {
      reader.skip();
    } else {
      reader.fail(`"${name}" is a sequence, map, optional or sparse value; only dense tensors are supported`);
    }
  }
  return type;
}

function readTensorType(reader: MessageReader, name: string): Pick<ValueInfo, 'dataType' | 'dims'> {
  let typeNumber = 0;
  let dims: (number | string)[] | undefined;
  while (reader.next()) {
    if (reader.field === FIELDS.tensorType.elemType) typeNumber = reader.int();
    else if (reader.field === FIELDS.tensorType.shape) dims = readShape(reader.message('shape'));
    else reader.skip();
  }
  return { dataType: dataTypeOf(reader, typeNumber, `"${name}"`), dims };
}

function readShape(reader: MessageReader): (number | string)[] {
  const dims: (number | string)[] = [];
  while (reader.next()) {
    if (reader.field === FIELDS.tensorShape.dim) dims.push(readDimension(reader.message('dim')));
    else reader.skip();
  }
  return dims;
}

function readDimension(reader: MessageReader): number | string {
  let size: number | string = '';
  while (reader.next()) {
    if (reader.field === FIELDS.dimension.dimValue) {
      const value = reader.int();
      // Some exporters write −1 for an unknown size.
      size = value < 0 ? '' : value;
    } else if (reader.field === FIELDS.dimension.dimParam) {
      size = reader.string();
    } else {
      reader.skip();
    }
  }
  return size;
}

function dataTypeOf(reader: MessageReader, number: number, what: string): DataType {
  return (
    DATA_TYPE_NAMES.get(number) ??
    reader.fail(
      `${what} has element type ${number}; supported are ${[...DATA_TYPE_NAMES.values()].join(', ')}`,
    )
  );
}

/** 'ai.onnx' is another name for ONNX's own operator set, ''. */
function canonicalDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function addOnce<V>(reader: MessageReader, map: Map<string, V>, key: string, value: V, what: string): void {
  if (map.has(key)) reader.fail(`the ${what} "${key}" is given twice`);
  map.set(key, value);
}
