/** Which weights and buffers are constant during training. Constant folding writes their values into the graph. */
import type { Leaf } from '../graph/index.js';
import type { Module } from '../nn/index.js';
import { inMode } from './mode.js';

/** The weights and buffers of frozen modules (see {@link Module.freeze}), which training does not change. */
export function frozenLeaves(model: Module): ReadonlySet<Leaf> {
  const weights = model.namedParameters().flatMap(([, weight]) => (weight.requiresGrad ? [] : [weight]));
  const inEvaluation = inMode(model, 'training', () =>
    [...model.namedModules()].flatMap(([, module]) => (module.training ? [] : Object.values(module))),
  );
  const constant = new Set<unknown>(inEvaluation);
  const buffers = model.namedBuffers().flatMap(([, buffer]) => (constant.has(buffer) ? [buffer] : []));
  return new Set<Leaf>([...weights, ...buffers]);
}
