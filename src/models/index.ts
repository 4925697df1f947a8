export * from './padding.js';
export * from './unet.js';
export * from './options.js';
export * from './receptive-field.js';
export * from './registry.js';
export * from './summary.js';
export * from './summary-text.js';
