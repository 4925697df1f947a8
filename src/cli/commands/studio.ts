/** `pixelwise studio DIR`: a local page to label images while a model learns from the labels, until Ctrl-C. */
import { UsageError } from '../../errors/index.js';
import { startStudio, writeStaticStudio } from '../../studio/index.js';
import type { Run } from '../command.js';
import { terminalLine } from '../terminal-text.js';

export const run: Run<'studio'> = async (options, { output, signal, words }) => {
  const [folder] = words;
  if (options.static !== undefined) {
    if (folder !== undefined) {
      throw new UsageError('--static writes a page without a project: leave the folder of images out.');
    }
    const path = await writeStaticStudio(options.static);
    output.line(`The page is in ${path}. Put it on any web server, and open it there.`);
    return { json: { static: path } };
  }
  if (folder === undefined)
    throw new UsageError('pixelwise studio needs a folder of images, or --static DIR.');
  const { port, host, allowHosts, token, device, threads, init, encoderWeights } = options;
  const studio = await startStudio(folder, {
    port,
    host,
    allowedHosts: allowHosts?.split(',').map((name) => name.trim()),
    token: token === 'none' ? false : token,
    device,
    threads,
    init,
    encoderWeights,
    onNote: (message) => output.note(message),
    onError: ({ status, message, cause }, path) => {
      if (status < 500) return;
      const stack = cause instanceof Error ? `\n${cause.stack}` : '';
      output.note(`${terminalLine(path)} ${status}  ${terminalLine(message)}${stack}`);
    },
  });
  const { url, token: asked, project } = studio;
  const page = asked === undefined ? url : `${url}?token=${asked}`;
  output.line(`${output.colors.bold(page)}  label the images of ${project} here`);
  output.note('Ctrl-C saves and ends it.');
  output.result({ url, project, ...(asked !== undefined && { token: asked }) });
  try {
    await new Promise<void>((done) => {
      if (signal.aborted) done();
      else signal.addEventListener('abort', () => done(), { once: true });
    });
  } finally {
    await studio.close();
  }
  return {};
};
