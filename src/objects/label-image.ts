/** Label images: every pixel has the number of its object, and 0 is background. */

export interface LabelImage {
  readonly width: number;
  readonly height: number;
  /** H×W, whole numbers. Numbers may skip. */
  readonly data: Uint8Array | Uint16Array | Uint32Array | Int32Array;
}

/** The numbers that occur in a label image, ascending, and for every pixel the index of its number; −1 for background. */
export interface IndexedLabels {
  readonly width: number;
  readonly height: number;
  readonly numbers: readonly number[];
  readonly indices: Int32Array;
}

/** Up to this number, indices are looked up in a table. */
const LARGEST_TABLE = 2 ** 24;

export function indexLabels({ width, height, data }: LabelImage): IndexedLabels {
  let largest = 0;
  for (let i = 0; i < data.length; i++) if (data[i]! > largest) largest = data[i]!;
  if (largest > LARGEST_TABLE) return indexSparse({ width, height, data });
  const seen = new Uint8Array(largest + 1);
  for (let i = 0; i < data.length; i++) seen[data[i]!] = 1;
  const indexOf = new Int32Array(largest + 1).fill(-1);
  const numbers: number[] = [];
  for (let number = 1; number <= largest; number++) {
    if (seen[number] === 1) indexOf[number] = numbers.push(number) - 1;
  }
  const indices = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) indices[i] = indexOf[data[i]!]!;
  return { width, height, numbers, indices };
}

function indexSparse({ width, height, data }: LabelImage): IndexedLabels {
  const seen = new Set<number>();
  let last = 0;
  for (let i = 0; i < data.length; i++) {
    if (data[i] === last) continue;
    last = data[i]!;
    seen.add(last);
  }
  seen.delete(0);
  const numbers = [...seen].sort((a, b) => a - b);
  const indexOf = new Map(numbers.map((number, index) => [number, index]));
  const indices = new Int32Array(data.length);
  let known = 0;
  let index = -1;
  for (let i = 0; i < data.length; i++) {
    if (data[i] !== known) {
      known = data[i]!;
      index = known === 0 ? -1 : indexOf.get(known)!;
    }
    indices[i] = index;
  }
  return { width, height, numbers, indices };
}
