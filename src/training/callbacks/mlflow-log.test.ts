import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ScoreAccumulator } from '../../metrics/index.js';
import type { EpochRecord, FitContext } from '../callback.js';
import { mlflowLog, mlflowSettings } from './mlflow-log.js';

/** A tracking server that keeps what it is sent, and knows no experiment at first. */
let server: Server;
let url: string;
let requests: { path: string; body: Record<string, unknown>; authorization: string | undefined }[];
let broken: boolean;

beforeEach(async () => {
  requests = [];
  broken = false;
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (part: Buffer) => (text += part.toString()));
    request.on('end', () => {
      const [path, query = ''] = request.url!.replace('/api/2.0/mlflow/', '').split('?');
      const body = (text === '' ? Object.fromEntries(new URLSearchParams(query)) : JSON.parse(text)) as never;
      const answer = (status: number, reply: object) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
      if (broken) return answer(503, { message: 'busy' });
      requests.push({ path: path!, body, authorization: request.headers.authorization });
      if (path === 'experiments/get-by-name') {
        return answer(404, { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'none' });
      }
      if (path === 'experiments/create') return answer(200, { experiment_id: '7' });
      if (path === 'runs/create') return answer(200, { run: { info: { run_id: 'r1' } } });
      return answer(200, {});
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

function record(epoch: number): EpochRecord {
  const scores = new ScoreAccumulator({ classNames: ['background', 'Zelle β'] });
  scores.addSample(Uint8Array.of(0, 1, 1), Uint8Array.of(0, 1, 0));
  const train = scores.scores();
  return { epoch, step: epoch, lr: 0.1, seconds: 1, waitSeconds: 0, imagesPerSecond: 4, train };
}

const CONTEXT = {} as FitContext;
const options = () => ({
  ...mlflowSettings({
    MLFLOW_TRACKING_URI: `${url}/`,
    MLFLOW_EXPERIMENT_NAME: 'cells',
    MLFLOW_TRACKING_TOKEN: 't',
  }),
  runName: 'unet-1',
  parameters: { model: 'unet', betas: [0.9, 0.999], patience: undefined },
});

it('makes the experiment and the run, and sends parameters and scores', async () => {
  const log = mlflowLog(options());
  await log.fitStart!(CONTEXT);
  await log.epochEnd!(CONTEXT, record(1));
  await log.fitEnd!(CONTEXT);
  expect(requests.map(({ path }) => path)).toEqual([
    'experiments/get-by-name',
    'experiments/create',
    'runs/create',
    'runs/log-batch',
    'runs/log-batch',
    'runs/update',
  ]);
  expect(requests.every(({ authorization }) => authorization === 'Bearer t')).toBe(true);
  expect(requests[2]!.body).toMatchObject({ experiment_id: '7', run_name: 'unet-1' });
  expect(requests[3]!.body).toEqual({
    run_id: 'r1',
    params: [
      { key: 'model', value: 'unet' },
      { key: 'betas', value: '[0.9,0.999]' },
    ],
  });
  const { metrics } = requests[4]!.body as { metrics: { key: string; value: number; step: number }[] };
  expect(metrics).toContainEqual(expect.objectContaining({ key: 'train/iou/Zelle _', value: 0.5, step: 1 }));
  expect(requests[5]!.body).toMatchObject({ run_id: 'r1', status: 'FINISHED' });
});

it('keeps scores that cannot be sent, and goes on with the same run when resumed', async () => {
  const notes: string[] = [];
  const log = mlflowLog({ ...options(), onNote: (text) => void notes.push(text) });
  await log.fitStart!(CONTEXT);
  broken = true;
  await log.epochEnd!(CONTEXT, record(1));
  await log.epochEnd!(CONTEXT, record(2));
  expect(notes).toHaveLength(1);
  expect(notes[0]).toMatch(/refused runs\/log-batch \(503\): busy\. Training continues/);
  broken = false;
  const resumed = mlflowLog(options());
  resumed.loadState!(JSON.parse(JSON.stringify(log.state!())));
  requests = [];
  await resumed.fitStart!(CONTEXT);
  await resumed.epochEnd!(CONTEXT, record(3));
  expect(requests.map(({ path }) => path)).toEqual(['runs/update', 'runs/log-batch']);
  const { metrics } = requests[1]!.body as { metrics: { key: string; step: number }[] };
  expect(metrics.flatMap(({ key, step }) => (key === 'lr' ? [step] : []))).toEqual([1, 2, 3]);
});

it('refuses to start without a server', async () => {
  expect(() => mlflowSettings({})).toThrow(/MLFLOW_TRACKING_URI/);
  expect(() => mlflowSettings({ MLFLOW_TRACKING_URI: './mlruns' })).toThrow(/it is ".\/mlruns"/);
  broken = true;
  await expect(mlflowLog(options()).fitStart!(CONTEXT)).rejects.toThrow(
    /refused experiments\/get-by-name \(503\)/,
  );
});
