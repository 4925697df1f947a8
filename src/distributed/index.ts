/**
 * Distributed training and prediction: which ranks there are, how they communicate and how they divide work. Code that
 * needs Node (MPI, the rank monitor, `exitNow`) is in `node.ts`, so that code for browsers can import this file.
 */
export { checkSameEverywhere, OtherRankError, rankText, together } from './agreement.js';
export { type Communicator, fromAll, fromFirst, toFirst } from './communicator.js';
export { assignBySize, evenShare } from './assign.js';
export { type Launch, launchOf, threadsOfRank } from './environment.js';
export { sumInHalf } from './half.js';
export { asRanks } from './in-process.js';
