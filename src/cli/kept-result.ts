/** A result that took time to compute is printed even if writing it to --out fails afterwards. */
import { PixelwiseError, UsageError } from '../errors/index.js';
import { isSystemError, systemErrorText } from '../files/index.js';
import type { CommandResult } from './command.js';
import type { Output } from './output.js';

/**
 * Runs `write`. If it fails, the error is printed, and `json` is the result all the same, with the error in it and
 * exit code 1.
 */
export async function withResultKept(
  json: object,
  output: Output,
  write: () => Promise<CommandResult>,
): Promise<CommandResult> {
  try {
    return await write();
  } catch (error) {
    const refused = error instanceof PixelwiseError && !(error instanceof UsageError);
    if (!refused && !isSystemError(error)) throw error;
    const message = refused ? error.message : systemErrorText(error);
    output.error(message);
    return { json: { ...json, error: { code: error.code, message } }, exitCode: 1 };
  }
}
