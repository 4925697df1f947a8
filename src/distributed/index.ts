/**
 * Several processes that work as one: who they are, how they speak, what they share out. What needs Node (MPI
 * itself, the lifeline, leaving) is in `node.ts`, so that what trains in a browser may import this.
 */
export * from './agreement.js';
export * from './communicator.js';
export * from './cost-model.js';
export * from './deal.js';
export * from './environment.js';
export * from './half.js';
export * from './in-process.js';
