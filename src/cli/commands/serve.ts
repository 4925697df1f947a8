/** `pixelwise serve MODEL`: a local page and an endpoint, until Ctrl-C. */
import { resolve } from 'node:path';
import { isLoopback, startServer } from '../../serve/index.js';
import type { AnsweredRequest } from '../../serve/index.js';
import type { Run } from '../command.js';
import { terminalLine } from '../terminal-text.js';

export const run: Run<'serve'> = async (options, { output, signal, words }) => {
  const [source] = words as [string];
  const {
    port,
    host,
    allowHosts,
    token: given,
    maxUpload,
    maxPixels,
    places,
    device,
    threads,
    checkpoint,
  } = options;
  const server = await startServer(source, {
    port,
    host,
    allowedHosts: allowHosts?.split(',').map((name) => name.trim()),
    token: given === 'none' ? false : given,
    places,
    device,
    threads,
    checkpoint,
    ...(maxUpload !== undefined && { maxBytes: Math.ceil(maxUpload * 2 ** 20) }),
    ...(maxPixels !== undefined && { maxPixels: Math.ceil(maxPixels * 1e6) }),
    onAnswer: (request) => {
      const line = logLine(request);
      if (line !== undefined) output.note(line);
    },
  });
  const { url, token, segmenter } = server;
  const { classes } = segmenter.card;
  const page = token === undefined ? url : `${url}?token=${token}`;
  output.line(`${output.colors.bold(page)}  a page that segments images in the browser`);
  output.line(`POST ${url}segment  an image in, its mask out; also ${url}health and ${url}metrics`);
  if (host !== undefined && !isLoopback(host)) {
    const who = token === undefined ? 'whoever reaches this machine there' : 'whoever has the token';
    output.warn(`listening on ${host}, without encryption: ${who} can use it.`);
  }
  output.note('Ctrl-C ends it.');
  // Told now, since there is nothing more to tell at the end; a script waits for it to know the address.
  output.result({
    url,
    port: server.port,
    ...(token !== undefined && { token }),
    model: resolve(source),
    classes,
  });
  try {
    await aborted(signal);
  } finally {
    await server.close();
  }
  return {};
};

/** Resolves once the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}

/** Of images and of failures of ours; what the page fetches is not worth a line. */
function logLine({ id, method, path, status, seconds, error }: AnsweredRequest): string | undefined {
  if (path !== '/segment' && status < 500) return undefined;
  const why = error ? `  ${terminalLine(error.message)}` : '';
  const cause = status === 500 && error?.cause instanceof Error ? `\n${error.cause.stack}` : '';
  return `${method} ${terminalLine(path)} ${status}  ${seconds.toFixed(3)} s  ${id}${why}${cause}`;
}
