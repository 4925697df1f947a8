/** Measures how fast this machine trains, predicts and loads data; see docs/benchmarks.md. */
export { BENCH_MODES, type BenchCase, type BenchMode, type CaseChoice } from './case.js';
export { CONVOLUTION_SHAPES, type ConvolutionRate, type ConvolutionShape } from './convolution-rate.js';
export { forwardOperations, trainingOperations } from '../models/index.js';
export type { LayerTime, OperatorProfile, OperatorTime } from './profile.js';
export { type BenchOptions, type BenchReport, type CaseResult, runBench } from './run.js';
