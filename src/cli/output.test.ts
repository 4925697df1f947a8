import { describe, expect, it } from 'vitest';
import { CapturedStream } from '../../test/captured-stream.js';
import { Output } from './output.js';

function output(isTTY: boolean, env: Record<string, string> = {}) {
  const stdout = new CapturedStream(isTTY);
  const stderr = new CapturedStream(isTTY);
  return { stdout, stderr, output: new Output({ stdout, stderr, env, json: false }) };
}

describe('Output', () => {
  it('colours on terminals only, and not for those who want none', () => {
    const warned = (isTTY: boolean, env?: Record<string, string>) => {
      const { output: out, stderr } = output(isTTY, env);
      out.warn('x');
      return stderr.text;
    };
    expect(warned(false)).toBe('warning: x\n');
    expect(warned(true)).toContain('\x1b[33m');
    expect(warned(true, { NO_COLOR: '1' })).toBe('warning: x\n');
    expect(warned(true, { TERM: 'dumb' })).toBe('warning: x\n');
    expect(warned(false, { FORCE_COLOR: '1' })).toContain('\x1b[33m');
  });

  it('keeps lines and the bar apart', () => {
    const { output: out, stderr } = output(true, { NO_COLOR: '1' });
    const progress = out.progress({ label: 'work', total: 10, unit: 'images' });
    out.note('between');
    progress.end();
    // The bar is taken away before the line, and drawn again below it.
    expect(stderr.text.indexOf('\x1b[2K')).toBeLessThan(stderr.text.indexOf('between\n'));
    expect(stderr.text.lastIndexOf('work')).toBeGreaterThan(stderr.text.indexOf('between\n'));
    out.close();
  });
});
