/** Ranks as processes of their own under `mpirun`: for Node, and loaded only there. */
export * from './exit-now.js';
export * from './lifeline.js';
export * from './mpi.js';
