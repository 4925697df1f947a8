/**
 * The zip archive inside a `.pth` file. `torch.save` stores entries without compression, so each is a view of the
 * file's bytes, and its CRC-32 detects damage.
 */
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { PixelwiseError } from '../errors/index.js';
import { crc32 } from '../files/crc.js';

export class StoredZip {
  private constructor(
    private readonly zip: ZipFile,
    private readonly bytes: Uint8Array,
    private readonly entries: ReadonlyMap<string, Entry>,
    private readonly source: string,
  ) {}

  /**
   * @param source what error messages call the file.
   * @throws PixelwiseError if the directory of the archive is damaged.
   */
  static async open(bytes: Uint8Array, source: string): Promise<StoredZip> {
    return explained(source, async () => {
      const zip = await fromBufferPromise(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        if (entries.has(entry.fileName)) throw new Error(`the archive has "${entry.fileName}" twice`);
        entries.set(entry.fileName, entry);
      }
      return new StoredZip(zip, bytes, entries, source);
    });
  }

  get names(): string[] {
    return [...this.entries.keys()];
  }

  /**
   * The bytes of an entry, as a view.
   *
   * @throws PixelwiseError if there is none, it is compressed or encrypted, or its checksum is wrong.
   */
  async read(name: string): Promise<Uint8Array> {
    return explained(this.source, async () => {
      const entry = this.entries.get(name);
      if (entry === undefined) throw new Error(`the archive has no "${name}"`);
      if (entry.compressionMethod !== 0 || entry.isEncrypted()) {
        throw new Error(`"${name}" in the archive is compressed or encrypted, which torch.save never does`);
      }
      const { fileDataStart } = await this.zip.readLocalFileHeaderPromise(entry, { minimal: true });
      const data = this.bytes.subarray(fileDataStart, fileDataStart + entry.uncompressedSize);
      if (crc32(data) !== entry.crc32) {
        throw new Error(`"${name}" in the archive has a wrong checksum: the file is damaged`);
      }
      return data;
    });
  }
}

async function explained<T>(source: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { message } = cause as Error;
    throw new PixelwiseError('weights', `${source} cannot be read: ${message}.`, { cause });
  }
}
