/** Browser storage of the studio without a server: classes, states and labels of projects, by name of the folder. */
import type { ProjectClass } from '../../src/studio/protocol.js';

export interface StoredProject {
  readonly classes: readonly ProjectClass[];
  /** Ids of the images that are done. */
  readonly done: readonly string[];
  readonly heldOut: readonly string[];
  /** Ids of all images, so that new ones are known. */
  readonly images: readonly string[];
}

export interface StoredLabels {
  readonly width: number;
  readonly height: number;
  /** A class for each pixel, 255 for none. */
  readonly data: Uint8Array;
}

const DATABASE = 'pixelwise-studio';
const PROJECTS = 'projects';
const LABELS = 'labels';

export class PageStore {
  private constructor(private readonly database: IDBDatabase) {}

  static async open(): Promise<PageStore> {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(PROJECTS);
      opening.result.createObjectStore(LABELS);
    };
    return new PageStore(await done(opening));
  }

  project(name: string): Promise<StoredProject | undefined> {
    return done(this.store(PROJECTS, 'readonly').get(name)) as Promise<StoredProject | undefined>;
  }

  putProject(name: string, project: StoredProject): Promise<void> {
    return this.put(PROJECTS, project, name);
  }

  labels(name: string, id: string): Promise<StoredLabels | undefined> {
    return done(this.store(LABELS, 'readonly').get([name, id])) as Promise<StoredLabels | undefined>;
  }

  putLabels(name: string, id: string, labels: StoredLabels): Promise<void> {
    return this.put(LABELS, labels, [name, id]);
  }

  private store(name: string, mode: IDBTransactionMode): IDBObjectStore {
    return this.database.transaction(name, mode, { durability: 'strict' }).objectStore(name);
  }

  /** Resolves when the value is stored, not only queued. */
  private put(name: string, value: unknown, key: IDBValidKey): Promise<void> {
    const store = this.store(name, 'readwrite');
    store.put(value, key);
    const { transaction } = store;
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('the storage refused'));
    });
  }
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the storage refused'));
  });
}
