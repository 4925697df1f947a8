/** The page's side of the studio's endpoints. */
import type { TrainingStatus } from '../../src/studio/learning.js';
import type { ImageFacts, ProjectClass } from '../../src/studio/project.js';
import type { Point } from '../../src/labels/drawing.js';

export type { ImageFacts, ProjectClass, TrainingStatus };

export interface ProjectFacts {
  readonly project: string;
  readonly classes: readonly ProjectClass[];
  readonly images: readonly ImageFacts[];
  readonly training: TrainingStatus;
  readonly trouble: string | null;
}

/** A part of a plane, as it is sent. */
export interface SentTile {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Deflated, in base64. */
  readonly data: string;
}

/** Tells our own changes from those of other pages. */
export const PAGE_ID = Math.random().toString(36).slice(2);

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(path, { ...init, headers: { 'x-page': PAGE_ID, ...init.headers } });
  if (answer.ok) return answer;
  const body = (await answer.json().catch(() => ({}))) as { error?: { message?: string } };
  throw Object.assign(new Error(body.error?.message ?? `The studio answered ${answer.status}.`), {
    status: answer.status,
  });
}

async function post<T>(path: string, body: object): Promise<T> {
  const answer = await call(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as T;
}

const of = (id: string, what = ''): string => `api/images/${encodeURIComponent(id)}${what}`;

async function plane(path: string): Promise<{ bytes: Uint8Array; tag: string }> {
  const answer = await call(path);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return { bytes, tag: answer.headers.get('etag') ?? answer.headers.get('x-model-step') ?? '' };
}

export const api = {
  project: async () => (await (await call('api/project')).json()) as ProjectFacts,
  setClasses: (classes: readonly { name: string; colour?: string }[]) =>
    post<{ classes: ProjectClass[] }>('api/classes', { classes }),
  /** The image, and the values shown as black and white if they can be chosen. */
  async image(id: string, window?: readonly [number, number]) {
    const answer = await call(of(id, window ? `?low=${window[0]}&high=${window[1]}` : ''));
    const range = answer.headers.get('x-window')?.split(' ').map(Number);
    return { blob: await answer.blob(), window: range as [number, number] | undefined };
  },
  labels: (id: string) => plane(of(id, '/labels?as=raw')),
  prediction: (id: string) => plane(of(id, '/prediction?as=raw')),
  uncertainty: (id: string) => plane(of(id, '/prediction?as=raw&uncertainty=1')),
  stroke: (id: string, stroke: { class: number; radius: number; points: readonly Point[] }) =>
    post<{ saved: boolean }>(of(id, '/strokes'), stroke),
  tiles: (id: string, tiles: readonly SentTile[]) => post<{ saved: boolean }>(of(id, '/tiles'), { tiles }),
  accept: (id: string, inside?: readonly Point[]) =>
    post<ImageFacts>(of(id, '/accept'), inside ? { inside } : {}),
  export: (to: 'run' | 'onnx') => post<{ path: string }>('api/export', { to }),
};
