/**
 * A reader for pickles that hold tensors. A pickle is a program for a stack machine, and Python's own reader lets
 * it call anything. This reader knows only the instructions that build plain data, and only the names that its
 * caller lists. Everything else is an error, raised before anything is run.
 *
 * The instructions are those of protocol 2 (Lib/pickletools.py), which `torch.save` writes by default.
 */
import { ByteCursor } from './byte-cursor.js';

/** What a pickle may refer to by name. Without `construct` it can be passed around, but not called. */
export interface PickleGlobal {
  readonly name: string;
  readonly construct?: (args: readonly unknown[]) => unknown;
}

/** A Python tuple; lists are arrays, dictionaries are maps. */
export class PickleTuple {
  constructor(readonly items: readonly unknown[]) {}
}

export interface UnpickleOptions {
  /** What error messages call the file. */
  readonly source: string;
  /** The allowed globals by `module.name`. */
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** Returns the object outside the pickle that `id` refers to. */
  readonly persistent?: (id: unknown) => unknown;
}

/** Names, for error messages, of the instructions that are refused: those that call or name things. */
const REFUSED: Readonly<Record<number, string>> = {
  0x50: 'PERSID',
  0x69: 'INST',
  0x6f: 'OBJ',
  0x81: 'NEWOBJ',
  0x82: 'EXT1',
  0x83: 'EXT2',
  0x84: 'EXT4',
  0x8c: 'SHORT_BINUNICODE',
  0x92: 'NEWOBJ_EX',
  0x93: 'STACK_GLOBAL',
  0x94: 'MEMOIZE',
  0x95: 'FRAME',
};

/**
 * Reads one pickle. None, booleans, numbers and strings become JavaScript values (an integer beyond 2^53 becomes a
 * bigint); lists become arrays, dictionaries maps, and tuples a `PickleTuple`.
 *
 * @param position where in `bytes` the pickle starts.
 * @returns the value, and the position after the pickle.
 * @throws PixelwiseError naming the instruction or global that is not allowed, or the malformed part.
 */
export function unpickle(
  bytes: Uint8Array,
  options: UnpickleOptions,
  position = 0,
): { value: unknown; end: number } {
  const machine = new PickleMachine(new ByteCursor(bytes, options.source, position), options);
  return machine.run();
}

class PickleMachine {
  private stack: unknown[] = [];
  /** The stacks below each open mark. */
  private readonly below: unknown[][] = [];
  private readonly memo = new Map<number, unknown>();

  constructor(
    private readonly cursor: ByteCursor,
    private readonly options: UnpickleOptions,
  ) {}

  run(): { value: unknown; end: number } {
    for (;;) {
      const opcode = this.cursor.uint8();
      // STOP
      if (opcode === 0x2e) return { value: this.pop(), end: this.cursor.position };
      this.execute(opcode);
    }
  }

  private execute(opcode: number): void {
    const { cursor, stack } = this;
    switch (opcode) {
      case 0x80: {
        // PROTO
        const protocol = cursor.uint8();
        if (protocol > 2)
          cursor.fail(`its pickle uses protocol ${protocol}; save it with torch.save's default, 2`);
        break;
      }
      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4a: // BININT
        stack.push(cursor.int32());
        break;
      case 0x4b: // BININT1
        stack.push(cursor.uint8());
        break;
      case 0x4d: // BININT2
        stack.push(cursor.uint16());
        break;
      case 0x8a: // LONG1
        stack.push(wholeNumber(cursor.take(cursor.uint8())));
        break;
      case 0x47: // BINFLOAT
        stack.push(cursor.float64BigEndian());
        break;
      case 0x58: // BINUNICODE
        stack.push(cursor.text(cursor.uint32()));
        break;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x5d: // EMPTY_LIST
        stack.push([]);
        break;
      case 0x29: // EMPTY_TUPLE
        stack.push(new PickleTuple([]));
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        this.pushTuple(opcode - 0x84);
        break;
      case 0x28: // MARK
        this.below.push(stack);
        this.stack = [];
        break;
      case 0x74: {
        // TUPLE
        const items = this.popToMark();
        this.stack.push(new PickleTuple(items));
        break;
      }
      case 0x61: {
        // APPEND
        const item = this.pop();
        this.top(Array.isArray, 'a list').push(item);
        break;
      }
      case 0x65: {
        // APPENDS
        const items = this.popToMark();
        const list = this.top(Array.isArray, 'a list');
        for (const item of items) list.push(item);
        break;
      }
      case 0x73: {
        // SETITEM
        const value = this.pop();
        this.setItems([this.pop(), value]);
        break;
      }
      case 0x75: // SETITEMS
        this.setItems(this.popToMark());
        break;
      case 0x71: // BINPUT
        this.remember(cursor.uint8());
        break;
      case 0x72: // LONG_BINPUT
        this.remember(cursor.uint32());
        break;
      case 0x68: // BINGET
        this.recall(cursor.uint8());
        break;
      case 0x6a: // LONG_BINGET
        this.recall(cursor.uint32());
        break;
      case 0x63: // GLOBAL
        this.pushGlobal(cursor.line(), cursor.line());
        break;
      case 0x52: // REDUCE
        this.reduce();
        break;
      case 0x62: // BUILD
        // Attributes of a dictionary, such as the versions of a state dict's modules. They are not among its items.
        this.pop();
        this.top(isMap, 'a dictionary');
        break;
      case 0x51: // BINPERSID
        this.pushPersistent();
        break;
      default: {
        const code = `0x${opcode.toString(16).padStart(2, '0')}`;
        const name = REFUSED[opcode] === undefined ? code : `${REFUSED[opcode]} (${code})`;
        cursor.fail(
          `its pickle has the instruction ${name} at byte ${cursor.position - 1}, which weights have no need of`,
        );
      }
    }
  }

