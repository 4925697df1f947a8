/** Several processes that work as one: who they are, how they speak, what they share out. */
export * from './agreement.js';
export * from './communicator.js';
export * from './cost-model.js';
export * from './deal.js';
export * from './environment.js';
export * from './half.js';
export * from './in-process.js';
export * from './leave.js';
export * from './lifeline.js';
export * from './mpi.js';
