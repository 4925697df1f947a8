/** `pixelwise serve` as a process: it says where it listens, answers, and ends well. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeMask } from '../../src/images/decode-mask.js';
import { encodeImage } from '../../src/images/encode.js';
import { testImage, tinyCard, tinyUNet } from '../inference/tiny-model.js';
import { writeTinyRun } from '../inference/tiny-run.js';
import { buildProgram, type BuiltProgram } from '../built-program.js';

let program: BuiltProgram;
let place: string;
beforeAll(async () => {
  program = await buildProgram();
  place = await mkdtemp(join(tmpdir(), 'pixelwise-cli-serve-'));
  const page = join(dirname(program.main), '..', 'page', 'index.html');
  await writeFile(page, '<!doctype html><title>page</title>');
  const card = tinyCard(2);
  await writeTinyRun(join(place, 'run'), card, [tinyUNet(card).state]);
}, 120_000);
afterAll(async () => {
  await program?.remove();
  await rm(place, { recursive: true, force: true });
});

test.each(['SIGINT', 'SIGTERM'] as const)('a run is served until %s', async (signal) => {
  const child = program.start('serve', join(place, 'run'), '--port', '0', '--threads', '1', '--json');
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
  const ended = once(child, 'exit') as Promise<[number | null]>;
  while (!stdout.trimEnd().endsWith('}')) await Promise.race([once(child.stdout, 'data'), ended]);
  const told = JSON.parse(stdout) as { url: string; port: number; classes: string[] };
  expect(told.url).toBe(`http://127.0.0.1:${told.port}/`);
  expect(told.classes).toEqual(['background', 'class 1']);
  expect(await (await fetch(told.url)).text()).toContain('<title>page</title>');
  const body = (await encodeImage(testImage(40, 30))) as Uint8Array<ArrayBuffer>;
  const answer = await fetch(`${told.url}segment`, { method: 'POST', body });
  const mask = await decodeMask(new Uint8Array(await answer.arrayBuffer()));
  expect([mask.width, mask.height]).toEqual([40, 30]);
  child.kill(signal);
  expect((await ended)[0]).toBe(0);
  // Nothing besides the one object.
  expect(JSON.parse(stdout)).toEqual(told);
  expect(stderr).toMatch(/POST \/segment 200 /);
  expect(stderr).toContain('Stopping after the requests in progress.');
});

test('what cannot be served is told of', async () => {
  const { code, stderr } = await program.run('serve', join(place, 'nothing'));
  expect(code).toBe(1);
  expect(stderr).toMatch(/no such run folder or model file/);
  expect((await program.run('serve', join(place, 'run'), '--port', '70000')).code).toBe(2);
});
