/**
 * Finds the MPI library of this machine, and calls it through a foreign-function interface. MPI identifies types and
 * operations by handles. In Open MPI (4 and 5) a handle is the address of an object in the library. In MPICH and the
 * libraries with the same ABI (Intel MPI, MVAPICH, Cray) it is an integer.
 */
import type { LibraryHandle, load } from 'koffi';
import { PixelwiseError } from '../errors/index.js';

type Koffi = { readonly load: typeof load; address(value: unknown): bigint };

/** An MPI handle: an address in Open MPI, an integer in MPICH. */
type Handle = bigint | number;

export interface MpiLibrary {
  /** Name and version as the library reports them, on one line. */
  readonly version: string;
  readonly inPlace: bigint;
  readonly world: Handle;
  readonly float: Handle;
  readonly double: Handle;
  readonly byte: Handle;
  readonly operations: { readonly sum: Handle; readonly max: Handle; readonly min: Handle };
  readonly errorsReturn: Handle;
  /** Calls an MPI function. Throws an error with MPI's message if it fails. */
  call(name: MpiFunction, ...values: readonly unknown[]): void;
}

/** Argument types: `p` an address, `i` an int, `h` a handle, `o` an output int, returned in an array of length 1. */
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

/** Names and paths to try, in this order. The system's loader looks up names without a folder. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  linux: ['libmpi.so.40', 'libmpi.so.12', 'libmpich.so.12', 'libmpi.so'],
  darwin: [
    'libmpi.40.dylib',
    'libmpi.dylib',
    '/opt/homebrew/lib/libmpi.dylib',
    '/usr/local/lib/libmpi.dylib',
  ],
};

/** MPI_THREAD_FUNNELED of MPI_Init_thread: only one thread of this process calls MPI. */
export const THREAD_FUNNELED = 1;

/** Loads the library. @param path path of the library file; default: the system's library. */
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
      // Open MPI loads plug-ins later. They look up its symbols in the global namespace, so it must be loaded there.
      return koffi.load(name, { global: true, lazy: true });
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new PixelwiseError(
    'mpi',
    names.length === 0
      ? `MPI is used on Linux and macOS, not on ${process.platform}.`
      : `This process was started as one of several, but no MPI library was found (tried ${names.join(', ')}). ` +
          `Install Open MPI on this host (Debian: libopenmpi3; conda: openmpi), add its folder to LD_LIBRARY_PATH, or set PIXELWISE_MPI_LIBRARY to the file. ` +
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

/** Handles in mpi.h, as fixed by the MPICH ABI Compatibility Initiative (www.mpich.org/abi). */
const MPICH_HANDLES: Handles = {
  inPlace: 0xffff_ffff_ffff_ffffn,
  world: 0x44000000,
  float: 0x4c00040a,
  double: 0x4c00080b,
  byte: 0x4c00010d,
  operations: { sum: 0x58000003, max: 0x58000001, min: 0x58000002 },
  errorsReturn: 0x54000001,
};
