/**
 * Load test of `pixelwise serve`: clients send valid, truncated, oversized and malicious files, and some break their
 * connections. Fails if an answer is wrong or memory grows.
 *
 *   npm run build && node benchmarks/serve-load.mjs RUN|MODEL.onnx [SECONDS=120] [CLIENTS=64]
 */
import { decode } from 'fast-png';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { Segmenter } from '../dist/inference/index.js';
import { Random } from '../dist/random/index.js';

const [source, seconds = '120', clients = '64'] = process.argv.slice(2);
const MAX_UPLOAD_MIB = 4;

const server = spawn(
  process.execPath,
  [
    fileURLToPath(new URL('../dist/cli/main.js', import.meta.url)),
    'serve',
    source,
    '--port',
    '0',
    '--json',
    '--max-upload',
    String(MAX_UPLOAD_MIB),
  ],
  { stdio: ['ignore', 'pipe', 'ignore'] },
);
let died;
server.once('exit', (code, signal) => (died = `exit ${code} ${signal ?? ''}`));
let printed = '';
server.stdout.on('data', (part) => (printed += part));
while (!printed.trimEnd().endsWith('}')) await once(server.stdout, 'data');
const { url, port } = JSON.parse(printed);

const pictures = await makePictures();
const kinds = makeKinds(pictures);
const tally = {};
const wrong = [];
const latencies = [];
const memory = [];

const end = performance.now() + Number(seconds) * 1000;
const watch = setInterval(() => void readMemory(), 1000);
await Promise.all(Array.from({ length: Number(clients) }, (_, i) => client(i)));
clearInterval(watch);
// After a short idle time, memory that is still allocated is not temporary.
await new Promise((done) => setTimeout(done, 3000));
const idle = await readMemory();
const health = await (await fetch(`${url}health`)).json();
const alive = died === undefined;
server.kill('SIGTERM');
const [code] = await once(server, 'exit');

latencies.sort((a, b) => a - b);
const at = (share) => latencies[Math.floor(latencies.length * share)]?.toFixed(2);
const third = Math.floor(memory.length / 3);
const slice = Math.ceil(memory.length / 10);
const trace = memory
  .filter((_, i) => i % slice === 0)
  .map((_, i) => Math.max(...memory.slice(i * slice, (i + 1) * slice)));
console.table(tally);
console.log(`masks ${latencies.length}, seconds: median ${at(0.5)}, 95 % ${at(0.95)}, longest ${at(0.9999)}`);
console.log(
  `memory, MiB, highest of each tenth: ${trace.map((mib) => mib.toFixed(0)).join(' ')}; ${idle.toFixed(0)} idle`,
);
console.log(`after: ${JSON.stringify(health)}; ended by SIGTERM with ${code}`);
for (const line of wrong.slice(0, 20)) console.log(`WRONG ${line}`);
const flat = Math.max(...memory.slice(-third)) < 1.2 * Math.max(...memory.slice(0, third)) + 64;
if (!alive || wrong.length > 0 || health.inside !== 0 || code !== 0 || !flat) {
  console.log(
    `FAILED: ${!alive ? died : wrong.length > 0 ? `${wrong.length} wrong answers` : !flat ? 'memory grows' : 'it did not end well'}`,
  );
  process.exitCode = 1;
}

async function client(number) {
  const random = new Random(0, 'serve-load', number);
  while (performance.now() < end && died === undefined) {
    const kind = kinds[Math.floor(random.uniform(0, kinds.length))];
    const started = performance.now();
    let outcome;
    try {
      outcome = await kind.send(random);
    } catch (error) {
      outcome = `failed: ${error.cause?.code ?? error.message}`;
    }
    const key = `${kind.name} → ${outcome}`;
    tally[key] = (tally[key] ?? 0) + 1;
    if (outcome === 200) latencies.push((performance.now() - started) / 1000);
    if (!kind.allowed.includes(outcome)) wrong.push(key);
    // Asked to retry: wait a moment first.
    if (outcome === 503) await new Promise((done) => setTimeout(done, 100 + random.uniform(0, 200)));
  }
}

