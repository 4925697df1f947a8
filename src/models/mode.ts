/** Temporarily switches a model to training or evaluation mode. */
import type { Module } from '../nn/index.js';

/** Runs `body` with the model in the given mode, then restores the previous mode of each module. */
export function inMode<T>(model: Module, mode: 'training' | 'evaluation', body: () => T): T {
  const modes = [...model.namedModules()].map(([, module]) => ({ module, training: module.training }));
  try {
    if (mode === 'training') model.train();
    else model.eval();
    return body();
  } finally {
    for (const { module, training } of modes) module.training = training;
  }
}
