/**
 * Writes small WebAssembly modules: what `array-kernel.ts` needs of the binary format (WebAssembly Core
 * Specification 2.0, chapter 5; the vector instructions are those of fixed-width SIMD).
 */

/** Value types. */
export const I32 = 0x7f;
export const F64 = 0x7c;
export const V128 = 0x7b;

/** Instructions without operands in the code. */
export const OP = { end: 0x0b, i32Add: 0x6a, i32LessUnsigned: 0x49, select: 0x1b } as const;

/** Vector instructions, to follow the prefix 0xfd. */
export const SIMD = {
  store: 0x0b,
  const: 0x0c,
  splat: 0x14,
  equal: 0x47,
  less: 0x49,
  greater: 0x4a,
  lessEqual: 0x4b,
  greaterEqual: 0x4c,
  not: 0x4d,
  and: 0x4e,
  or: 0x50,
  bitselect: 0x52,
  store64Lane: 0x5b,
  load64Zero: 0x5d,
  demote: 0x5e,
  promote: 0x5f,
  abs: 0xec,
  neg: 0xed,
  sqrt: 0xef,
  add: 0xf0,
  sub: 0xf1,
  mul: 0xf2,
  div: 0xf3,
  minimum: 0xf4,
  maximum: 0xf5,
} as const;

/** An unsigned number in LEB128. */
function unsigned(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >>> 7;
  return rest === 0 ? [low] : [low | 0x80, ...unsigned(rest)];
}

/** A signed number in LEB128. */
function signed(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const last = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return last ? [low] : [low | 0x80, ...signed(rest)];
}

export const localGet = (index: number): number[] => [0x20, ...unsigned(index)];
export const localSet = (index: number): number[] => [0x21, ...unsigned(index)];
export const i32 = (value: number): number[] => [0x41, ...signed(value)];
export const simd = (code: number): number[] => [0xfd, ...unsigned(code)];
/** A vector of two 64-bit words, each all ones or all zeros. */
export const mask = (first: boolean, second: boolean): number[] => [
  ...simd(SIMD.const),
  ...Array.from({ length: 16 }, (_, i) => ((i < 8 ? first : second) ? 0xff : 0)),
];
/** A load or store at the address on the stack plus `offset`; `lane` for those of a single lane. */
export const memory = (code: number, offset: number, lane?: number): number[] => [
  ...simd(code),
  // Alignment, as a power of two: a hint.
  3,
  ...unsigned(offset),
  ...(lane === undefined ? [] : [lane]),
];
/** Repeats `body`, which leaves on the stack whether to go on. */
export const loopWhile = (body: readonly number[]): number[] => [0x03, 0x40, ...body, 0x0d, 0, OP.end];

/** A function without results, exported under its place in the list. */
export interface WasmFunction {
  readonly parameters: readonly number[];
  readonly locals: readonly number[];
  readonly body: readonly number[];
}

const sized = (bytes: readonly number[]): number[] => [...unsigned(bytes.length), ...bytes];
const list = (items: readonly (readonly number[])[]): number[] => [
  ...unsigned(items.length),
  ...items.flat(),
];
const name = (text: string): number[] => sized([...new TextEncoder().encode(text)]);
const section = (id: number, content: readonly number[]): number[] => [id, ...sized(content)];

/** A module of `functions` with `pages` of 64 KiB memory, which is exported as `memory`. */
export function wasmModule(functions: readonly WasmFunction[], pages: number): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [0x60, ...sized(parameters), 0]);
  const code = functions.map(({ locals, body }) =>
    sized([...list(locals.map((type) => [1, type])), ...body, OP.end]),
  );
  const exports = [
    [...name('memory'), 2, 0],
    ...functions.map((_, i) => [...name(String(i)), 0, ...unsigned(i)]),
  ];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(types)),
    ...section(3, list(functions.map((_, i) => unsigned(i)))),
    ...section(5, [1, 0, ...unsigned(pages)]),
    ...section(7, list(exports)),
    ...section(10, list(code)),
  ]);
}
