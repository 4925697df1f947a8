/** What differs between the execution providers of ONNX Runtime: each operator asks its target how to be lowered. */

/** Operators that a target lacks or computes wrongly; our operators are lowered to others there. */
export type MissingOp =
  | 'Sign'
  | 'Or'
  | 'LogSoftmax'
  /** Neg, Abs and Sign of integers. */
  | 'integer Neg'
  /** Slice of integers and bool. */
  | 'integer Slice'
  /** Equal, Transpose, Concat and Pad of bool. */
  | 'bool moves'
  /** Pow whose operands differ in shape. */
  | 'broadcasting Pow';

/** What the execution provider that will run a graph can do. */
export interface Target {
  /** For messages: `cpu`, `webgpu`. */
  readonly name: string;
  /** `com.microsoft` FusedMatMul: a matrix product that can read its operands transposed. */
  readonly fusedMatMul: boolean;
  /** MaxPool with its indices output, and MaxUnpool. */
  readonly indexedPooling: boolean;
  /** HardSigmoid as a single kernel. */
  readonly hardSigmoid: boolean;
  /**
   * Whether graphs are lowered to few operators, at the price of memory traffic: starting a kernel takes longer than the
   * arithmetic of a small one.
   */
  readonly fewKernels: boolean;
  /**
   * Whether Softmax is fast along every axis. ONNX Runtime's CPU provider transposes for any but the last one, on one
   * thread: 65 instead of 8 ms for 8×11×192×256.
   */
  readonly softmaxOfAnyAxis: boolean;
  /** Slice with negative steps. */
  readonly negativeSteps: boolean;
  /**
   * Whether the graph can compute with int64 and uint8. If not, it computes with int32 instead. Bool inputs are
   * then fed as int32, too: ONNX Runtime may move a Transpose up to an input, and has no Transpose of bool there.
   */
  readonly allIntegers: boolean;
  /**
   * Channels in a block of ONNX Runtime's private layout for convolutions (see `passes/blocked-layout.ts`). 0 where
   * ONNX Runtime has no such layout, or where a graph may contain standard operators only.
   */
  readonly convolutionBlock: number;
  /** How many tensors Concat and Sum take at once. */
  readonly maxOperands: number;
  readonly missingOps: ReadonlySet<MissingOp>;
}

/** Standard operators only: the target of exported files. */
export const PORTABLE: Target = {
  name: 'onnx',
  fusedMatMul: false,
  indexedPooling: true,
  hardSigmoid: true,
  fewKernels: false,
  softmaxOfAnyAxis: true,
  negativeSteps: true,
  allIntegers: true,
  convolutionBlock: 0,
  maxOperands: Infinity,
  missingOps: new Set(),
};

/** ONNX Runtime's CPU provider; `createNodeRuntime` sets the convolution block of the machine. */
export const CPU: Target = { ...PORTABLE, name: 'cpu', fusedMatMul: true, softmaxOfAnyAxis: false };

/** onnxruntime-web's WebGPU provider, without any node falling back to the CPU. */
export const WEBGPU: Target = {
  name: 'webgpu',
  fusedMatMul: false,
  indexedPooling: false,
  hardSigmoid: false,
  fewKernels: true,
  softmaxOfAnyAxis: true,
  negativeSteps: false,
  allIntegers: false,
  convolutionBlock: 0,
  // A compute stage binds at most eight storage buffers: seven operands and the result.
  maxOperands: 7,
  missingOps: new Set([
    'Sign',
    'Or',
    'LogSoftmax',
    'integer Neg',
    'integer Slice',
    'bool moves',
    // Its shader does not compile where the last axis is repeated and a multiple of 4 (ONNX Runtime 1.30).
    'broadcasting Pow',
  ]),
};
