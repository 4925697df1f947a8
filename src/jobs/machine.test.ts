import { expect, it } from 'vitest';
import { vectorFlags } from './machine.js';

it('finds the vector instructions of the first core', () => {
  const x86 =
    'processor\t: 0\nflags\t\t: fpu sse2 avx2 avx512f_not avx fma\nprocessor\t: 1\nflags\t\t: amx_tile\n';
  expect(vectorFlags(x86)).toEqual(['avx', 'fma', 'avx2']);
  expect(vectorFlags('Features\t: fp asimd crc32\n')).toEqual(['asimd']);
  expect(vectorFlags('')).toEqual([]);
});
