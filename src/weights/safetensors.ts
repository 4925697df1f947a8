/**
 * The safetensors format (https://huggingface.co/docs/safetensors): eight bytes with the header's length, a
 * JSON header that says for each tensor its type, shape and range of bytes, then the bytes without gaps.
 */
import * as z from 'zod';
import { PixelwiseError } from '../errors/index.js';
import { formatShape } from '../graph/index.js';
import { repeatedKey } from './json-keys.js';
import {
  ELEMENT_BYTES,
  type ElementType,
  type RawTensor,
  type WeightFile,
  type WeightTensor,
} from './tensor.js';

const LENGTH_BYTES = 8;

/** The limit of the reference implementation: a larger header is an attack. */
const MAX_HEADER_BYTES = 100_000_000;

const METADATA = '__metadata__';

const size = z.number().int().nonnegative();
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(size),
  data_offsets: z.tuple([size, size]),
});

function isTableOfTexts(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === 'string')
  );
}

/**
 * Encodes tensors as a safetensors file. Tensors and their header entries keep the given order, so equal weights make
 * equal files.
 *
 * @throws PixelwiseError for a repeated name and for data that do not fit the shape.
 */
export function encodeSafetensors(
  tensors: readonly (WeightTensor | RawTensor)[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  // Written entry by entry, because a JavaScript object moves names that look like numbers to the front.
  const entries: string[] = [];
  const names = new Set<string>([METADATA]);
  if (Object.keys(metadata).length > 0) entries.push(`"${METADATA}":${JSON.stringify(metadata)}`);
  let offset = 0;
  const raw = tensors.map(asRaw);
  for (const { name, elementType, shape, bytes } of raw) {
    if (names.has(name)) {
      throw new PixelwiseError(
        'weights',
        `Two tensors cannot both be called "${name}" in one safetensors file.`,
      );
    }
    names.add(name);
    const expected = byteLength(shape, elementType);
    if (bytes.length !== expected) {
      throw new PixelwiseError(
        'weights',
        `Tensor "${name}" (${elementType} ${formatShape(shape)}) needs ${expected} bytes, not ${bytes.length}.`,
      );
    }
    const entry = { dtype: elementType, shape, data_offsets: [offset, offset + bytes.length] };
    entries.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    offset += bytes.length;
  }
  const json = new TextEncoder().encode(`{${entries.join(',')}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, LENGTH_BYTES);
  file.fill(0x20, LENGTH_BYTES + json.length, LENGTH_BYTES + headerBytes);
  let at = LENGTH_BYTES + headerBytes;
  for (const { bytes } of raw) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

/**
 * Decodes a safetensors file. The tensors come in the order of their data, as views of `bytes`.
 *
 * @param source what error messages call the file.
 * @throws PixelwiseError naming file and tensor if the header is wrong: the ranges must cover the data exactly once,
 *   and each must fit its tensor's type and shape.
 */
export function decodeSafetensors(bytes: Uint8Array, source: string): WeightFile {
  const fail = (problem: string): never => {
    throw new PixelwiseError('weights', `${source} is not a valid safetensors file: ${problem}.`);
  };
  if (bytes.length < LENGTH_BYTES)
    fail(`it has ${bytes.length} bytes, and the header's length alone takes 8`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const claimed = view.getBigUint64(0, true);
  const limit = Math.min(MAX_HEADER_BYTES, bytes.length - LENGTH_BYTES);
  if (claimed > BigInt(limit)) {
    fail(
      `its header claims ${claimed} bytes, but the file has room for ${limit} (is it truncated, or another format?)`,
    );
  }
  const dataStart = LENGTH_BYTES + Number(claimed);
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart), fail);
  const data = bytes.subarray(dataStart);

  let metadata: Record<string, string> = {};
  const entries: { tensor: Omit<RawTensor, 'bytes'>; begin: number; end: number }[] = [];
  for (const [name, value] of header) {
    if (name === METADATA) {
      // Kept as read, because zod drops a key named __proto__.
      metadata = isTableOfTexts(value) ? value : fail('its metadata is not a table of strings');
      continue;
    }
    const parsed = entrySchema.safeParse(value);
    if (!parsed.success) {
      return fail(
        `tensor "${name}" needs exactly dtype (string), shape (integers) and data_offsets (two integers)`,
      );
    }
    const { dtype, shape, data_offsets } = parsed.data;
    const [begin, end] = data_offsets;
    if (!isElementType(dtype)) {
      return fail(
        `tensor "${name}" has type "${dtype}"; supported are ${Object.keys(ELEMENT_BYTES).join(', ')}`,
      );
    }
    if (begin > end || end > data.length) {
      fail(`tensor "${name}" claims bytes ${begin} to ${end} of data that are ${data.length} bytes long`);
    }
    const expected = byteLength(shape, dtype);
    if (end - begin !== expected) {
      fail(
        `tensor "${name}" (${dtype} ${formatShape(shape)}) needs ${expected} bytes, but has ${end - begin}`,
      );
    }
    entries.push({ tensor: { name, elementType: dtype, shape }, begin, end });
  }

  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  let before = 'the start of the data';
  for (const { tensor, begin, end } of entries) {
    if (begin < covered) fail(`the bytes of tensor "${tensor.name}" overlap those of ${before}`);
    if (begin > covered)
      fail(
        `bytes ${covered} to ${begin}, between ${before} and tensor "${tensor.name}", belong to no tensor`,
      );
    covered = end;
    before = `tensor "${tensor.name}"`;
  }
  if (covered < data.length)
    fail(`the last ${data.length - covered} bytes, after ${before}, belong to no tensor`);
  return {
    source,
    metadata,
    tensors: entries.map(({ tensor, begin, end }) => ({ ...tensor, bytes: data.subarray(begin, end) })),
  };
}

function parseHeader(bytes: Uint8Array, fail: (problem: string) => never): [string, unknown][] {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    header = JSON.parse(text);
  } catch {
    return fail('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    return fail('its header is not a JSON object');
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) fail(`its header has "${twice}" twice`);
  return Object.entries(header);
}

function asRaw(tensor: WeightTensor | RawTensor): RawTensor {
  if ('bytes' in tensor) return tensor;
  const { name, shape, data } = tensor;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, elementType: 'F32', shape, bytes };
}

function isElementType(name: string): name is ElementType {
  return Object.hasOwn(ELEMENT_BYTES, name);
}

function byteLength(shape: readonly number[], elementType: ElementType): number {
  return shape.reduce((product, length) => product * length, ELEMENT_BYTES[elementType]);
}
