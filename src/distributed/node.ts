/** Ranks as separate processes under `mpirun`. Needs Node. */
export * from './exit-now.js';
export * from './rank-monitor.js';
export * from './mpi.js';
