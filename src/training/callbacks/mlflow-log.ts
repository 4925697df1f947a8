/**
 * Logs a run to an MLflow tracking server by its REST interface, version 2.0
 * (https://mlflow.org/docs/latest/rest-api.html): settings as parameters, scores of each epoch as metrics with the
 * epoch as step.
 */
import { hostname } from 'node:os';
import { PixelwiseError, UsageError } from '../../errors/index.js';
import type { Callback, EpochRecord } from '../callback.js';
import { flatScores } from '../flat-scores.js';

export interface MlflowOptions {
  /** Address of the server: `http://127.0.0.1:5000`. */
  readonly url: string;
  /** Name of the experiment, which is created if there is none. */
  readonly experiment: string;
  /** Name of the run. */
  readonly runName: string;
  /** Settings of the run. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The header `Authorization` of every request; default none. */
  readonly authorization?: string | undefined;
  /** Receives a message if the server cannot be reached while training. */
  readonly onNote?: (message: string) => void;
}

/** The names by which MLflow's own clients read their settings from the environment. */
export function mlflowSettings(
  env: Readonly<Record<string, string | undefined>>,
): Pick<MlflowOptions, 'url' | 'experiment' | 'authorization'> {
  const url = env['MLFLOW_TRACKING_URI'];
  if (url === undefined || !/^https?:\/\//.test(url)) {
    throw new UsageError(
      `--log mlflow needs the address of the tracking server in MLFLOW_TRACKING_URI, such as http://127.0.0.1:5000${url === undefined ? '' : `; it is "${url}"`}`,
    );
  }
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user } = env;
  const password = env['MLFLOW_TRACKING_PASSWORD'] ?? '';
  const basic = user && `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return {
    url: url.replace(/\/+$/, ''),
    experiment: env['MLFLOW_EXPERIMENT_NAME'] ?? 'Default',
    authorization: token ? `Bearer ${token}` : basic,
  };
}

/** Most metrics or parameters of one request, and most characters of a parameter, by MLflow's limits. */
const MOST_METRICS = 1000;
const MOST_PARAMETERS = 100;
const MOST_CHARACTERS = 500;

interface Metric {
  readonly key: string;
  readonly value: number;
  readonly timestamp: number;
  readonly step: number;
}

/**
 * Throws when the run starts if the server cannot be reached or refuses. Later failures do not end the run: metrics
 * are kept and sent with those of the next epoch. A resumed run goes on with its MLflow run.
 */
export function mlflowLog(options: MlflowOptions): Callback {
  const { url, experiment, runName, parameters, authorization, onNote = () => undefined } = options;
  let runId: string | undefined;
  let waiting: Metric[] = [];
  let told = false;
  let status = 'FINISHED';

  async function request(method: 'GET' | 'POST', path: string, body: object): Promise<Reply> {
    const query =
      method === 'GET' ? `?${new URLSearchParams(body as Record<string, string>).toString()}` : '';
    let response: Response;
    try {
      response = await fetch(`${url}/api/2.0/mlflow/${path}${query}`, {
        method,
        headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
        ...(method === 'POST' && { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      const why =
        cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : '';
      throw new PixelwiseError('mlflow', `MLflow at ${url} cannot be reached: ${why}`, { cause });
    }
    const reply = (await response.json().catch(() => ({}))) as Reply;
    if (response.ok) return reply;
    const message = `MLflow at ${url} refused ${path} (${response.status}): ${reply.message ?? response.statusText}`;
    throw Object.assign(new PixelwiseError('mlflow', message), { reply });
  }

  async function experimentId(): Promise<string> {
    try {
      const found = await request('GET', 'experiments/get-by-name', { experiment_name: experiment });
      return found.experiment!.experiment_id;
    } catch (error) {
      const { reply } = error as { readonly reply?: Reply };
      if (reply?.error_code !== 'RESOURCE_DOES_NOT_EXIST') throw error;
      return (await request('POST', 'experiments/create', { name: experiment })).experiment_id!;
    }
  }

  async function start(): Promise<void> {
    const tags = [
      { key: 'mlflow.runName', value: runName },
      { key: 'mlflow.source.name', value: 'pixelwise' },
      { key: 'mlflow.user', value: hostname() },
    ];
    const body = { experiment_id: await experimentId(), run_name: runName, start_time: Date.now(), tags };
    runId = (await request('POST', 'runs/create', body)).run!.info.run_id;
    const params = Object.entries(parameters).flatMap(([key, value]) =>
      value === undefined || value === null ? [] : [{ key: keyOf(key), value: written(value) }],
    );
    for (let i = 0; i < params.length; i += MOST_PARAMETERS) {
      await request('POST', 'runs/log-batch', {
        run_id: runId,
        params: params.slice(i, i + MOST_PARAMETERS),
      });
    }
  }

  async function send(): Promise<void> {
    while (waiting.length > 0) {
      const metrics = waiting.slice(0, MOST_METRICS);
      await request('POST', 'runs/log-batch', { run_id: runId, metrics });
      waiting = waiting.slice(metrics.length);
    }
  }

  /** Does something that must not end the training. */
  async function trying(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      told = false;
    } catch (error) {
      if (!told) onNote(`${(error as Error).message}. Training continues, and the scores are sent later.`);
      told = true;
    }
  }

  return {
    name: 'mlflowLog',
    async fitStart() {
      if (runId === undefined) await start();
      else await request('POST', 'runs/update', { run_id: runId, status: 'RUNNING' });
    },
    async epochEnd(_, record) {
      waiting.push(...metricsOf(record));
      await trying(send);
    },
    interrupted() {
      status = 'KILLED';
    },
    async fitEnd() {
      await trying(async () => {
        await send();
        await request('POST', 'runs/update', { run_id: runId, status, end_time: Date.now() });
      });
    },
    state: () => ({ runId: runId ?? null, waiting }),
    loadState(state) {
      const saved = state as { runId: string | null; waiting: Metric[] };
      runId = saved.runId ?? undefined;
      waiting = [...saved.waiting];
    },
  };
}

/** What is used of MLflow's replies. */
interface Reply {
  readonly message?: string;
  readonly error_code?: string;
  readonly experiment_id?: string;
  readonly experiment?: { readonly experiment_id: string };
  readonly run?: { readonly info: { readonly run_id: string } };
}

function metricsOf(record: EpochRecord): Metric[] {
  const { epoch: step, lr, imagesPerSecond, seconds } = record;
  const timestamp = Date.now();
  const own: [string, number | null][] = Object.entries({ lr, imagesPerSecond, seconds });
  const scores = (['train', 'valid'] as const).flatMap((part) =>
    record[part] ? flatScores(record[part]).map(([name, value]) => [`${part}/${name}`, value] as const) : [],
  );
  return [...own, ...scores].flatMap(([name, value]) =>
    value === null || !Number.isFinite(value) ? [] : [{ key: keyOf(name), value, timestamp, step }],
  );
}

/** MLflow accepts letters, digits, `_ - . /` and spaces in names. */
const keyOf = (name: string) => name.replace(/[^\p{ASCII}]|[^\w\-./ ]/gu, '_');

function written(value: unknown): string {
  return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, MOST_CHARACTERS);
}
