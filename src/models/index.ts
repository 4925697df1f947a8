export * from './padding.js';
export * from './unet.js';
