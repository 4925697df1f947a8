/** Names of files and their order. Runs in browsers. */

/** `a/b.tar.png` → `a/b.tar`. */
export function stemOf(path: string): string {
  return path.replace(/\.[^./\\]+$/, '');
}

/** The same order on every machine, whatever its language. */
export function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
