export * from './kinds.js';
export * from './setting.js';
export { didYouMean, nearest } from './nearest.js';
