import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PublishedWeights } from '../models/index.js';
import { fetchWeights, loadEncoderWeights } from './pretrained.js';
import { encodeSafetensors } from './safetensors.js';

const wanted = [{ name: 'conv1.weight', shape: [1, 3, 1, 1] }];
const content = encodeSafetensors([
  { name: 'conv1.weight', shape: [1, 3, 1, 1], data: Float32Array.of(1, 2, 3) },
  { name: 'fc.bias', shape: [2], data: new Float32Array(2) },
]);

let folder: string;
let server: Server;
let published: PublishedWeights;
let requests = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-pretrained-'));
  requests = 0;
  server = createServer((_, response) => {
    requests++;
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  published = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/resnet18.pth`,
    fileName: 'resnet18.pth',
    sha256Prefix: createHash('sha256').update(content).digest('hex').slice(0, 8),
  };
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

describe('fetchWeights', () => {
  it('downloads once, then needs no network', async () => {
    const path = await fetchWeights(published, { folder });
    expect(path).toBe(join(folder, 'resnet18.pth'));
    await fetchWeights(published, { folder });
    expect(requests).toBe(1);
  });

  it('refuses a cached file that is damaged, and leaves it for its owner to delete', async () => {
    const path = await fetchWeights(published, { folder });
    await writeFile(path, 'damaged');
    await expect(fetchWeights(published, { folder })).rejects.toThrow(
      new RegExp(
        `${path} is damaged: its SHA-256 starts with [0-9a-f]{8}, not ${published.sha256Prefix}. Delete it`,
      ),
    );
  });
});

describe('loadEncoderWeights', () => {
  it('takes a file', async () => {
    const path = join(folder, 'mine.safetensors');
    await writeFile(path, content);
    expect(await loadEncoderWeights('resnet18', path, wanted)).toEqual({
      tensors: [{ name: 'conv1.weight', shape: [1, 3, 1, 1], data: Float32Array.of(1, 2, 3) }],
      source: path,
      normalization: 'imagenet',
    });
  });

  it('takes the published file of a name from the cache, if its hash is right', async () => {
    await writeFile(join(folder, 'resnet18-f37072fd.pth'), content);
    await expect(loadEncoderWeights('resnet18', 'imagenet', wanted, { folder })).rejects.toThrow(
      'resnet18-f37072fd.pth is damaged',
    );
  });

  it('says what could have been given', async () => {
    await expect(loadEncoderWeights('resnet18', 'imagnet', wanted)).rejects.toMatchObject({
      name: 'UsageError',
      message:
        '"imagnet" is neither a weight file nor the name of published weights for resnet18 (imagenet).',
    });
  });
});
