/**
 * The page: takes an image or webcam frames, segments them in one worker, paints them in another, and shows the
 * result. No image leaves the page.
 */
import type * as Browser from '../src/browser/index.js';
import { openCamera, type Camera } from './camera.js';
import { elements } from './elements.js';
import { examplePicture } from './example.js';
import { latest } from './latest.js';
import { createLegend, type Legend } from './legend.js';
import { showObjectAt, showObjects } from './objects.js';
import { PainterClient } from './painter-client.js';
import type { Look, Painted } from './painting.js';
import { percent } from './percent.js';
import { readOnServer } from './server-reading.js';
import { View, type Point } from './view.js';

const painter = new PainterClient();
const view = new View(elements.viewer, elements.picture, placeOverlays);
let examples = 0;
let segmenter: Browser.Segmenter;
let legend: Legend;
/** What each mask value shows. */
let valueNames: readonly string[] = [];
/** Their colours. */
let palette: readonly (readonly number[])[] = [];
let camera: Camera | undefined;
/** Aborts the work on the current picture when the next one starts. */
let current = new AbortController();
/** In pixels. */
interface Size {
  readonly width: number;
  readonly height: number;
}
/** Of the current picture. */
let size: Size | undefined;
let name = 'image';

void start().catch(fail);

async function start(): Promise<void> {
  busy('Loading the model', 0);
  const { Segmenter, isBinary, maskLook, maskValueName, measureObjects } = (await import(
    /* @vite-ignore */ new URL('pixelwise/index.js', document.baseURI).href
  )) as typeof Browser;
  const about = (await (await fetch('model.json')).json()) as { name: string; bytes: number };
  elements.modelName.textContent = about.name;
  document.title = `${about.name} · Pixelwise`;
  segmenter = await Segmenter.load('model.onnx', {
    assets: 'pixelwise/',
    onProgress: (loaded, total = about.bytes) => busy('Loading the model', loaded / total),
  });
  const { card, device, threads, withoutWebGpu } = segmenter;
  elements.device.textContent =
    device === 'webgpu' ? 'WebGPU' : `WebAssembly, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  if (withoutWebGpu !== undefined) elements.device.title = withoutWebGpu;
  elements.modelName.title = `${card.model.name}, input size ${card.width}×${card.height}`;
  // Of classes that overlap, each set of them is an entry.
  const { colours, clear } = maskLook(card, card.palette);
  palette = colours;
  valueNames = colours.map((_, value) => maskValueName(card, value));
  legend = createLegend(valueNames, colours, clear, repaint);
  elements.picture.addEventListener('click', (event) => {
    if (view.dragged) return;
    const { x, y } = view.pixelAt(event);
    probeAt({ x, y });
    showObjectAt(x, y, card.classes, measureObjects);
  });
  if (isBinary(card) && !card.objects) {
    elements.thresholdRow.hidden = false;
    elements.threshold.value = String(card.threshold ?? 0.5);
    showThreshold();
  }
  const canvas = elements.picture.transferControlToOffscreen();
  await painter.ask({ kind: 'canvas', canvas, palette: colours }, [canvas]);
  listen();
  elements.file.disabled = false;
  elements.example.disabled = false;
  elements.webcam.disabled = navigator.mediaDevices === undefined;
  document.body.dataset['state'] = 'ready';
  idle();
}

function listen(): void {
  const { stage, file, webcam, shown, opacity, threshold, picture, saveMask, saveOverlay } = elements;
  const { example, compare, split, closer, farther, fit } = elements;
  example.addEventListener('click', () => void examplePicture(examples++).then(open, fail));
  compare.addEventListener('change', () => {
    placeOverlays();
    repaint();
  });
  split.addEventListener('input', () => {
    placeOverlays();
    repaint();
  });
  closer.addEventListener('click', () => view.closer());
  farther.addEventListener('click', () => view.farther());
  fit.addEventListener('click', () => view.fit());
  file.addEventListener('change', () => {
    const [chosen] = file.files ?? [];
    if (chosen) void open(chosen);
    // Lets the user choose the same file again.
    file.value = '';
  });
  addEventListener('dragover', (event) => {
    event.preventDefault();
    stage.classList.add('over');
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) stage.classList.remove('over');
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    stage.classList.remove('over');
    take(event.dataTransfer);
  });
  addEventListener('paste', (event) => take(event.clipboardData));
  webcam.addEventListener('click', () => void toggleCamera());
  shown.addEventListener('change', repaint);
  opacity.addEventListener('input', () => {
    elements.opacityValue.textContent = `${opacity.value}%`;
    repaint();
  });
  threshold.addEventListener('input', () => {
    showThreshold();
    repaint();
  });
  picture.addEventListener('pointermove', (event) => {
    if (event.pointerType !== 'touch') probeAt(view.pixelAt(event));
  });
  picture.addEventListener('pointerleave', (event) => {
    if (event.pointerType !== 'touch') probeAt(undefined);
  });
  picture.addEventListener('keydown', press);
  picture.addEventListener('blur', () => probeAt(undefined));
  saveMask.addEventListener('click', () => void save('mask'));
  saveOverlay.addEventListener('click', () => void save('overlay'));
}

/** Opens the first image among what was dropped or pasted. */
function take(transfer: DataTransfer | null): void {
  const files = [...(transfer?.files ?? [])];
  const image = files.find(({ type }) => type.startsWith('image/')) ?? files[0];
  if (image) void open(image);
  else if (transfer && transfer.types.length > 0) fail(new Error('That is not an image file.'));
}

async function open(file: File): Promise<void> {
  stopCamera();
  const { signal } = begin();
  name = file.name.replace(/\.[^.]*$/, '') || 'image';
  busy(`Segmenting ${file.name}`);
  try {
    const read = await createImageBitmap(file).catch(() => undefined);
    if (!read) {
      if (!signal.aborted) await openOnServer(file, signal);
      return;
    }
    const bitmap = read;
    if (signal.aborted) return;
    const { width, height } = bitmap;
    await painter.ask({ kind: 'picture', picture: { bitmap }, mask: undefined, look: look() }, [bitmap]);
    show(width, height);
    const result = await segmenter.segment(file, { confidence: true, luminance: true, signal });
    const mask = maskOf(result);
    if (signal.aborted) return;
    painted(
      await painter.ask({ kind: 'mask', mask, look: look() }, [mask.mask.buffer, mask.confidence.buffer]),
    );
    elements.rateRow.hidden = true;
    showObjects(result.objects);
    timing(result.seconds);
    idle();
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
}

/** Opens a file that this browser cannot read. */
async function openOnServer(file: File, signal: AbortSignal): Promise<void> {
  busy(`The server reads ${file.name}`);
  const { bitmap, mask, seconds } = await readOnServer(file, palette, signal).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`This browser cannot read ${file.name}, and neither can the server: ${why}`);
  });
  if (signal.aborted) return;
  show(bitmap.width, bitmap.height);
  const question = { kind: 'picture', picture: { bitmap }, mask, look: look() } as const;
  painted(await painter.ask(question, [bitmap, mask.mask.buffer, mask.confidence.buffer] as Transferable[]));
  elements.rateRow.hidden = true;
  timing(seconds);
  idle();
}

async function toggleCamera(): Promise<void> {
  if (camera) {
    stopCamera();
    idle();
    return;
  }
  const { signal } = begin();
  name = 'webcam';
  busy('Waiting for the camera');
  let last = performance.now();
  let rate = 0;
  try {
    const opened = await openCamera(
      async (bitmap) => {
        const { width, height } = bitmap;
        const result = await segmenter.segment(bitmap, { confidence: true, luminance: true, signal });
        const mask = maskOf(result);
        const answer = await painter.ask({ kind: 'picture', picture: { bitmap }, mask, look: look() }, [
          bitmap,
          mask.mask.buffer,
          mask.confidence.buffer,
        ]);
        if (signal.aborted) return;
        if (size?.width !== width || size.height !== height) show(width, height);
        idle();
        painted(answer);
        showObjects(result.objects);
        timing(result.seconds);
        const now = performance.now();
        rate += (rate === 0 ? 1 : 0.2) * (1000 / (now - last) - rate);
        last = now;
        elements.rateRow.hidden = false;
        elements.rate.textContent = `${rate.toFixed(1)} fps`;
      },
      (error) => {
        stopCamera();
        if (!signal.aborted) fail(error);
      },
    );
    if (signal.aborted) {
      opened.stop();
      return;
    }
    camera = opened;
    elements.webcam.setAttribute('aria-pressed', 'true');
    elements.webcam.textContent = 'Stop';
  } catch (error) {
    if (signal.aborted) return;
    const denied = error instanceof DOMException && error.name === 'NotAllowedError';
    fail(denied ? new Error('Camera access was denied. Allow it for this page and try again.') : error);
  }
}

function stopCamera(): void {
  camera?.stop();
  camera = undefined;
  elements.webcam.setAttribute('aria-pressed', 'false');
  elements.webcam.textContent = 'Webcam';
}

/** Aborts the work on the previous picture. */
function begin(): AbortController {
  current.abort();
  current = new AbortController();
  elements.error.hidden = true;
  return current;
}

function maskOf({ width, height, mask, confidence }: Browser.Segmentation) {
  return {
    width,
    height,
    mask: mask.data as Uint8Array<ArrayBuffer>,
    confidence: confidence as Float32Array<ArrayBuffer>,
  };
}

function look(): Look {
  const { shown, opacity, threshold, thresholdRow } = elements;
  return {
    shown: shown.checked,
    opacity: Number(opacity.value) / 100,
    threshold: thresholdRow.hidden ? undefined : Number(threshold.value),
    hidden: legend.hidden(),
    from: elements.compare.checked ? splitShare() : 0,
  };
}

/** Where the line of the comparison is in the picture, as a share of its width. */
function splitShare(): number {
  const { viewer, split } = elements;
  const { left, width } = viewer.getBoundingClientRect();
  const { x } = view.pixelAt({ clientX: left + (Number(split.value) / 1000) * width, clientY: 0 });
  return Math.max(0, Math.min(1, x / (size?.width ?? 1)));
}

/** Moves what lies over the picture to its places. */
function placeOverlays(): void {
  const { compare, split, line, viewer, crosshair } = elements;
  const compares = compare.checked && !elements.controls.disabled;
  split.hidden = line.hidden = !compares;
  line.style.left = `${(Number(split.value) / 1000) * viewer.clientWidth}px`;
  if (compares && size) repaint();
  if (!crosshair.hidden && probed) placeCrosshair(probed);
}

function placeCrosshair(point: Point): void {
  const { left, top } = view.placeOf(point);
  elements.crosshair.style.left = `${left}px`;
  elements.crosshair.style.top = `${top}px`;
}

const paintLook = latest(async (next: Look) => painted(await painter.ask({ kind: 'look', look: next })));

function repaint(): void {
  paintLook(look());
}

function painted({ counts }: Painted): void {
  const ready = counts !== undefined;
  legend.shares(counts);
  elements.controls.disabled = !ready;
  elements.saveMask.disabled = !ready;
  elements.saveOverlay.disabled = !ready;
  document.body.dataset['mask'] = ready ? 'shown' : 'none';
  elements.split.hidden = elements.line.hidden = !ready || !elements.compare.checked;
}

/** Prepares the view for a picture of this size. */
function show(width: number, height: number): void {
  size = { width, height };
  elements.empty.hidden = true;
  elements.viewer.hidden = false;
  elements.timing.hidden = false;
  elements.zoom.hidden = false;
  elements.hint.hidden = false;
  elements.stage.style.setProperty('--shape', `${width} / ${height}`);
  elements.size.textContent = `${width} × ${height}`;
  elements.seconds.textContent = '…';
  probeAt(undefined);
  showObjects(undefined);
  painted({ counts: undefined });
  view.show(size);
}

function timing(seconds: number): void {
  elements.seconds.textContent = seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(2)} s`;
}

