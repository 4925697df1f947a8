/**
 * Ends a process whose MPI thread may be waiting for ranks that will never answer. `process.exit` waits for threads;
 * the system's `_exit` does not. A launcher that sees one rank end this way ends the others.
 */

/** Ends this process immediately. Nothing after it runs: write everything that has to be written before. */
export async function exitNow(exitCode: number): Promise<never> {
  const koffi = (await import('koffi')).default;
  const library = koffi.load(process.platform === 'darwin' ? 'libSystem.B.dylib' : null);
  library.func('_exit', 'void', ['int'])(exitCode);
  throw new Error('_exit returned');
}
