import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { CapturedStream } from '../../test/captured-stream.js';
import { PixelwiseError } from '../errors/index.js';
import { runCli } from './cli.js';
import { command, type Run } from './command.js';

/** Stands in for the process: hears signals, notes how it was ended. */
class FakeProcess extends EventEmitter {
  exited: number | undefined;
  exit(code: number): void {
    this.exited = code;
  }
}

async function call(words: string[], run: Run<'train'>) {
  const stdout = new CapturedStream();
  const stderr = new CapturedStream();
  const signals = new FakeProcess();
  const commands = [
    command({
      name: 'train',
      summary: 'train a model',
      positionals: [{ name: 'WORD', help: 'a word' }],
      load: () => Promise.resolve({ run }),
    }),
    command({
      name: 'doctor',
      summary: 'check',
      positionals: [],
      load: () => Promise.reject(new Error('unused')),
    }),
  ];
  const ending = runCli(words, { stdout, stderr, env: {}, signals }, commands);
  return { ending, signals, stdout, stderr };
}

async function ended(words: string[], run: Run<'train'> = () => Promise.resolve({ json: {} })) {
  const { ending, stdout, stderr } = await call(words, run);
  return { code: await ending, stdout: stdout.text, stderr: stderr.text };
}

describe('a call', () => {
  it('hands options and words to the command', async () => {
    let seen: unknown;
    const words = ['train', 'a', '--data', 'd', '--epochs=3', '--batch-norm', '--no-drop-last', '--val', '0'];
    const { code } = await ended(words, (options, context) => {
      seen = { ...options, words: context.words };
      return Promise.resolve({ json: {} });
    });
    expect(code).toBe(0);
    expect(seen).toEqual({ data: 'd', epochs: 3, batchNorm: true, dropLast: false, val: 0, words: ['a'] });
  });

  it('writes results to standard output and all else to standard error', async () => {
    const result = await ended(['train', 'a', '--data', 'd'], (_options, { output }) => {
      output.note('working');
      output.warn('odd');
      output.line('score 1');
      return Promise.resolve({ json: { score: 1 } });
    });
    expect(result).toEqual({ code: 0, stdout: 'score 1\n', stderr: 'working\nwarning: odd\n' });
  });

  it('with --json writes one object to standard output and nothing else', async () => {
    const result = await ended(['train', 'a', '--data', 'd', '--json'], (_options, { output }) => {
      output.line('score 1');
      return Promise.resolve({ json: { score: NaN, name: 'a' } });
    });
    expect(result.stderr).toBe('score 1\n');
    expect(JSON.parse(result.stdout)).toEqual({ score: null, name: 'a' });
  });

  it('prints help and version', async () => {
    const help = await ended(['train', '--help']);
    expect(help.code).toBe(0);
    expect(help.stdout).toContain('--epochs <N>');
    expect(help.stdout).toContain('Training:');
    expect(help.stdout).not.toContain('--no-batch-norm');
    expect((await ended(['--help'])).stdout).toContain('train a model');
    expect((await ended(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('exit codes', () => {
  it.each([
    [[], /Name a command/],
    [['tran'], /Unknown command 'tran'.*Did you mean train\?/],
    [['train', 'a', '--data', 'd', '--epoch', '3'], /Unknown option '--epoch'.*Did you mean --epochs\?/],
    [['train', 'a', '--batch-size', '4'], /'--batch-size'\. It is called --batch here: images per step/],
    [['train', 'a', '--learning_rate', '1'], /It is called --lr here/],
    [['train', 'a', '--imgsz', '64'], /It is called --size here/],
    [['train', 'a', '--gpu', '0'], /It is called --device here: .*cpu, cuda, webgpu/],
    [['train', 'a', '--tta'], /--tta is an option of evaluate, predict/],
    [['train', 'a', '--encoder_bn', 'frozen'], /Did you mean --encoder-bn\?/],
    [['doctor', 'cells'], /given by --data: pixelwise doctor --data cells/],
    [
      ['train', 'a', '--data', 'd', '--epochs', '0'],
      /--epochs must be a whole number from 1 to 1000000; got "0"/,
    ],
    [['train', 'a', '--data', 'd', '--schedule', 'cosin'], /Did you mean "cosine"\?/],
    [['train', 'a', '--data', 'd', '--epochs'], /argument missing/],
    [['train', 'a'], /train needs --data DIR/],
    [['train', '--data', 'd'], /Missing required argument 'WORD'/],
    [['train', 'a', 'b', '--data', 'd'], /Too many arguments/],
  ])('2 where the words are off: %j', async (words, message) => {
    const { code, stdout, stderr } = await ended(words);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
  });

  it('1 where the work fails, the message alone', async () => {
    const { code, stdout, stderr } = await ended(['train', 'a', '--data', 'd', '--json'], () =>
      Promise.reject(new PixelwiseError('mask-missing', 'a.png has no mask.')),
    );
    expect(code).toBe(1);
    expect(stderr).toBe('error: a.png has no mask.\n');
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'mask-missing', message: 'a.png has no mask.' } });
  });

  it('1 with the stack for what nobody foresaw', async () => {
    const { code, stderr } = await ended(['train', 'a', '--data', 'd'], () =>
      Promise.reject(new TypeError('odd')),
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/should not happen[\s\S]*TypeError: odd\n\s+at /);
  });

  it('0 without --data where a run is resumed, which has it', async () => {
    const { code } = await ended(['train', 'a', '--resume'], () => Promise.resolve({}));
    expect(code).toBe(0);
  });

  it("the command's own where it has one", async () => {
    const result = await ended(['train', 'a', '--data', 'd'], () =>
      Promise.resolve({ json: {}, exitCode: 1 }),
    );
    expect(result.code).toBe(1);
  });
});

describe('Ctrl-C', () => {
  const untilAborted: Run<'train'> = (_options, { signal }) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => setTimeout(() => resolve({ json: {}, exitCode: 130 }), 20));
    });
  const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('once lets the work save and end: %s', async (signal) => {
    const { ending, signals, stderr } = await call(['train', 'a', '--data', 'd'], untilAborted);
    await nextTurn();
    signals.emit(signal);
    expect(await ending).toBe(130);
    expect(signals.exited).toBeUndefined();
    expect(stderr.text).toContain('finishing the step');
    expect(signals.listenerCount(signal)).toBe(0);
  });

  it('twice ends at once', async () => {
    const { ending, signals } = await call(['train', 'a', '--data', 'd'], untilAborted);
    await nextTurn();
    signals.emit('SIGINT');
    signals.emit('SIGINT');
    expect(signals.exited).toBe(130);
    await ending;
  });

  it('in work that only stops is an interruption, not a failure', async () => {
    const { ending, signals } = await call(['train', 'a', '--data', 'd'], async (_options, { signal }) => {
      await nextTurn();
      await nextTurn();
      signal.throwIfAborted();
      return { json: {} };
    });
    await nextTurn();
    signals.emit('SIGINT');
    expect(await ending).toBe(130);
  });
});
