/** A graph compiled for a runtime: symbolic inputs and outputs by name, typed arrays in and out. */
import { ShapeError } from '../errors/index.js';
import type { GraphDefinition, GraphInput, GraphOutput, LoweredGraph, TensorData } from '../graph/index.js';
import { arrayOf, formatShape, inRunOrder, lowerGraph, sizeOf } from '../graph/index.js';
import { encodeModel } from '../onnx/index.js';
import type { View } from './host-buffer.js';
import { arrayAt, transferredView, viewOf } from './host-buffer.js';
import type { Binding, KeptTensors, Runtime, Session, SessionOptions } from './runtime.js';
import { NOTHING_KEPT } from './runtime.js';

export class Program {
  private constructor(
    readonly inputs: readonly GraphInput[],
    readonly outputs: readonly GraphOutput[],
    private readonly session: Session,
  ) {}

  /** Lowers `definition` for the runtime's target and loads it there. */
  static async compile(
    definition: GraphDefinition,
    runtime: Runtime,
    options: SessionOptions & { readonly name?: string } = {},
  ): Promise<Program> {
    const lowered = lowerGraph(definition, runtime.target, options);
    return Program.load(lowered, runtime, options);
  }

  static async load(lowered: LoweredGraph, runtime: Runtime, options: SessionOptions = {}): Promise<Program> {
    const session = await runtime.load(encodeModel(inRunOrder(lowered.model)), options);
    return new Program(lowered.inputs, lowered.outputs, session);
  }

  /**
   * Runs once. `feeds` has a view of memory for every input that is not in `kept`. Results named in `into` are written
   * to those views, those in `kept` stay on the device, all others are returned as new arrays. Names in `kept` that the
   * graph does not have are ignored.
   */
  async run(
    feeds: Readonly<Record<string, View>>,
    into: Readonly<Record<string, View>> = {},
    kept: KeptTensors = NOTHING_KEPT,
  ): Promise<Record<string, TensorData>> {
    const held = this.inputs.filter(({ name }) => name in kept.feeds);
    const bound = this.inputs.flatMap((input): Binding[] => {
      if (input.name in kept.feeds) return [];
      const view = feeds[input.name];
      if (!view) throw new Error(`input "${input.name}" was not fed`);
      return [{ name: input.name, dtype: input.hostDtype, shape: input.shape, view: converted(input, view) }];
    });
    const targets = this.outputs.flatMap(({ name, dtype, shape }): Binding[] => {
      const view = into[name];
      return view ? [{ name, dtype, shape, view }] : [];
    });
    const fresh = this.outputs
      .map(({ name }) => name)
      .filter((name) => !(name in into) && !(name in kept.results));
    return this.session.run(bound, targets, fresh, {
      feeds: Object.fromEntries(held.map(({ name }) => [name, kept.feeds[name]!])),
      results: Object.fromEntries(
        this.outputs.flatMap(({ name }) => (name in kept.results ? [[name, kept.results[name]!]] : [])),
      ),
    });
  }

  /** Runs on plain arrays, which are copied: for tests and small work. */
  async evaluate(feeds: Readonly<Record<string, TensorData>>): Promise<Record<string, TensorData>> {
    for (const { name, shape, dtype } of this.inputs) {
      const data = feeds[name];
      if (data && (data.length !== sizeOf(shape) || data.constructor !== arrayOf(dtype, []).constructor)) {
        throw new ShapeError(
          `input "${name}" needs ${dtype} ${formatShape(shape)}, not ${data.constructor.name} of ${data.length} values`,
        );
      }
    }
    const views = Object.entries(feeds).map(([name, data]) => [name, viewOf(data)] as const);
    return this.run(Object.fromEntries(views));
  }

  release(): Promise<void> {
    return this.session.release();
  }
}

/** Converts integers and bool to int32, for a target that cannot be fed them. */
function converted({ dtype, hostDtype, shape }: GraphInput, view: View): View {
  if (dtype === hostDtype) return view;
  const values = arrayAt(dtype, shape, view.buffer.bytes, view.byteOffset);
  return transferredView(arrayOf(hostDtype, Array.from(values, Number)));
}
