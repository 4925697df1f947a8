/**
 * The output of a command. Results go to standard output, everything else to standard error. With `--json`, standard
 * output contains exactly one JSON object.
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

  /** Prints a line of the result, for people. */
  line(text = ''): void {
    this.print(this.settings.json ? this.settings.stderr : this.settings.stdout, text);
  }

  /** Prints a line about the progress. */
  note(text: string): void {
    this.print(this.settings.stderr, text);
  }

  /** Prints a warning. */
  warn(text: string): void {
    this.print(this.settings.stderr, `${this.noteColors.yellow('warning:')} ${text}`);
  }

  /** Prints an error. */
  error(text: string): void {
    this.progressShown?.end();
    this.print(this.settings.stderr, `${this.noteColors.red('error:')} ${text}`);
  }

  /**
   * Prints the JSON object with `--json`, else nothing. An undefined score (NaN) is null. Only the first object is
   * printed, because a command that prints its result early may still fail afterwards.
   */
  result(object: object): void {
    if (this.resultGiven) return;
    this.resultGiven = true;
    if (this.settings.json) this.settings.stdout.write(`${JSON.stringify(object, null, 2)}\n`);
  }

  /** Shows progress, until it ends or another display begins. */
  progress(options: ProgressOptions): Progress {
    this.progressShown?.end();
    const progress = new Progress(this.settings.stderr, options, {
      dim: this.noteColors.dim,
      onEnd: () => void (this.progressShown = undefined),
    });
    this.progressShown = progress;
    return progress;
  }

  /** Removes the progress display. */
  close(): void {
    this.progressShown?.end();
  }

  private print(stream: MaybeTerminal, text: string): void {
    this.progressShown?.clear();
    stream.write(`${terminalText(text)}\n`);
    this.progressShown?.redraw();
  }
}

/** Whether to use colours: on a terminal with colours, unless the user has disabled them (https://no-color.org). */
function takesColors(stream: MaybeTerminal, env: OutputSettings['env']): boolean {
  if (env['NO_COLOR']) return false;
  if (env['FORCE_COLOR']) return env['FORCE_COLOR'] !== '0';
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}
