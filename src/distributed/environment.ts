/**
 * Detects from environment variables whether this process is one of several that an MPI launcher started. So MPI is
 * not loaded if it is not needed.
 */

/** This process's place in the launch, as the launcher set it in the environment. */
export interface Launch {
  readonly rank: number;
  readonly size: number;
  /** Ranks on this host; undefined if the launcher does not set it. */
  readonly localSize: number | undefined;
  /** The launcher's name, for messages. */
  readonly launcher: string;
}

/** The environment variables that a launcher sets. */
interface LauncherVariables {
  readonly launcher: string;
  readonly rank: string;
  readonly size: string;
  readonly localSize: string;
}

/** Open MPI's mpirun; PMI as set by MPICH, Intel MPI and Slurm; srun with PMIx, which sets PMIX_RANK as well. */
const LAUNCHERS: readonly LauncherVariables[] = [
  {
    launcher: "Open MPI's mpirun",
    rank: 'OMPI_COMM_WORLD_RANK',
    size: 'OMPI_COMM_WORLD_SIZE',
    localSize: 'OMPI_COMM_WORLD_LOCAL_SIZE',
  },
  { launcher: 'PMI', rank: 'PMI_RANK', size: 'PMI_SIZE', localSize: 'MPI_LOCALNRANKS' },
  { launcher: 'srun', rank: 'PMIX_RANK', size: 'SLURM_NTASKS', localSize: 'SLURM_NTASKS_PER_NODE' },
];

/** The launch that this process is part of; undefined if it was started on its own or is the only rank. */
export function launchOf(env: Readonly<Record<string, string | undefined>>): Launch | undefined {
  for (const { launcher, rank, size, localSize } of LAUNCHERS) {
    const [place, ranks] = [whole(env[rank]), whole(env[size])];
    if (place === undefined || ranks === undefined || place >= ranks) continue;
    return ranks > 1 ? { rank: place, size: ranks, localSize: whole(env[localSize]), launcher } : undefined;
  }
  return undefined;
}

const whole = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;

/**
 * Number of threads for one of `localSize` ranks on a host: its share of the cores. If the launcher has bound the rank
 * to certain cores, it uses all of those.
 *
 * @param available number of cores that this process may use.
 * @param present number of cores of the host.
 */
export function threadsOfRank(available: number, present: number, localSize: number | undefined): number {
  if (localSize === undefined || available < present) return available;
  return Math.max(1, Math.floor(available / localSize));
}
