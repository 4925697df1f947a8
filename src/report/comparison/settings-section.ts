/** Differences between the configurations of several runs, and the time of each run. */
import type { RunConfig } from '../../training/index.js';
import { count, DASH, duration } from '../numbers.js';
import { html } from '../page/html.js';
import type { Section } from '../page/page.js';
import type { Compared } from './compared.js';
import type { TextRow } from './value-table.js';
import { valueTable } from './value-table.js';

/**
 * Entries of config.json that are left out: the options as given (the other entries have the resulting values),
 * reasons for choices, and details of the machine's graphs.
 */
const LEFT_OUT = ['version', 'options', 'chosen', 'recipe.published', 'recipe.source', 'machine.target'];

export function settingsSection({ columns }: Compared): Section {
  const differences = configDifferences(columns.map(({ run }) => run.config));
  const took: TextRow[] = [
    {
      label: 'Epochs done',
      texts: columns.map(({ run }) => `${count(run.history.length)} of ${count(run.config.training.epochs)}`),
    },
    { label: 'Best epoch', texts: columns.map(({ run }) => String(run.bestEpoch ?? DASH)) },
    {
      label: 'Trained for',
      texts: columns.map(({ run }) => duration(run.history.reduce((sum, { seconds }) => sum + seconds, 0))),
    },
    { label: 'Time per epoch', texts: columns.map(({ run }) => duration(run.ended?.secondsPerEpoch)) },
    {
      label: 'Training images per second',
      texts: columns.map(({ run }) => run.ended?.imagesPerSecond?.toFixed(1) ?? DASH),
    },
  ];
  return {
    id: 'settings',
    title: 'Settings',
    body: html`<h3>What differs</h3>
      ${
        differences.length === 0
          ? html`<p>The configurations are identical.</p>`
          : html`<p class="aside">Entries of config.json that differ between the runs.</p>
              ${valueTable(
                'Differences between the configurations',
                'Entry',
                columns,
                differences.map(({ entry, values }) => ({
                  label: html`<code>${entry}</code>`,
                  texts: values.map(
                    (value) => (entry === 'data.fingerprint' ? value?.slice(0, 12) : value) ?? DASH,
                  ),
                })),
              )}`
      }
      <h3>Time</h3>
      ${valueTable('Time of the runs', 'Run', columns, took)}`,
  };
}

export interface Difference {
  /** Path in config.json, such as `training.lr`. */
  readonly entry: string;
  /** One per run, in order; undefined if the run has no such entry. */
  readonly values: readonly (string | undefined)[];
}

/** Entries that differ, in the order in which they first occur. */
export function configDifferences(configs: readonly RunConfig[]): Difference[] {
  const flat = configs.map((config) => new Map(entriesOf(config, '')));
  const entries = [...new Set(flat.flatMap((each) => [...each.keys()]))];
  return entries
    .map((entry): Difference => ({ entry, values: flat.map((each) => each.get(entry)) }))
    .filter(({ values }) => new Set(values).size > 1);
}

function entriesOf(value: unknown, path: string): [entry: string, value: string][] {
  if (LEFT_OUT.includes(path) || value === undefined) return [];
  if (Array.isArray(value))
    return [[path, value.map((each) => (isObject(each) ? JSON.stringify(each) : String(each))).join(', ')]];
  if (!isObject(value)) return [[path, value === null ? 'none' : String(value)]];
  return Object.entries(value).flatMap(([name, inner]) =>
    entriesOf(inner, path === '' ? name : `${path}.${name}`),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
