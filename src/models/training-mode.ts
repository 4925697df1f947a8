/** Looking at a model as it is in training, whatever mode it is in. */
import type { Module } from '../nn/index.js';

/** Runs `body` with the model in training mode and puts every module's mode back. */
export function inTrainingMode<T>(model: Module, body: () => T): T {
  const modes = [...model.namedModules()].map(([, module]) => ({ module, training: module.training }));
  try {
    model.train();
    return body();
  } finally {
    for (const { module, training } of modes) module.training = training;
  }
}
