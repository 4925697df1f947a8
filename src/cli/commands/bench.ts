/** `pixelwise bench`: speed of this machine. */
import { runBench, type CaseResult, type OperatorProfile } from '../../bench/index.js';
import type { Run } from '../command.js';
import type { Output } from '../output.js';
import { textTable } from '../text-table.js';

export const run: Run<'bench'> = async (options, { output, signal }) => {
  const { benchModel, mode, benchBatch, benchSize, threads, device, data, profile } = options;
  const progress = output.progress({ label: 'measuring', unit: 'cases' });
  const report = await runBench({
    model: benchModel,
    mode,
    batch: benchBatch,
    size: benchSize,
    threads,
    device,
    data,
    profile,
    signal,
    onCase: ({ model, mode }, done, total) => progress.update({ done, total, label: `${mode} ${model}` }),
  });
  progress.update({ done: report.cases.length });
  progress.end();
  const { cases, convGflops } = report;
  for (const line of textTable(COLUMNS, cases.map(cells))) output.line(line);
  if (convGflops !== undefined) {
    output.line(
      `The best convolution runs at ${rounded(convGflops)} GFLOP/s: efficiency is the share of it.`,
    );
  }
  for (const { model, mode, profile } of cases) {
    if (profile) tellProfile(`${mode} ${model}`, profile, output);
  }
  return { json: report };
};

const COLUMNS = [
  { heading: 'mode' },
  { heading: 'model' },
  { heading: 'batch', align: 'right' },
  { heading: 'size', align: 'right' },
  { heading: 'threads', align: 'right' },
  { heading: 'seconds', align: 'right' },
  { heading: 'images/s', align: 'right' },
  { heading: 'GFLOP/s', align: 'right' },
  { heading: 'efficiency', align: 'right' },
  { heading: 'peak MiB', align: 'right' },
] as const;

function cells(result: CaseResult): string[] {
  const { model, mode, batch, size, threads, seconds, imagesPerSecond, gflops, efficiency, peakMiB } = result;
  return [
    mode,
    // Loading knows no model.
    mode === 'data' ? '' : model,
    String(batch),
    `${size}×${size}`,
    String(threads),
    seconds.toPrecision(3),
    imagesPerSecond.toPrecision(3),
    gflops === undefined ? '' : rounded(gflops),
    efficiency === undefined ? '' : efficiency.toFixed(2),
    rounded(peakMiB),
  ];
}

const rounded = (value: number) => value.toFixed(value < 10 ? 1 : 0);

/** Operators and layers that take less than this share are left to `--json`. */
const LEAST_SHARE = 0.01;

function tellProfile(name: string, { steps, operators, layers }: OperatorProfile, output: Output): void {
  const total = operators.reduce((sum, { seconds }) => sum + seconds, 0);
  const worthTelling = (seconds: number) => seconds >= LEAST_SHARE * total;
  const milliseconds = (seconds: number) => (1000 * seconds).toFixed(1);
  const share = (seconds: number) => `${((100 * seconds) / total).toFixed(1)}%`;
  output.line();
  output.line(`${name}: milliseconds of one step, the mean of ${steps}`);
  output.line();
  const byOperator = textTable(
    [
      { heading: 'operator' },
      { heading: 'count', align: 'right' },
      { heading: 'ms', align: 'right' },
      { heading: 'share', align: 'right' },
    ],
    operators
      .filter(({ seconds }) => worthTelling(seconds))
      .map(({ operator, count, seconds }) => [
        operator,
        String(Math.round(count)),
        milliseconds(seconds),
        share(seconds),
      ]),
  );
  const byLayer = textTable(
    [
      { heading: 'layer' },
      { heading: 'forward', align: 'right' },
      { heading: 'backward', align: 'right' },
      { heading: 'share', align: 'right' },
    ],
    layers
      .filter(({ forwardSeconds, backwardSeconds }) => worthTelling(forwardSeconds + backwardSeconds))
      .map(({ layer, forwardSeconds, backwardSeconds }) => [
        layer === '' ? '(no layer)' : layer,
        milliseconds(forwardSeconds),
        milliseconds(backwardSeconds),
        share(forwardSeconds + backwardSeconds),
      ]),
  );
  for (const line of [...byOperator, '', ...byLayer]) output.line(line);
}
