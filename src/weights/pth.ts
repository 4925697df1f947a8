/**
 * Reads the files of PyTorch's `torch.save` without Python and without running their pickles. There are two formats:
 *
 * - zip (since PyTorch 1.6): `NAME/data.pkl`, whose tensors refer to storages in `NAME/data/KEY`, with checksums;
 * - the older one: pickles of a magic number, a protocol version, the writer's machine, the object and the list of
 *   storage keys, then each storage as its count of elements and its bytes. It has no checksums.
 */
import { PixelwiseError } from '../errors/index.js';
import { formatShape } from '../graph/index.js';
import { ByteCursor } from './byte-cursor.js';
import { type PickleGlobal, PickleTuple, unpickle, type UnpickleOptions } from './pickle.js';
import { ELEMENT_BYTES, type ElementType, type RawTensor, type WeightFile } from './tensor.js';
import { StoredZip } from './stored-zip.js';

const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;

/** The first bytes of a pickle of `LEGACY_MAGIC`: protocol 2, then a number of ten bytes. */
export const LEGACY_SIGNATURE = Uint8Array.of(0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9);
export const ZIP_SIGNATURE = Uint8Array.of(0x50, 0x4b);

/** Keys under which training checkpoints keep their state dict. */
const STATE_DICT_KEYS = ['state_dict', 'model_state_dict', 'model'];

/**
 * Tensors may share a storage, and may be strided views of it (transposed, expanded). All tensors together may have at
 * most this many times the bytes of the storages, so that a small file cannot fill the memory.
 */
const MAX_EXPANSION = 8;

class StorageType implements PickleGlobal {
  constructor(
    readonly name: string,
    readonly elementType: ElementType,
  ) {}
}

class Storage {
  bytes: Uint8Array = new Uint8Array(0);

  constructor(
    readonly key: string,
    readonly elementType: ElementType,
    readonly count: number,
  ) {}
}

/** A view of a storage, with sizes and strides in elements. They are not checked against the storage yet. */
class StridedTensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

const STORAGE_TYPES: Readonly<Record<string, ElementType>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

/**
 * The tensors of a state dict saved by `torch.save`: the saved object itself, or its entry `state_dict`, `model_state_dict` or `model`.
 *
 * @param source what error messages call the file.
 * @throws PixelwiseError if the file is damaged, if its pickle asks for anything but tensors and plain data (naming
 *   it), or if it holds no state dict.
 */
export async function decodePth(bytes: Uint8Array, source: string): Promise<WeightFile> {
  const { root, storages } = startsWith(bytes, ZIP_SIGNATURE)
    ? await readZip(bytes, source)
    : readLegacy(bytes, source);
  const state = stateDict(root, source);
  const available = storages.reduce((total, storage) => total + storage.bytes.length, 0);
  let claimed = 0;
  const tensors = state.map(([name, tensor]) => {
    const elementBytes = ELEMENT_BYTES[tensor.storage.elementType];
    claimed += elementBytes * elementCount(tensor.shape);
    if (claimed > MAX_EXPANSION * available) {
      throw malformed(
        source,
        `its tensors up to "${name}" claim far more bytes than the ${available} of its storages`,
      );
    }
    return {
      name,
      elementType: tensor.storage.elementType,
      shape: tensor.shape,
      bytes: gather(name, tensor, source),
    };
  });
  return { source, metadata: {}, tensors };
}

export function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.every((byte, i) => bytes[i] === byte);
}

interface SavedObject {
  readonly root: unknown;
  readonly storages: readonly Storage[];
}

async function readZip(bytes: Uint8Array, source: string): Promise<SavedObject> {
  const zip = await StoredZip.open(bytes, source);
  const [pickle, ...others] = zip.names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined || others.length > 0) {
    throw malformed(source, 'it is a zip archive, but not one of torch.save (no single NAME/data.pkl)');
  }
  const folder = pickle.slice(0, -'/data.pkl'.length);
  if (zip.names.includes(`${folder}/byteorder`)) {
    const order = new TextDecoder().decode(await zip.read(`${folder}/byteorder`));
    if (order !== 'little')
      throw malformed(source, `its numbers are in ${order}-endian order; only little is read`);
  }
  const storages = new StorageTable(source);
  const { value } = unpickle(await zip.read(pickle), pickleOptions(source, storages));
  for (const storage of storages.all) {
    const entry = `${folder}/data/${storage.key}`;
    storages.fill(storage, await zip.read(entry));
  }
  return { root: value, storages: storages.all };
}

