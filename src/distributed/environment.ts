/**
 * Whether this process is one of several that a launcher started together: told by the environment, so that
 * nothing is loaded where it is not.
 */

/** What the launcher says of this process. */
export interface Launch {
  readonly rank: number;
  readonly size: number;
  /** Ranks on this host, where the launcher tells. */
  readonly localSize: number | undefined;
  /** Who told, for messages. */
  readonly launcher: string;
}

interface Dialect {
  readonly launcher: string;
  readonly rank: string;
  readonly size: string;
  readonly localSize: string;
}

/** Open MPI's mpirun (srun with PMIx sets PMIX_RANK besides SLURM's own), and MPICH's, Intel's and Slurm's PMI. */
const DIALECTS: readonly Dialect[] = [
  {
    launcher: "Open MPI's mpirun",
    rank: 'OMPI_COMM_WORLD_RANK',
    size: 'OMPI_COMM_WORLD_SIZE',
    localSize: 'OMPI_COMM_WORLD_LOCAL_SIZE',
  },
  { launcher: 'PMI', rank: 'PMI_RANK', size: 'PMI_SIZE', localSize: 'MPI_LOCALNRANKS' },
  { launcher: 'srun', rank: 'PMIX_RANK', size: 'SLURM_NTASKS', localSize: 'SLURM_NTASKS_PER_NODE' },
];

/** The launch that this process is part of; undefined for a process started by itself, or a launch of one. */
export function launchOf(env: Readonly<Record<string, string | undefined>>): Launch | undefined {
  for (const { launcher, rank, size, localSize } of DIALECTS) {
    const [place, ranks] = [whole(env[rank]), whole(env[size])];
    if (place === undefined || ranks === undefined || place >= ranks) continue;
    return ranks > 1 ? { rank: place, size: ranks, localSize: whole(env[localSize]), launcher } : undefined;
  }
  return undefined;
}

const whole = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;

/**
 * Threads for one of `localSize` ranks on a host: its share of the cores. A rank that the launcher has bound
 * to cores of its own sees no others, and takes all that it sees.
 *
 * @param available cores that this process may use. @param present cores of the host.
 */
export function threadsOfRank(available: number, present: number, localSize: number | undefined): number {
  if (localSize === undefined || available < present) return available;
  return Math.max(1, Math.floor(available / localSize));
}
