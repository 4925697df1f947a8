/**
 * How far long work has come: a bar drawn in place on a terminal, a plain line now and then elsewhere
 * (logs, pipes).
 */
import { clearLine, cursorTo } from 'node:readline';
import type { Writable } from 'node:stream';
import { terminalLine } from './terminal-text.js';

/** A stream that may be a terminal, as `process.stderr` is. */
export interface MaybeTerminal extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ProgressOptions {
  /** The work in progress: `epoch 3/20`. */
  readonly label: string;
  /** The total count, if known. */
  readonly total?: number | undefined;
  /** What is counted, in the plural: `images`. */
  readonly unit: string;
  /** How many were done before the work began here; default 0. */
  readonly done?: number;
}

/** A change of the values that the display shows. */
export interface ProgressUpdate {
  /** How many are done, of all. */
  readonly done: number;
  readonly label?: string;
  readonly total?: number;
  /** Figures worth seeing while waiting: `loss 0.213`. */
  readonly detail?: string;
}

export interface ProgressSettings {
  /** Milliseconds; grows steadily. */
  readonly now?: () => number;
  /** Colours a part of the line. */
  readonly dim?: (text: string) => string;
  /** Called when the display is done with. */
  readonly onEnd?: () => void;
}

const REDRAW_EVERY = 80;
const LINE_EVERY = 15_000;
/** The rate is taken over this long, so that it follows changes and still reads steadily. */
const RATE_WINDOW = 10_000;
const BAR = 24;

export class Progress {
  private done: number;
  private label: string;
  private total: number | undefined;
  private detail = '';
  private readonly now: () => number;
  private readonly marks: { time: number; done: number }[];
  /** Where counting began: the time left follows from the whole way, pauses included. */
  private start: { time: number; done: number };
  private lastShown: number;
  private drawn = false;
  private ended = false;

  constructor(
    private readonly stream: MaybeTerminal,
    private readonly options: ProgressOptions,
    private readonly settings: ProgressSettings = {},
  ) {
    this.label = options.label;
    this.total = options.total;
    this.done = options.done ?? 0;
    this.now = settings.now ?? (() => performance.now());
    const start = this.now();
    this.marks = [{ time: start, done: this.done }];
    this.start = { time: start, done: this.done };
    this.lastShown = stream.isTTY ? -Infinity : start;
    this.show();
  }

  /** Records the progress, and redraws the bar if it is due. */
  update({ done, label, total, detail }: ProgressUpdate): void {
    if (this.ended) return;
    const time = this.now();
    // Counting starts again, for another epoch: earlier counts do not predict the time left.
    if (done < this.done) {
      this.marks.splice(0, this.marks.length, { time, done });
      this.start = { time, done };
    } else if (done > this.done) this.marks.push({ time, done });
    while (this.marks.length > 2 && time - this.marks[1]!.time > RATE_WINDOW) this.marks.shift();
    this.done = done;
    this.label = label ?? this.label;
    this.total = total ?? this.total;
    this.detail = detail ?? this.detail;
    this.show();
  }

  /** Takes the bar away; lines printed by others then stand where it was. */
  clear(): void {
    if (!this.drawn) return;
    cursorTo(this.stream, 0);
    clearLine(this.stream, 0);
    this.drawn = false;
  }

  /** Draws the bar again after {@link clear}. */
  redraw(): void {
    if (this.stream.isTTY && !this.ended) this.draw();
  }

  /** Ends the display and leaves no trace of it. */
  end(): void {
    if (this.ended) return;
    this.clear();
    this.ended = true;
    this.settings.onEnd?.();
  }

  private show(): void {
    const time = this.now();
    if (this.stream.isTTY) {
      if (time - this.lastShown < REDRAW_EVERY && this.done !== this.total) return;
      this.draw();
    } else {
      if (time - this.lastShown < LINE_EVERY) return;
      this.stream.write(`${terminalLine(this.plainLine())}\n`);
    }
    this.lastShown = time;
  }

  private draw(): void {
    const columns = this.stream.columns ?? 80;
    const parts = [this.bar(), ...this.figures()];
    let line = terminalLine(`${this.label}  ${parts.filter((part) => part !== '').join('  ')}`);
    // One that wraps could not be drawn over.
    if (line.length >= columns) line = line.slice(0, columns - 1);
    cursorTo(this.stream, 0);
    this.stream.write(this.settings.dim ? line.replace(/─+/, this.settings.dim) : line);
    clearLine(this.stream, 1);
    this.drawn = true;
  }

  private bar(): string {
    if (this.total === undefined || this.total <= 0) return `${grouped(this.done)} ${this.options.unit}`;
    const share = Math.min(1, this.done / this.total);
    const full = Math.round(share * BAR);
    return `${'━'.repeat(full)}${'─'.repeat(BAR - full)} ${String(Math.floor(share * 100)).padStart(3)}%`;
  }

  private plainLine(): string {
    const of = this.total === undefined ? '' : ` of ${grouped(this.total)}`;
    return [`${this.label}: ${grouped(this.done)}${of} ${this.options.unit}`, ...this.figures()].join(', ');
  }

  private figures(): string[] {
    const { start, done, total } = this;
    const rate = this.rate();
    const figures = rate > 0 ? [`${rateText(rate)} ${this.options.unit}/s`] : [];
    if (done > start.done && total !== undefined && done < total) {
      const secondsEach = (this.now() - start.time) / 1000 / (done - start.done);
      figures.push(`${duration((total - done) * secondsEach)} left`);
    }
    if (this.detail !== '') figures.push(this.detail);
    return figures;
  }

  /** Units a second. */
  private rate(): number {
    const first = this.marks[0]!;
    const last = this.marks.at(-1)!;
    return last.time > first.time ? ((last.done - first.done) * 1000) / (last.time - first.time) : 0;
  }
}

/** `12,345`. */
export function grouped(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** Seconds as `0:35`, `12:05` or `1:02:30`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const pad = (n: number): string => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

function rateText(rate: number): string {
  return rate >= 100 ? grouped(rate) : rate.toFixed(rate >= 10 ? 1 : 2);
}
