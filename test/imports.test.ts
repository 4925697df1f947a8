/** The folders of `src` are layers, and no file imports itself by way of others. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cyclesOf, importsOf } from './import-graph.js';

const { LAYERS } = (await import('../eslint.config.js' as string)) as {
  LAYERS: readonly { readonly name: string }[];
};
const imports = importsOf(join(import.meta.dirname, '../src'));

test('no file imports itself by way of others, types apart', () => {
  expect(cyclesOf(imports.filter(({ typeOnly }) => !typeOnly))).toEqual([]);
});

test('a folder imports only from itself and the layers below it', () => {
  const layerOf = (file: string) => LAYERS.findIndex(({ name }) => file.startsWith(`${name}/`));
  const upward = imports.filter(({ from, to }) => layerOf(from) >= 0 && layerOf(from) < layerOf(to));
  expect(upward.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

test('every folder is a layer', () => {
  const folders = new Set(imports.flatMap(({ from }) => (from.includes('/') ? [from.split('/')[0]!] : [])));
  expect([...folders].filter((folder) => !LAYERS.some(({ name }) => name === folder))).toEqual([]);
});

test('cycles are found, of two files and of more', () => {
  const edges = ['a>b', 'b>c', 'c>a', 'c>d', 'd>e', 'f>f'].map((edge) => {
    const [from, to] = edge.split('>') as [string, string];
    return { from, to };
  });
  expect(cyclesOf(edges).sort()).toEqual([['a', 'b', 'c'], ['f']]);
});