  private pushTuple(length: number): void {
    const items = Array.from({ length }, () => this.pop()).reverse();
    this.stack.push(new PickleTuple(items));
  }

  private pushGlobal(module: string, name: string): void {
    const path = `${module}.${name}`;
    this.stack.push(
      this.options.globals.get(path) ??
        this.cursor.fail(
          `its pickle asks for "${path}", which weights have no need of. Nothing was run; do not load this file ` +
            'with Python unless you trust it',
        ),
    );
  }

  private reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(args instanceof PickleTuple))
      this.cursor.fail('its pickle calls something without a tuple of arguments');
    const construct = isGlobal(callee) ? callee.construct : undefined;
    if (construct === undefined) {
      const name = isGlobal(callee) ? `"${callee.name}"` : 'something that has no name';
      this.cursor.fail(`its pickle calls ${name}, which cannot be called`);
    }
    this.stack.push(construct(args.items));
  }

  private pushPersistent(): void {
    const { persistent } = this.options;
    if (persistent === undefined) this.cursor.fail('its pickle refers to an object outside itself');
    this.stack.push(persistent(this.pop()));
  }

  private setItems(keysAndValues: readonly unknown[]): void {
    const map = this.top(isMap, 'a dictionary');
    if (keysAndValues.length % 2 !== 0) this.cursor.fail('its pickle has a key without a value');
    for (let i = 0; i < keysAndValues.length; i += 2) {
      const key = keysAndValues[i];
      if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint') {
        this.cursor.fail('its pickle has a dictionary with a key that is neither text nor a whole number');
      }
      map.set(key, keysAndValues[i + 1]);
    }
  }

  private remember(index: number): void {
    if (this.stack.length === 0) this.cursor.fail('its pickle stores a value where there is none');
    this.memo.set(index, this.stack.at(-1));
  }

  private recall(index: number): void {
    if (!this.memo.has(index)) this.cursor.fail(`its pickle recalls value ${index}, which it never stored`);
    this.stack.push(this.memo.get(index));
  }

  private pop(): unknown {
    if (this.stack.length === 0) this.cursor.fail('its pickle takes a value where there is none');
    return this.stack.pop();
  }

  private popToMark(): unknown[] {
    const items = this.stack;
    this.stack = this.below.pop() ?? this.cursor.fail('its pickle closes a group that it never opened');
    return items;
  }

  private top<T>(is: (value: unknown) => value is T, what: string): T {
    const value = this.stack.at(-1);
    return is(value) ? value : this.cursor.fail(`its pickle expects ${what} where there is something else`);
  }
}

function isMap(value: unknown): value is Map<unknown, unknown> {
  return value instanceof Map;
}

function isGlobal(value: unknown): value is PickleGlobal {
  return typeof value === 'object' && value !== null && 'name' in value && !(value instanceof PickleTuple);
}

/** Little-endian two's complement of any length. */
function wholeNumber(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  const signed = BigInt.asIntN(8 * bytes.length, value);
  const number = Number(signed);
  return Number.isSafeInteger(number) ? number : signed;
}
