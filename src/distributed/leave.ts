/**
 * The end of a process whose MPI thread may be waiting for ranks that will never come. Node's own way out
 * waits for its threads; the system's does not. A launcher that sees a rank end so ends the others.
 */

/** Ends this process now. Nothing after it runs: what was to be written must have been. */
export async function leaveAtOnce(exitCode: number): Promise<never> {
  const koffi = (await import('koffi')).default;
  const library = koffi.load(process.platform === 'darwin' ? 'libSystem.B.dylib' : null);
  library.func('_exit', 'void', ['int'])(exitCode);
  throw new Error('_exit came back');
}
