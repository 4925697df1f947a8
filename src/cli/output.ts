/**
 * Where a command's words go. Results go to standard output, all else to standard error; with `--json`
 * standard output carries one JSON object and nothing besides.
 */
import pc from 'picocolors';
import { terminalText } from './terminal-text.js';
import { Progress, type MaybeTerminal, type ProgressOptions } from './progress.js';

export interface OutputSettings {
  readonly stdout: MaybeTerminal;
  readonly stderr: MaybeTerminal;
  readonly json: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type Colors = ReturnType<typeof pc.createColors>;

export class Output {
  /** For results ({@link line}). */
  readonly colors: Colors;
  private readonly noteColors: Colors;
  private progressShown: Progress | undefined;
  private resultGiven = false;

  constructor(private readonly settings: OutputSettings) {
    const { stdout, stderr, json, env } = settings;
    this.colors = pc.createColors(takesColors(json ? stderr : stdout, env));
    this.noteColors = pc.createColors(takesColors(stderr, env));
  }

  /** A line of the result, for people. */
  line(text = ''): void {
    this.print(this.settings.json ? this.settings.stderr : this.settings.stdout, text);
  }

  /** A line about the work. */
  note(text: string): void {
    this.print(this.settings.stderr, text);
  }

  /** What a person should know, though the work goes on. */
  warn(text: string): void {
    this.print(this.settings.stderr, `${this.noteColors.yellow('warning:')} ${text}`);
  }

  /** What went wrong. */
  error(text: string): void {
    this.progressShown?.end();
    this.print(this.settings.stderr, `${this.noteColors.red('error:')} ${text}`);
  }

  /**
   * The one object of `--json`; without it, nothing. A score that is undefined (NaN) is null. Of several only
   * the first is printed: a command that tells its result while it goes on may still fail afterwards.
   */
  result(object: object): void {
    if (this.resultGiven) return;
    this.resultGiven = true;
    if (this.settings.json) this.settings.stdout.write(`${JSON.stringify(object, null, 2)}\n`);
  }

  /** Shows how far the work is, until it ends or another display begins. */
  progress(options: ProgressOptions): Progress {
    this.progressShown?.end();
    const progress = new Progress(this.settings.stderr, options, {
      dim: this.noteColors.dim,
      onEnd: () => void (this.progressShown = undefined),
    });
    this.progressShown = progress;
    return progress;
  }

  /** Takes down what is drawn in place. */
  close(): void {
    this.progressShown?.end();
  }

  private print(stream: MaybeTerminal, text: string): void {
    this.progressShown?.clear();
    stream.write(`${terminalText(text)}\n`);
    this.progressShown?.redraw();
  }
}

/** Colours on a terminal that has them, unless the person wants none (https://no-color.org). */
function takesColors(stream: MaybeTerminal, env: OutputSettings['env']): boolean {
  if (env['NO_COLOR']) return false;
  if (env['FORCE_COLOR']) return env['FORCE_COLOR'] !== '0';
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}
