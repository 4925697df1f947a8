/** Whole jobs, from files to files: what the commands of the CLI do. */
export * from './train.js';
export * from './train-options.js';
