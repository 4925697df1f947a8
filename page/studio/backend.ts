/** Where the project is: the endpoints of `pixelwise studio`, behind an interface. */
import type { Stroke } from '../../src/labels/stroke.js';
import type {
  Exported,
  ImageFacts,
  ProjectClass,
  StudioError,
  StudioEvents,
  StudioProject,
  TrainingStatus,
} from '../../src/studio/protocol.js';

export type Bytes = Uint8Array<ArrayBuffer>;

/** A response that is not a success. Status 0: there was none. */
export class BackendError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Values of the image that are shown as black and as white. */
export interface GreyWindow {
  readonly low: number;
  readonly high: number;
}

export interface ShownImage {
  readonly file: Blob;
  /** Present where it can be chosen: for images of more than 8 bits. */
  readonly window: GreyWindow | undefined;
}

/** A reduced picture of an image, to be shown until all of it is there. */
export interface FirstView {
  readonly picture: Blob;
  /** Size of the image. */
  readonly width: number;
  readonly height: number;
  readonly window: GreyWindow | undefined;
}

/** Labels as they are stored. */
export interface StoredLabels {
  /** Undefined where nothing is labelled. */
  readonly png: Bytes | undefined;
  readonly etag: string;
}

export interface Backend {
  project(): Promise<StudioProject>;
  setClasses(
    classes: readonly { name: string; colour?: string }[],
  ): Promise<{ classes: readonly ProjectClass[] }>;
  /** @param window undefined for the one that the server chooses. */
  image(id: string, window: GreyWindow | undefined, signal: AbortSignal): Promise<ShownImage>;
  /** The image reduced by 2^level, sides rounded up. Absent where this is not faster than all of it. */
  firstView?(id: string, level: number, signal: AbortSignal): Promise<FirstView>;
  labels(id: string, signal: AbortSignal): Promise<StoredLabels>;
  /** @returns the new version. @throws BackendError with status 412 if the labels are no longer those of `etag`. */
  putLabels(id: string, png: Blob, etag: string): Promise<string>;
  /** As `putLabels`. */
  sendStroke(id: string, stroke: Stroke, etag: string): Promise<string>;
  setDone(id: string, done: boolean): Promise<ImageFacts>;
  /** Undefined while there is no prediction. @param step the one that is shown, whose uncertainty is wanted. */
  prediction(
    id: string,
    what: 'classes' | 'uncertainty',
    signal: AbortSignal,
    step?: number,
  ): Promise<{ png: Bytes; step: number } | undefined>;
  training(): Promise<TrainingStatus>;
  save(to: 'run' | 'onnx'): Promise<Exported>;
  /** Calls the listeners from now on. `connection` tells whether events arrive. */
  listen(
    listeners: { [E in keyof StudioEvents]: (data: StudioEvents[E]) => void } & {
      connection: (open: boolean) => void;
    },
  ): void;
}

/** Tells this page's changes from those of others. */
export const PAGE_ID = Math.random().toString(36).slice(2);

/** Milliseconds that a request may take. Images of 100 megapixels take seconds. */
const TIMEOUT = 60_000;

export class ServerBackend implements Backend {
  /** @param base address of the server. */
  constructor(private readonly base: string) {}

  async project(): Promise<StudioProject> {
    return (await this.ask('api/project')).json() as Promise<StudioProject>;
  }

  async setClasses(classes: readonly { name: string; colour?: string }[]) {
    const answer = await this.ask('api/classes', json({ classes }));
    return answer.json() as Promise<{ classes: readonly ProjectClass[] }>;
  }

  async image(id: string, window: GreyWindow | undefined, signal: AbortSignal): Promise<ShownImage> {
    const query = window ? `?low=${window.low}&high=${window.high}` : '';
    const answer = await this.ask(at(id) + query, { signal });
    return { file: await answer.blob(), window: windowOf(answer) };
  }

  async firstView(id: string, level: number, signal: AbortSignal): Promise<FirstView> {
    const answer = await this.ask(`${at(id)}?level=${level}`, { signal });
    const [width, height] = numbersIn(answer, 'x-size');
    return { picture: await answer.blob(), width: width!, height: height!, window: windowOf(answer) };
  }