function readLegacy(bytes: Uint8Array, source: string): SavedObject {
  const storages = new StorageTable(source);
  const plain: UnpickleOptions = { source, globals: new Map() };
  const magic = unpickle(bytes, plain);
  if (magic.value !== LEGACY_MAGIC)
    throw malformed(source, 'it does not start as files written by torch.save do');
  const protocol = unpickle(bytes, plain, magic.end);
  if (protocol.value !== LEGACY_PROTOCOL) {
    throw malformed(source, `its format has version ${String(protocol.value)}, not ${LEGACY_PROTOCOL}`);
  }
  const machine = unpickle(bytes, plain, protocol.end);
  if (!(machine.value instanceof Map) || machine.value.get('little_endian') !== true) {
    throw malformed(source, 'its numbers are not in little-endian order');
  }
  const root = unpickle(bytes, pickleOptions(source, storages), machine.end);
  const keys = unpickle(bytes, plain, root.end);
  if (!Array.isArray(keys.value)) throw malformed(source, 'it has no list of storages');
  const cursor = new ByteCursor(bytes, source, keys.end);
  for (const key of keys.value) {
    const storage = storages.get(key);
    if (storage === undefined) {
      // Only text is shown: a list that contains itself many times would be written out for ever.
      const shown = typeof key === 'string' ? `storage "${key}"` : 'list of storages has an entry that';
      throw malformed(source, `its ${shown} belongs to no tensor`);
    }
    const count = cursor.uint64();
    if (count !== storage.count) {
      throw malformed(source, `its storage "${storage.key}" has ${count} elements, not ${storage.count}`);
    }
    storages.fill(storage, cursor.take(count * ELEMENT_BYTES[storage.elementType]));
  }
  storages.requireFilled();
  if (!cursor.atEnd)
    throw malformed(source, `it has more bytes after its last storage, at byte ${cursor.position}`);
  return { root: root.value, storages: storages.all };
}

/** The storages that a pickle refers to. Tensors may share one. */
class StorageTable {
  private readonly byKey = new Map<string, Storage>();
  private readonly filled = new Set<Storage>();

  constructor(private readonly source: string) {}

  get all(): Storage[] {
    return [...this.byKey.values()];
  }

  get(key: unknown): Storage | undefined {
    return typeof key === 'string' ? this.byKey.get(key) : undefined;
  }

  requireFilled(): void {
    const lacking = this.all.find((storage) => !this.filled.has(storage));
    if (lacking !== undefined) throw malformed(this.source, `it lacks the storage "${lacking.key}"`);
  }

  /** The storage of a persistent id: ('storage', type, key, device, count) and, in old files, a view. */
  refer(id: unknown): Storage {
    const [kind, type, key, , count, view] = id instanceof PickleTuple ? id.items : [];
    if (kind !== 'storage' || !(type instanceof StorageType) || typeof key !== 'string' || !isSize(count)) {
      throw malformed(this.source, 'its pickle refers to an outside object that is not a storage');
    }
    if (view !== undefined && view !== null) {
      throw malformed(
        this.source,
        `its storage "${key}" is a view of another, which is not supported; save it again with a current PyTorch`,
      );
    }
    const known = this.byKey.get(key);
    if (known === undefined) {
      const storage = new Storage(key, type.elementType, count);
      this.byKey.set(key, storage);
      return storage;
    }
    if (known.elementType !== type.elementType || known.count !== count) {
      throw malformed(this.source, `its pickle describes the storage "${key}" in two ways`);
    }
    return known;
  }

