/**
 * Writes docs/options.md from the table of options, and checks that it is current. `npm run docs:options` writes
 * it anew.
 */
import { format } from 'prettier';
import { expect, it } from 'vitest';
import { defaultInWords } from '../settings/index.js';
import { OPTION_ENTRIES, SECTIONS, type OptionEntry } from './options.js';

const INTRODUCTION = `<!-- Written by \`npm run docs:options\`. -->

# Options

Every option of every command. \`train({ … })\` accepts the settings of a run by the same names in camelCase: \`--batch-norm\` is \`batchNorm\`. A file given with \`--config\` accepts both. A flag without a value is turned off by \`--no-NAME\`.`;

const HEADER = '| option | value | what it does | default | commands |\n| --- | --- | --- | --- | --- |';

function row(entry: OptionEntry): string {
  const { flag, kind, help, appliesTo, needed, commands } = entry;
  const cells = [
    `\`--${flag}\``,
    kind.placeholder === undefined ? '' : kind.accepts,
    `${help}.${appliesTo ? ` For ${appliesTo.names.join(', ')}.` : ''}`,
    needed ? `required by ${needed.join(', ')}` : (defaultInWords(entry) ?? ''),
    commands.join(', '),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

it('docs/options.md is current (npm run docs:options)', async () => {
  const sections = Object.entries(SECTIONS).flatMap(([section, title]) => {
    const rows = OPTION_ENTRIES.filter((entry) => entry.section === section).map(row);
    return rows.length === 0 ? [] : [`## ${title}`, [HEADER, ...rows].join('\n')];
  });
  const page = await format([INTRODUCTION, ...sections].join('\n\n'), {
    parser: 'markdown',
    printWidth: 110,
  });
  await expect(page).toMatchFileSnapshot('../../docs/options.md');
});
