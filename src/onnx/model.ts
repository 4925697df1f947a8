/**
 * The content of an ONNX file as plain objects (https://onnx.ai/onnx/repo-docs/IR.html). `encode.ts` and `decode.ts`
 * convert it to and from protobuf. Nothing else in the project knows that format.
 */

/** Element types, with the numbers of `TensorProto.DataType`. */
export const DATA_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
} as const;

export type DataType = keyof typeof DATA_TYPES;

/** Bytes per element; strings have no fixed size. */
export const ELEMENT_BYTES: Readonly<Record<Exclude<DataType, 'string'>, 1 | 2 | 4 | 8>> = {
  float32: 4,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  int32: 4,
  int64: 8,
  bool: 1,
  float16: 2,
  float64: 8,
  uint32: 4,
  uint64: 8,
};

/** A constant. `data` is little-endian, C-contiguous (`raw_data`); tensors of strings are not supported. */
export interface OnnxTensor {
  readonly name: string;
  readonly dataType: DataType;
  readonly dims: readonly number[];
  readonly data: Uint8Array;
  /** Where `data` lie in a file, in bytes. */
  readonly place?: { readonly path: string; readonly offset: number; readonly length: number };
}

/** The location of a constant's data in another file (`TensorProto.external_data`). */
export interface ExternalData {
  /** The other file, relative to the folder of the ONNX file. */
  readonly location: string;
  /** In bytes. */
  readonly offset: number;
  readonly length: number;
}

export type AttributeValue =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'tensor'; readonly value: OnnxTensor }
  | { readonly type: 'graph'; readonly value: OnnxGraph }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] };

export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  /** '' is ONNX's own operator set. */
  readonly domain: string;
  /** '' marks an optional input that is absent. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/**
 * An input or output. A string among the dims names a size that is known only when the graph runs; '' is such a size
 * without a name. Files may leave out the rank, and in nested graphs also the type.
 */
export interface ValueInfo {
  readonly name: string;
  readonly dataType: DataType | undefined;
  readonly dims: readonly (number | string)[] | undefined;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export interface OnnxModel {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  /** Operator-set versions by domain; '' is ONNX's own. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly graph: OnnxGraph;
}