  fill(storage: Storage, bytes: Uint8Array): void {
    const expected = storage.count * ELEMENT_BYTES[storage.elementType];
    if (bytes.length !== expected) {
      throw malformed(this.source, `its storage "${storage.key}" has ${bytes.length} bytes, not ${expected}`);
    }
    if (this.filled.has(storage)) throw malformed(this.source, `it has the storage "${storage.key}" twice`);
    this.filled.add(storage);
    storage.bytes = bytes;
  }
}

function pickleOptions(source: string, storages: StorageTable): UnpickleOptions {
  const globals: PickleGlobal[] = [
    ...Object.entries(STORAGE_TYPES).map(
      ([name, elementType]) => new StorageType(`torch.${name}`, elementType),
    ),
    {
      name: 'collections.OrderedDict',
      construct: (args) => {
        if (args.length > 0)
          throw malformed(source, 'its pickle makes a collections.OrderedDict of something');
        return new Map();
      },
    },
    {
      name: 'torch._utils._rebuild_tensor_v2',
      construct: ([storage, offset, shape, strides]) => {
        if (!(storage instanceof Storage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides)) {
          throw malformed(source, 'its pickle describes a tensor in an unknown way');
        }
        return new StridedTensor(storage, offset, shape.items, strides.items);
      },
    },
    {
      name: 'torch._utils._rebuild_parameter',
      construct: ([tensor]) => {
        if (!(tensor instanceof StridedTensor))
          throw malformed(source, 'its pickle has a parameter without a tensor');
        return tensor;
      },
    },
  ];
  return {
    source,
    globals: new Map(globals.map((global) => [global.name, global])),
    persistent: (id) => storages.refer(id),
  };
}

function stateDict(root: unknown, source: string): [string, StridedTensor][] {
  let dictionary = root;
  for (const key of STATE_DICT_KEYS) {
    const inner: unknown = root instanceof Map ? root.get(key) : undefined;
    if (inner instanceof Map) {
      dictionary = inner;
      break;
    }
  }
  if (!(dictionary instanceof Map))
    throw malformed(source, 'it holds no state dict; save model.state_dict()');
  return [...(dictionary as Map<unknown, unknown>)].map(([name, value]) => {
    if (typeof name !== 'string' || !(value instanceof StridedTensor)) {
      throw malformed(source, `its entry "${String(name)}" is not a tensor; save model.state_dict()`);
    }
    return [name, value];
  });
}

/** The tensor's elements in C order: a view of its storage if they are in that order there. */
function gather(name: string, tensor: StridedTensor, source: string): RawTensor['bytes'] {
  const { storage, offset, shape, strides } = tensor;
  const width = ELEMENT_BYTES[storage.elementType];
  const describe = `tensor "${name}" (${formatShape(shape)}, strides ${formatShape(strides)}, offset ${offset})`;
  if (shape.length !== strides.length)
    throw malformed(source, `${describe} does not have one stride for each axis`);
  const count = elementCount(shape);
  if (count === 0) return new Uint8Array(0);
  const last = shape.reduce((reach, size, axis) => reach + (size - 1) * strides[axis]!, offset);
  if (last >= storage.count)
    throw malformed(source, `${describe} reaches beyond the ${storage.count} of its storage`);

  if (isContiguous(shape, strides)) return storage.bytes.subarray(offset * width, (offset + count) * width);
  const bytes = new Uint8Array(count * width);
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < count; to++) {
    for (let byte = 0; byte < width; byte++) bytes[to * width + byte] = storage.bytes[from * width + byte]!;
    // Step to the next index in C order: the last axis runs fastest, and an axis at its end starts again.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return bytes;
}

/** A tensor with an axis of length zero is empty, however long the file says the other axes are. */
function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    // The stride of an axis of length one does not matter.
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isSizes(value: unknown): value is PickleTuple & { readonly items: readonly number[] } {
  return value instanceof PickleTuple && value.items.every(isSize);
}

function malformed(source: string, problem: string): PixelwiseError {
  return new PixelwiseError('weights', `${source} cannot be read: ${problem}.`);
}
