export * from './loss.js';
export * from './binary-cross-entropy.js';
export * from './cross-entropy.js';
export * from './dice.js';
export * from './registry.js';
