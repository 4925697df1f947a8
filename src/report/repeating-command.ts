/** The command line that repeats a run. */
import type { RunConfig } from '../training/index.js';

/** Quoted for a POSIX shell. Contains the options that the user gave, and always the seed. */
export function repeatingCommand({ data, options, training, machine }: RunConfig): string {
  const { seed: _seed, ...given } = options;
  const words = Object.entries(given).flatMap(([name, value]) => wordsOf(name, value));
  const device = machine.device === 'cpu' ? [] : ['--device', machine.device];
  const last = ['--seed', String(training.seed), '--threads', String(machine.threads), ...device];
  return ['pixelwise', 'train', '--data', data.path, ...words, ...last].map(shellQuoted).join(' ');
}

function wordsOf(name: string, value: unknown): string[] {
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (value === undefined || value === null) return [];
  if (typeof value === 'boolean') return [value ? `--${flag}` : `--no-${flag}`];
  if (Array.isArray(value)) return [`--${flag}`, value.join(',')];
  if (isSize(value)) return [`--${flag}`, `${value.height}x${value.width}`];
  return [`--${flag}`, String(value)];
}

function isSize(value: unknown): value is { height: number; width: number } {
  return typeof value === 'object' && value !== null && 'height' in value && 'width' in value;
}

/** A word of a POSIX shell that stands for itself, whatever it contains. */
export function shellQuoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
