/** What training does to arrays besides the optimizer's step. */
import { add, mul } from '../graph/index.js';
import type { ArrayRule } from '../runtime/index.js';
import { arrayRule } from '../runtime/index.js';

/** average ← decay · average + (1 − decay) · value */
export const averageRule = (decay: number): ArrayRule =>
  arrayRule({
    kind: 'average',
    arrays: ['average', 'value'],
    numbers: { keep: decay, gain: 1 - decay },
    update: ({ average, value }, n) => ({ average: add(mul(n.keep, average), mul(n.gain, value)) }),
  });

/** sum ← sum + weight · gradient. @param first whether the sum starts here. */
export const accumulateRule = (weight: number, first: boolean): ArrayRule =>
  arrayRule({
    kind: `accumulate ${first}`,
    arrays: ['sum', 'gradient'],
    numbers: { weight },
    update({ sum, gradient }, n) {
      const weighted = mul(n.weight, gradient);
      return { sum: first ? weighted : add(sum, weighted) };
    },
  });
