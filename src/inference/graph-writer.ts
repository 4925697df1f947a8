/**
 * Writes ONNX nodes one by one, for the parts of a file whose sizes are known only when it runs: symbolic
 * tensors (src/graph) have static shapes.
 */
import type { Attributes, DType, Shape } from '../graph/index.js';
import { arrayOf, int } from '../graph/index.js';
import type { OnnxNode, OnnxTensor } from '../onnx/index.js';
import { DATA_TYPES } from '../onnx/index.js';

export class GraphWriter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  private readonly constants = new Map<string, string>();

  /** @param part begins every name, so that the parts of one file do not collide. */
  constructor(private readonly part: string) {}

  /** Adds a node of one output and returns the output's name: `output`, or one made up. */
  emit(opType: string, inputs: readonly string[], attributes: Attributes = {}, output?: string): string {
    const name = `${this.part}/${opType}_${this.nodes.length}`;
    const result = output ?? name;
    this.nodes.push({ name, opType, domain: '', inputs, outputs: [result], attributes });
    return result;
  }

  /** A constant; the same one again under the same name. */
  constant(values: readonly number[], shape: Shape, dtype: DType): string {
    const key = `${dtype} ${shape.join('×')} ${values.join()}`;
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const name = `${this.part}/constant_${this.initializers.length}`;
    this.define(name, values, shape, dtype);
    this.constants.set(key, name);
    return name;
  }

  /** A constant under a name that others may rely on. */
  define(name: string, values: readonly number[], shape: Shape, dtype: DType): string {
    const { buffer, byteOffset, byteLength } = arrayOf(dtype, values);
    const data = new Uint8Array(buffer, byteOffset, byteLength);
    this.initializers.push({ name, dataType: dtype, dims: shape, data });
    return name;
  }

  /** An int32 of rank 0. */
  int32(value: number): string {
    return this.constant([value], [], 'int32');
  }

  /** A 1-D int64: axes and shapes. */
  int64s(...values: number[]): string {
    return this.constant(values, [values.length], 'int64');
  }

  cast(value: string, to: DType, output?: string): string {
    return this.emit('Cast', [value], { to: int(DATA_TYPES[to]) }, output);
  }
}
