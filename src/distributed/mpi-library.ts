/**
 * The MPI library of this machine by foreign-function calls: which file it is, and the handles that its
 * binary interface names types and operations by. In Open MPI (4 and 5) handles are addresses of objects in
 * the library; in MPICH and what shares its ABI (Intel MPI, MVAPICH, Cray) they are whole numbers.
 */
import type { LibraryHandle, load } from 'koffi';
import { PixelwiseError } from '../errors/index.js';

type Koffi = { readonly load: typeof load; address(value: unknown): bigint };

/** A handle or an address, as a call takes it. */
type Handle = bigint | number;

export interface MpiLibrary {
  /** What the library says of itself, on one line. */
  readonly version: string;
  readonly inPlace: bigint;
  readonly world: Handle;
  readonly float: Handle;
  readonly double: Handle;
  readonly byte: Handle;
  readonly operations: { readonly sum: Handle; readonly max: Handle; readonly min: Handle };
  readonly errorsReturn: Handle;
  /** Calls an MPI function. Throws with MPI's own words where it fails. */
  call(name: MpiFunction, ...values: readonly unknown[]): void;
}

/** Argument types: `p` an address, `i` an int, `h` a handle, `o` an int that is given back in an array. */
const FUNCTIONS = {
  MPI_Init_thread: 'ppio',
  MPI_Finalize: '',
  MPI_Comm_set_errhandler: 'hh',
  MPI_Comm_rank: 'ho',
  MPI_Comm_size: 'ho',
  MPI_Get_processor_name: 'po',
  MPI_Allreduce: 'ppihhh',
  MPI_Bcast: 'pihih',
  MPI_Allgather: 'pihpihh',
  MPI_Gatherv: 'pihppphih',
  MPI_Allgatherv: 'pihppphh',
  MPI_Alltoall: 'pihpihh',
  MPI_Barrier: 'h',
} as const;

export type MpiFunction = keyof typeof FUNCTIONS;

/** Where the library may be, the name that the system's loader knows it by. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  linux: ['libmpi.so.40', 'libmpi.so.12', 'libmpich.so.12', 'libmpi.so'],
  darwin: [
    'libmpi.40.dylib',
    'libmpi.dylib',
    '/opt/homebrew/lib/libmpi.dylib',
    '/usr/local/lib/libmpi.dylib',
  ],
};

/** MPI_Init_thread's MPI_THREAD_FUNNELED: one thread of this process makes all calls. */
export const THREAD_FUNNELED = 1;

/** Loads the library. @param path of it, where it is not the system's. */
export async function openMpi(path: string | undefined): Promise<MpiLibrary> {
  const koffi = (await import('koffi')).default as unknown as Koffi & {
    out(type: unknown): unknown;
    pointer(type: string): unknown;
  };
  const library = loadLibrary(koffi, path);
  const version = versionOf(library);
  const symbol = (name: string) => koffi.address(library.symbol(name));
  const handles = hasSymbol(library, 'ompi_mpi_comm_world') ? openMpiHandles(symbol) : MPICH_HANDLES;
  const handle = typeof handles.world === 'bigint' ? 'void *' : 'int';
  const types: Record<string, unknown> = {
    p: 'void *',
    i: 'int',
    h: handle,
    o: koffi.out(koffi.pointer('int')),
  };
  type Native = (...values: readonly unknown[]) => number;
  const natives = new Map<string, Native>();
  const native = (name: string, letters: string): Native => {
    let found = natives.get(name);
    if (!found) {
      found = library.func(
        name,
        'int',
        [...letters].map((letter) => types[letter] as string),
      ) as Native;
      natives.set(name, found);
    }
    return found;
  };
  return {
    version,
    ...handles,
    call(name, ...values) {
      const code = native(name, FUNCTIONS[name])(...values);
      if (code === 0) return;
      const text = Buffer.alloc(1024);
      const length = [0];
      native('MPI_Error_string', 'ipo')(code, text, length);
      throw new Error(`${name}: ${text.toString('latin1', 0, length[0])}`);
    },
  };
}

function loadLibrary(koffi: Koffi, path: string | undefined): LibraryHandle {
  const names = path === undefined ? (NAMES[process.platform] ?? []) : [path];
  const refusals: string[] = [];
  for (const name of names) {
    try {
      // The parts of Open MPI that are loaded later look for its symbols among the process's own.
      return koffi.load(name, { global: true, lazy: true });
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new PixelwiseError(
    'mpi',
    names.length === 0
      ? `MPI is used on Linux and macOS, not on ${process.platform}.`
      : `This process was started as one of several, but there is no MPI library for them to speak by (looked for ${names.join(', ')}). ` +
          `Install Open MPI on this host (Debian: libopenmpi3; conda: openmpi), let LD_LIBRARY_PATH name its folder, or give the file in PIXELWISE_MPI_LIBRARY. ` +
          `(${refusals.at(-1)})`,
  );
}

function hasSymbol(library: LibraryHandle, name: string): boolean {
  try {
    library.symbol(name);
    return true;
  } catch {
    return false;
  }
}

function versionOf(library: LibraryHandle): string {
  // 8192 is MPICH's MPI_MAX_LIBRARY_VERSION_STRING; Open MPI's is smaller.
  const text = Buffer.alloc(8192);
  const length = Buffer.alloc(4);
  library.func('MPI_Get_library_version', 'int', ['void *', 'void *'])(text, length);
  return text
    .toString('latin1', 0, length.readInt32LE())
    .split(/[\n\0]/)[0]!
    .trim();
}

type Handles = Omit<MpiLibrary, 'version' | 'call'>;

const openMpiHandles = (symbol: (name: string) => bigint): Handles => ({
  inPlace: 1n,
  world: symbol('ompi_mpi_comm_world'),
  float: symbol('ompi_mpi_float'),
  double: symbol('ompi_mpi_double'),
  byte: symbol('ompi_mpi_byte'),
  operations: {
    sum: symbol('ompi_mpi_op_sum'),
    max: symbol('ompi_mpi_op_max'),
    min: symbol('ompi_mpi_op_min'),
  },
  errorsReturn: symbol('ompi_mpi_errors_return'),
});

/** The numbers of mpi.h that the MPICH ABI compatibility initiative fixed (www.mpich.org/abi). */
const MPICH_HANDLES: Handles = {
  inPlace: 0xffff_ffff_ffff_ffffn,
  world: 0x44000000,
  float: 0x4c00040a,
  double: 0x4c00080b,
  byte: 0x4c00010d,
  operations: { sum: 0x58000003, max: 0x58000001, min: 0x58000002 },
  errorsReturn: 0x54000001,
};
