/**
 * Fits and transforms as plain data. A function cannot be sent to another thread, but the name of what made it
 * and the arguments can: whatever comes out of a `portable` factory can be described here and made again there.
 */
import { PixelwiseError } from '../errors/index.js';

/** Names a factory and what it was called with; structured cloning keeps it whole. */
export interface Description {
  readonly factory: string;
  readonly args: readonly Argument[];
}

type Argument = { readonly value: unknown } | { readonly made: Description };
type Factory = (...args: unknown[]) => object;

const factories = new Map<string, Factory>();
const calls = new WeakMap<object, { readonly factory: string; readonly args: readonly unknown[] }>();

/** `make`, whose results {@link describe} knows. Arguments are plain values or themselves portable. */
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

/** How `made` can be made again; undefined where it, or a part of it, is a function of one's own. */
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

/** Makes it again. The modules that hold the factories are to be imported by whoever calls. */
export function remake({ factory, args }: Description): object {
  const make = factories.get(factory);
  if (make === undefined)
    throw new PixelwiseError('portable', `There is no factory "${factory}" in this thread.`);
  return make(...args.map((argument) => ('made' in argument ? remake(argument.made) : argument.value)));
}