/** Pictures of several sizes and formats, with their expected masks. */
async function makePictures() {
  const segmenter = await Segmenter.load(source);
  const { channels } = segmenter.card;
  const random = new Random(1, 'serve-load');
  const made = [];
  for (const [width, height, format] of [
    [320, 240, 'jpeg'],
    [64, 500, 'png'],
    [800, 600, 'webp'],
    [1200, 900, 'jpeg'],
    [31, 17, 'png'],
  ]) {
    const noise = Buffer.from(
      Array.from({ length: 48 * channels }, () => Math.floor(random.uniform(0, 256))),
    );
    const bytes = await sharp(noise, { raw: { width: 8, height: 6, channels } })
      .resize(width, height)
      .toFormat(format)
      .toBuffer();
    const { mask } = await segmenter.segment(new Uint8Array(bytes));
    made.push({ bytes: new Uint8Array(bytes), mask: mask.data });
  }
  await segmenter.close();
  return made;
}

function makeKinds(valid) {
  const any = (random) => valid[Math.floor(random.uniform(0, valid.length))];
  const post = (body, headers = {}) =>
    fetch(`${url}segment`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/octet-stream', ...headers },
    });
  const status = async (answer) => {
    const { error } = await answer.json();
    if (!error?.message) throw new Error('no message');
    return answer.status;
  };
  const one = async (random) => {
    const { bytes, mask } = any(random);
    const answer = await post(bytes);
    if (answer.status !== 200) return status(answer);
    const { data } = decode(new Uint8Array(await answer.arrayBuffer()));
    return mask.every((value, i) => value === data[i]) ? 200 : 'wrong mask';
  };
  const truncated = (random) => {
    const { bytes } = any(random);
    return post(bytes.slice(0, Math.floor(bytes.length * random.uniform(0.3, 0.8)))).then(status);
  };
  const png = valid[1].bytes;
  const bomb = png.slice();
  new DataView(bomb.buffer).setUint32(16, 100_000);
  new DataView(bomb.buffer).setUint32(20, 100_000);
  const bmp = new Uint8Array(2000).fill(0x7f);
  bmp.set([0x42, 0x4d]);
  const flipped = (random) => {
    const bytes = png.slice();
    for (let i = 0; i < 20; i++)
      bytes[Math.floor(random.uniform(33, bytes.length))] ^= 1 << Math.floor(random.uniform(0, 8));
    return bytes;
  };
  const hostile = [
    ['bomb', () => bomb],
    ['lying BMP', () => bmp],
    [
      'script',
      () =>
        new TextEncoder().encode(
          '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        ),
    ],
    ['noise', (random) => Uint8Array.from({ length: 5000 }, () => random.uniform(0, 256))],
    ['flipped bits', flipped],
    ['nothing', () => new Uint8Array(0)],
  ].map(([name, make]) => ({
    name,
    allowed: [413, 415, 422, 503],
    send: (random) => post(make(random)).then(status),
  }));
  const large = new Uint8Array((MAX_UPLOAD_MIB + 2) * 2 ** 20);
  const rude = (name, bytes, pause) => ({
    name,
    allowed: ['left'],
    async send(random) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(bytes);
      await new Promise((done) => setTimeout(done, random.uniform(0, pause)));
      socket.destroy();
      return 'left';
    },
  });
  const head =
    'POST /segment HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 100000\r\n\r\n';
  const form = { 'content-type': 'multipart/form-data; boundary=x' };
  return [
    ...Array.from({ length: 10 }, () => ({ name: 'valid', allowed: [200, 503], send: one })),
    { name: 'truncated', allowed: [422, 503], send: truncated },
    { name: 'truncated', allowed: [422, 503], send: truncated },
    { name: 'oversized', allowed: [413, 503], send: () => post(large).then(status) },
    {
      name: 'damaged form',
      allowed: [400, 503],
      send: () => post('--x\r\nContent-Disposition: rubbish', form).then(status),
    },
    ...hostile,
    rude('goes away midway', `${head}abc`, 200),
    rude('dribbles', 'POST /segment HTTP/1.1\r\nHost: l', 3000),
    rude('garbage', '\x00\x01\x02\r\n\r\n', 50),
  ];
}

async function readMemory() {
  const text = await (await fetch(`${url}metrics`)).text();
  const mib = Number(/^process_resident_memory_bytes (\d+)/m.exec(text)[1]) / 2 ** 20;
  memory.push(mib);
  return mib;
}
