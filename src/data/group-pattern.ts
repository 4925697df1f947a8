/** Groups of samples by a regular expression over their ids. Patterns may come from the config of a stranger's run. */
import { runInNewContext } from 'node:vm';
import { PixelwiseError } from '../errors/index.js';

/** Milliseconds for all ids together; a sensible pattern needs one for thousands of them. */
const MATCH_TIME = 2000;

/**
 * The group of each id: the first capture group of the pattern, or all that it matches; undefined where it does not
 * match. @throws PixelwiseError `group` if matching takes too long: the time of some patterns grows exponentially.
 */
export function groupsOf(ids: readonly string[], pattern: RegExp): (string | undefined)[] {
  const flags = pattern.flags.replace(/[gy]/g, '');
  // Code in a context of its own can be stopped.
  const code = `ids.map((id) => { const found = new RegExp(source, flags).exec(id); return found ? [found[1] ?? found[0]] : []; })`;
  try {
    const found = runInNewContext(
      code,
      { ids, source: pattern.source, flags },
      { timeout: MATCH_TIME },
    ) as readonly (readonly string[])[];
    return found.map(([group]) => group);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw cause;
    throw new PixelwiseError(
      'group',
      `The group pattern ${String(pattern)} takes too long on ids such as "${ids[0]}". Write it without repetitions inside repetitions.`,
      { cause },
    );
  }
}
