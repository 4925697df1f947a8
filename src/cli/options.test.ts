import { describe, expect, expectTypeOf, it } from 'vitest';
import { modelNames } from '../models/index.js';
import { COMMAND_NAMES, OPTION_ENTRIES, OPTIONS, optionsOf, type OptionsOf } from './options.js';

describe('the table of options', () => {
  it('gives no command two options of one flag', () => {
    for (const command of COMMAND_NAMES) {
      const flags = optionsOf(command).map(({ flag }) => flag);
      expect(new Set(flags).size, command).toBe(flags.length);
    }
  });

  it('names flags in kebab-case', () => {
    expect(OPTION_ENTRIES.find(({ name }) => name === 'batchNorm')!.flag).toBe('batch-norm');
    for (const { flag } of OPTION_ENTRIES) expect(flag).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });

  it('lists commands that need an option among those that take it', () => {
    for (const { name, commands, needed = [] } of OPTION_ENTRIES) {
      for (const command of needed) expect(commands, name).toContain(command);
    }
  });

  it('names every built-in model in the help', () => {
    for (const name of modelNames()) expect(OPTIONS.model.help).toContain(name);
  });

  it('takes the sizes that training takes', () => {
    const { kind } = OPTIONS.size;
    expect(kind.read('16x4096')).toEqual({ height: 16, width: 4096 });
    expect(kind.read('15')).toBeUndefined();
    expect(kind.read('4097')).toBeUndefined();
    expect(kind.accepts).toContain('from 16 to 4096');
  });

  it('types what a command is given', () => {
    type Train = OptionsOf<'train'>;
    expectTypeOf<Train['data']>().toEqualTypeOf<string>();
    expectTypeOf<Train['epochs']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Train>().not.toHaveProperty('scoreAt');
    expectTypeOf<OptionsOf<'predict'>['out']>().toEqualTypeOf<string>();
    expectTypeOf<OptionsOf<'demo'>['out']>().toEqualTypeOf<string | undefined>();
  });
});
