/** Tables as spreadsheets export them: separated by commas, semicolons or tabs, in any encoding they use. */
import { parse } from 'csv-parse/sync';
import { PixelwiseError } from '../../errors/index.js';
import { readText } from '../text-file.js';

export interface Table {
  /** Names of the columns, in lower case. */
  readonly columns: readonly string[];
  readonly rows: readonly { readonly line: number; readonly fields: readonly string[] }[];
}

/** Reads a table whose first line names its columns. Throws `manifest` naming the file for a broken one. */
export async function readTable(path: string): Promise<Table> {
  const text = await readText(path);
  // Excel writes `sep=;` before the header where the separator is not the one of its own country.
  const given = /^sep=(.)\r?\n/.exec(text);
  const body = given === null ? text : text.slice(given[0].length);
  const header = body.split(/\r?\n/, 1)[0]!;
  const delimiter = given?.[1] ?? separatorOf(header);
  try {
    const records = parse(body, {
      delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
      relax_quotes: true,
      info: true,
    }) as unknown as { record: string[]; info: { lines: number } }[];
    const [first, ...rest] = records;
    const skipped = given === null ? 0 : 1;
    return {
      columns: (first?.record ?? []).map((name) => name.toLowerCase()),
      rows: rest.map(({ record, info }) => ({ line: info.lines + skipped, fields: record })),
    };
  } catch (cause) {
    const code = (cause as { code?: string }).code;
    const why =
      code === 'CSV_QUOTE_NOT_CLOSED'
        ? 'a quote is opened and never closed'
        : cause instanceof Error
          ? cause.message
          : String(cause);
    throw new PixelwiseError('manifest', `${path}: not a table that can be read (${why}).`, { cause });
  }
}

/** The separator that the header has most of. */
function separatorOf(header: string): string {
  const counts = [',', ';', '\t', '|'].map((sign) => [sign, header.split(sign).length] as const);
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}
