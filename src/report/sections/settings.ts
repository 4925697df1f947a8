/** The run's settings, machine, versions and time, and the command that repeats it. */
import { FORMAT_NAMES } from '../../data/index.js';
import { isBinary } from '../../labels/label-set.js';
import { SCHEDULES } from '../../optim/index.js';
import { count, duration, rate } from '../numbers.js';
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import type { Section } from '../page/page.js';
import type { Run } from '../read-run.js';
import { repeatingCommand } from '../repeating-command.js';

export function settingsSection(run: Run): Section {
  const { config, history, ended } = run;
  const { machine, training } = config;
  const seconds = history.reduce((sum, record) => sum + record.seconds, 0);
  return {
    id: 'settings',
    title: 'Settings',
    body: html`<h3>Repeat this run</h3>
      ${repeating(config)}
      <p class="aside">
        With the same seed, data, version, machine and thread count, the run is identical, bit for
        bit.${
          training.maxSteps !== null &&
          ` The time budget allowed ${count(training.maxSteps)} steps on this machine; other machines measure their own.`
        }
      </p>
      <div class="columns">
        <div>
          <h3>Model and training</h3>
          ${pairs(settingsOf(config))}
        </div>
        <div>
          <h3>Machine and time</h3>
          ${pairs([
            ['Training time', duration(seconds)],
            [
              'Time per epoch',
              duration(ended?.secondsPerEpoch ?? meanOf(history.map((record) => record.seconds))),
            ],
            [
              'Training images per second',
              figureOf(ended?.imagesPerSecond ?? meanOf(history.map((record) => record.imagesPerSecond))),
            ],
            ['Device', machine.device],
            ['Threads', String(machine.threads)],
            ['Processor', machine.cpu],
            ['System', machine.platform],
            ['Pixelwise', machine.pixelwise],
            ['Node', machine.node],
            ['ONNX Runtime', machine.onnxruntime],
            ['Samples', `SHA-256 of the sample ids ${config.data.fingerprint.slice(0, 16)}…`],
          ])}
        </div>
      </div>
      <details>
        <summary>Complete configuration</summary>
        <pre tabindex="0"><code>${JSON.stringify(config, null, 2)}</code></pre>
      </details>`,
  };
}

/** The command that repeats a run, or what a run needs that no command has: objects of a program. */
function repeating(config: Run['config']): Html {
  const { model, data, training } = config;
  const objects = [
    ...(model.custom ? [`model ${model.name}`] : []),
    ...(training.custom ?? []).map((part) => `${part} ${String(training[part as keyof typeof training])}`),
    ...(FORMAT_NAMES.some((name) => name === data.format) ? [] : [`data ${data.format}`]),
  ];
  return objects.length === 0
    ? html`<pre tabindex="0"><code>${repeatingCommand(config)}</code></pre>`
    : html`<p>
        Run the program that called <code>train</code> again: the command line does not have its
        ${objects.join(', ')}.
      </p>`;
}

/** Settings and their values as text. */
export function settingsOf(config: Run['config']): [string, string][] {
  const { model, training, size, patch, normalization, threshold } = config;
  const length = training.maxSteps === null ? '' : ` (${count(training.maxSteps)} steps)`;
  return [
    ['Model', model.name],
    ...Object.entries(model.options).map(([name, value]): [string, string] => [spaced(name), String(value)]),
    [patch ? 'Patches' : 'Size', `${size.width}×${size.height}`],
    ['Normalisation', normalization.name],
    ...(isBinary(config) ? [['Threshold', String(threshold)] as [string, string]] : []),
    ['Epochs', `${training.epochs}${length}`],
    ['Batch', `${training.batch}${training.dropLast ? ', last short batch dropped' : ''}`],
    ['Optimizer', training.optimizer],
    ['Learning rate', rate(training.lr)],
    ['Schedule', training.schedule],
    ...scheduleSettings(training),
    ['Loss', training.loss],
    ['Augmentation', training.augment],
    ['Patience', String(training.patience ?? 'none')],
    ['Seed', String(training.seed)],
  ];
}

/** The settings of the schedule, without those that have no effect: 0 restarts, no warm-up. */
function scheduleSettings(training: Run['config']['training']): [string, string][] {
  const names = Object.entries(SCHEDULES)
    .filter(([name]) => name === training.schedule)
    .flatMap(([, { settings }]) => Object.keys(settings));
  return names.flatMap((name): [string, string][] => {
    const value = training[name as keyof typeof training];
    if (!value) return [];
    return [[spaced(name), Array.isArray(value) ? value.join(', ') : String(value)]];
  });
}

/** A table of names and values. */
export function pairs(entries: readonly (readonly [name: string, value: string])[]): Html {
  return html`<table class="pairs">
    <tbody>
      ${entries.map(
        ([name, value]) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td>${value}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** `batchNorm` as `Batch norm`. */
function spaced(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function figureOf(value: number | null): string {
  return value === null ? '–' : value.toFixed(1);
}