  async labels(id: string, signal: AbortSignal): Promise<StoredLabels> {
    const answer = await this.ask(`${at(id)}/labels?empty=204`, { signal, cache: 'no-store' });
    const png = answer.status === 204 ? undefined : new Uint8Array(await answer.arrayBuffer());
    return { png, etag: answer.headers.get('etag') ?? '' };
  }

  putLabels(id: string, png: Blob, etag: string): Promise<string> {
    const headers = { 'content-type': 'image/png', 'if-match': etag };
    return this.change(`${at(id)}/labels`, { method: 'PUT', body: png, headers });
  }

  sendStroke(id: string, stroke: Stroke, etag: string): Promise<string> {
    const request = json(stroke);
    return this.change(`${at(id)}/strokes`, {
      ...request,
      headers: { ...request.headers, 'if-match': etag },
    });
  }

  private async change(path: string, init: RequestInit): Promise<string> {
    return (await this.ask(path, init)).headers.get('etag') ?? '';
  }

  async setDone(id: string, done: boolean): Promise<ImageFacts> {
    return (await this.ask(`${at(id)}/state`, json({ done }))).json() as Promise<ImageFacts>;
  }

  async prediction(id: string, what: 'classes' | 'uncertainty', signal: AbortSignal, step?: number) {
    const query = what === 'uncertainty' ? `?uncertainty=1${step === undefined ? '' : `&step=${step}`}` : '';
    try {
      const answer = await this.ask(`${at(id)}/prediction${query}`, { signal, cache: 'no-store' });
      const png = new Uint8Array(await answer.arrayBuffer());
      return { png, step: Number(answer.headers.get('x-model-step') ?? 0) };
    } catch (error) {
      if (error instanceof BackendError && error.code === 'no-model') return undefined;
      throw error;
    }
  }

  async training(): Promise<TrainingStatus> {
    return (await this.ask('api/training')).json() as Promise<TrainingStatus>;
  }

  async save(to: 'run' | 'onnx'): Promise<Exported> {
    return (await this.ask('api/export', json({ to }))).json() as Promise<Exported>;
  }

  listen(listeners: Parameters<Backend['listen']>[0]): void {
    const source = new EventSource(new URL('api/events', this.base));
    const on = <E extends keyof StudioEvents>(name: E) =>
      source.addEventListener(name, ({ data }: MessageEvent<string>) =>
        (listeners[name] as (data: StudioEvents[E]) => void)(JSON.parse(data) as StudioEvents[E]),
      );
    on('training');
    on('prediction');
    on('disk');
    on('classes');
    on('image');
    // The browser connects again by itself.
    source.addEventListener('open', () => listeners.connection(true));
    source.addEventListener('error', () => listeners.connection(false));
  }

  private async ask(path: string, { signal, ...init }: RequestInit = {}): Promise<Response> {
    const late = AbortSignal.timeout(TIMEOUT);
    let answer: Response;
    try {
      answer = await fetch(new URL(path, this.base), {
        ...init,
        headers: { 'x-page': PAGE_ID, ...init.headers },
        signal: signal ? AbortSignal.any([signal, late]) : late,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new BackendError(0, 'offline', 'The server does not answer.');
    }
    if (answer.ok) return answer;
    const { error } = (await answer.json().catch(() => ({}))) as Partial<StudioError>;
    throw new BackendError(
      answer.status,
      error?.code ?? 'unknown',
      error?.message ?? `The server answered with status ${answer.status}.`,
    );
  }
}

const numbersIn = (answer: Response, header: string): number[] =>
  answer.headers.get(header)?.split(' ').map(Number) ?? [];

function windowOf(answer: Response): GreyWindow | undefined {
  const [low, high] = numbersIn(answer, 'x-window');
  return low === undefined || high === undefined ? undefined : { low, high };
}

const at = (id: string): string => `api/images/${encodeURIComponent(id)}`;

const json = (body: unknown) => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});
