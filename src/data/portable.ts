/**
 * Fits and transforms as plain data. A function cannot be sent to another thread, but the name of its factory and the
 * arguments can: the result of a `portable` factory can be described as plain data and created again in a thread.
 */
import { PixelwiseError } from '../errors/index.js';

/** A factory's name and its arguments. It can be sent to another thread. */
export interface Description {
  readonly factory: string;
  readonly args: readonly Argument[];
}

type Argument = { readonly value: unknown } | { readonly made: Description };
type Factory = (...args: unknown[]) => object;

const factories = new Map<string, Factory>();
const calls = new WeakMap<object, { readonly factory: string; readonly args: readonly unknown[] }>();

/** Wraps `make` such that {@link describe} knows its results. Arguments are plain values or portable themselves. */
export function portable<Args extends readonly unknown[], Made extends object>(
  factory: string,
  make: (...args: Args) => Made,
): (...args: Args) => Made {
  factories.set(factory, make as unknown as Factory);
  return (...args) => {
    const made = make(...args);
    calls.set(made, { factory, args });
    return made;
  };
}

/** How `made` can be created again; undefined if it, or a part of it, is a custom function. */
export function describe(made: object): Description | undefined {
  const call = calls.get(made);
  if (call === undefined) return undefined;
  const args: Argument[] = [];
  for (const value of call.args) {
    if (typeof value !== 'function') args.push({ value });
    else {
      const inner = describe(value);
      if (inner === undefined) return undefined;
      args.push({ made: inner });
    }
  }
  return { factory: call.factory, args };
}

/** Creates it again. The caller must have imported the modules that contain the factories. */
export function remake({ factory, args }: Description): object {
  const make = factories.get(factory);
  if (make === undefined)
    throw new PixelwiseError('portable', `There is no factory "${factory}" in this thread.`);
  return make(...args.map((argument) => ('made' in argument ? remake(argument.made) : argument.value)));
}
