/**
 * Several processes that work as one: who they are, how they speak, what they share out. What needs Node (MPI
 * itself, the lifeline, leaving) is in `node.ts`, so that what trains in a browser may import this.
 */
export { checkSameEverywhere, ElsewhereError, rankText, together } from './agreement.js';
export { type Communicator, fromAll, fromFirst, toFirst } from './communicator.js';
export { dealBySize, evenShare } from './deal.js';
export { type Launch, launchOf, threadsOfRank } from './environment.js';
export { sumInHalf } from './half.js';
export { asRanks } from './in-process.js';
