/** The suite that every runtime must pass: a vitest test for each case. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Case } from './case.js';
import { CASES } from './cases/index.js';
import type { Deviation } from './check.js';
import type { GoldenCase } from './golden.js';
import { readGolden } from './golden.js';

const golden = (name: string) => readFileSync(new URL(`../golden/${name}`, import.meta.url));

export const GOLDEN: ReadonlyMap<string, GoldenCase> = readGolden(
  JSON.parse(golden('operators.json').toString('utf8')),
  new Uint8Array(golden('operators.bin')).buffer,
);

/** `check` runs one case where the runtime lives: here, or in a page. */
export function conformance(
  runtime: string,
  check: (test: Case, golden: GoldenCase) => Promise<readonly Deviation[]>,
  cases: readonly Case[] = CASES,
): void {
  describe(`operators and gradients on ${runtime}, against PyTorch`, () => {
    for (const each of cases) {
      test(each.name, async () => {
        const deviations = await check(each, GOLDEN.get(each.name)!);
        expect(deviations.filter(({ error, bound }) => !(error <= bound))).toEqual([]);
      });
    }
  });
}
