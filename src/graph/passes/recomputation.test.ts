import { describe, expect, it } from 'vitest';
import type { Operator, Tensor } from '../index.js';
import {
  add,
  apply1,
  foldValues,
  gradients,
  input,
  lowerGraph,
  mul,
  nodesBehind,
  PORTABLE,
  relu,
  sum,
} from '../index.js';
import { unary } from '../operators/unary.js';
import { withRecomputation } from './recomputation.js';

const x = input('x', [8192]);

const recomputedBehind = (results: Record<string, Tensor>) =>
  nodesBehind(Object.values(results)).filter(({ recomputed }) => recomputed);

describe('withRecomputation', () => {
  it('computes what can be computed twice just before it is read', () => {
    const y = relu(mul(x, 2));
    const loss = sum(mul(y, y));
    const gradient = gradients(loss, [x])[0]!;
    const results = withRecomputation({ gradient }, [loss], 'passes');
    expect(recomputedBehind(results).map(({ operator }) => operator.name)).toEqual(['mul', 'relu']);
    expect(recomputedBehind(withRecomputation({ gradient }, [loss], 'none'))).toEqual([]);
  });

  it('is kept when values are folded', () => {
    const weight = input('weight', [8192]);
    const y = relu(mul(x, weight));
    const loss = sum(mul(y, y));
    const gradient = gradients(loss, [x])[0]!;
    const outputs = withRecomputation({ gradient }, [loss], 'passes');
    const folded = foldValues({ inputs: [x, weight], outputs }, (leaf) =>
      leaf === weight ? new Float32Array(8192) : undefined,
    );
    expect(recomputedBehind(folded.outputs)).toHaveLength(recomputedBehind(outputs).length);
    expect(recomputedBehind(folded.outputs).length).toBeGreaterThan(0);
  });

  it('keeps the result of an operator that does not declare how', () => {
    const unknown: Operator<null> = unary('unknown', 'Relu', (_x, y, g) => mul(g, y));
    const loss = sum(apply1(unknown, [mul(x, 2)], null));
    const gradient = gradients(loss, [x])[0]!;
    expect(recomputedBehind(withRecomputation({ gradient }, [loss], 'convolutions'))).toEqual([]);
  });

  it('leaves inputs alone that only the backward pass reads', () => {
    const weight = input('weight', [8192]);
    const loss = sum(relu(x));
    const gradient = add(gradients(loss, [x])[0]!, weight);
    const results = withRecomputation({ gradient }, [loss], 'passes');
    const { inputs } = lowerGraph({ inputs: [x, weight], outputs: results }, PORTABLE);
    expect(inputs.map(({ name }) => name)).toEqual(['x', 'weight']);
  });
});
