/** Damages bytes as broken disks, cut downloads and attackers do. */
import { Random } from '../../src/random/index.js';

/** Numbers at the edges of the types that files store. */
const EDGES = [
  '-1',
  '0',
  '1e9',
  '1e308',
  '9007199254740993',
  '-2147483649',
  'NaN',
  'null',
  '[]',
  '{}',
  '"\\u001b[2J"',
];

/** A changed copy of `seed`. Equal numbers give equal copies. @param text whether numbers in it are replaced, too. */
export function mutated(seed: Uint8Array, number: number, text = false): Uint8Array {
  const random = new Random(number, 'fuzz');
  let bytes = Uint8Array.from(seed);
  const at = () => random.integer(Math.max(1, bytes.length));
  for (let times = 1 + random.integer(4); times > 0; times--) {
    switch (random.integer(text ? 7 : 6)) {
      case 0:
        bytes[at()]! ^= 1 << random.integer(8);
        break;
      case 1:
        bytes[at()] = random.integer(256);
        break;
      case 2:
        bytes = bytes.slice(0, at());
        break;
      case 3: {
        // A stretch a second time.
        const [from, to] = [at(), at()];
        bytes = joined(bytes.subarray(0, to), bytes.subarray(from, from + 64), bytes.subarray(to));
        break;
      }
      case 4: {
        const from = at();
        bytes = joined(bytes.subarray(0, from), bytes.subarray(from + 1 + random.integer(16)));
        break;
      }
      case 5:
        // The largest numbers of four bytes.
        bytes.fill(random.integer(2) === 0 ? 0xff : 0x7f, at(), at() + 4);
        break;
      case 6:
        bytes = otherNumber(bytes, random);
    }
  }
  return bytes;
}

function otherNumber(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  const content = new TextDecoder('latin1').decode(bytes);
  const numbers = [...content.matchAll(/-?\d+(?:\.\d+)?/g)];
  const chosen = numbers[random.integer(Math.max(1, numbers.length))];
  if (chosen === undefined) return Uint8Array.from(bytes);
  const edge = EDGES[random.integer(EDGES.length)]!;
  const changed = content.slice(0, chosen.index) + edge + content.slice(chosen.index + chosen[0].length);
  return Uint8Array.from(changed, (character) => character.charCodeAt(0));
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.concat(parts));