let probed: Point | undefined;

const showProbe = latest(async (point: Point) => {
  const found = await painter.ask({ kind: 'probe', x: point.x, y: point.y });
  const place = `${Math.floor(point.x)}, ${Math.floor(point.y)}`;
  elements.probe.hidden = probed === undefined || found === undefined;
  if (found) {
    elements.probe.textContent = `${valueNames[found.index]}, ${percent(found.confidence)} confidence, at ${place}`;
  }
});

function probeAt(point: Point | undefined, crosshair = false): void {
  probed = point;
  elements.crosshair.hidden = !crosshair;
  if (point) showProbe(point);
  else elements.probe.hidden = true;
}

const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** What keys do on the picture, besides the arrows. */
const KEYS: Readonly<Record<string, () => void>> = {
  '+': () => view.closer(),
  '=': () => view.closer(),
  '-': () => view.farther(),
  '0': () => view.fit(),
  m: () => elements.shown.click(),
  c: () => elements.compare.click(),
};

function press(event: KeyboardEvent): void {
  if (!size || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = KEYS[event.key.toLowerCase()];
  const step = STEPS[event.key];
  if (!key && !step) return;
  event.preventDefault();
  if (key) key();
  else moveProbe(step!, event.shiftKey, size);
}

function moveProbe(step: readonly [number, number], fast: boolean, size: Size): void {
  const far = ((fast ? 0.1 : 0.01) * Math.max(size.width, size.height)) / view.factor;
  const from = probed ?? { x: size.width / 2, y: size.height / 2 };
  const within = (value: number, end: number) => Math.max(0, Math.min(end - 1, value));
  const to = {
    x: within(from.x + step[0] * Math.max(1, far), size.width),
    y: within(from.y + step[1] * Math.max(1, far), size.height),
  };
  probed = to;
  view.reveal(to);
  placeCrosshair(to);
  probeAt(to, true);
}

function showThreshold(): void {
  elements.thresholdValue.textContent = Number(elements.threshold.value).toFixed(2);
}

async function save(what: 'mask' | 'overlay'): Promise<void> {
  try {
    const address = URL.createObjectURL(await painter.ask({ kind: 'save', what }));
    const link = document.createElement('a');
    link.href = address;
    link.download = `${name}-${what}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch (error) {
    fail(error);
  }
}

/** @param done from 0 to 1, if known. */
function busy(text: string, done?: number): void {
  elements.busy.hidden = false;
  elements.busyText.textContent = text;
  elements.progress.hidden = done === undefined;
  if (done !== undefined) elements.progress.value = done;
}

function idle(): void {
  elements.busy.hidden = true;
}

function fail(error: unknown): void {
  idle();
  elements.error.hidden = false;
  elements.error.textContent = error instanceof Error ? error.message : String(error);
}
