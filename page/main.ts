/**
 * The page: takes an image or webcam frames, segments them in one worker, paints them in another, and shows the
 * result. No image leaves the page.
 */
import type * as Browser from '../src/browser/index.js';
import { openCamera, type Camera } from './camera.js';
import { elements } from './elements.js';
import { latest } from './latest.js';
import { createLegend, type Legend } from './legend.js';
import { showObjectAt, showObjects } from './objects.js';
import { PainterClient } from './painter-client.js';
import type { Look, Painted } from './painting.js';
import { percent } from './percent.js';

const painter = new PainterClient();
let segmenter: Browser.Segmenter;
let legend: Legend;
/** What each mask value shows. */
let valueNames: readonly string[] = [];
let camera: Camera | undefined;
/** Aborts the work on the current picture when the next one starts. */
let current = new AbortController();
/** Size in pixels of the current picture. */
let size: { readonly width: number; readonly height: number } | undefined;
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
  valueNames = colours.map((_, value) => maskValueName(card, value));
  legend = createLegend(valueNames, colours, clear, repaint);
  elements.picture.addEventListener('click', (event) => {
    const { x, y } = pointIn(event);
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
  elements.webcam.disabled = navigator.mediaDevices === undefined;
  document.body.dataset['state'] = 'ready';
  idle();
}

function listen(): void {
  const { stage, file, webcam, shown, opacity, threshold, picture, saveMask, saveOverlay } = elements;
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
  picture.addEventListener('pointermove', (event) => probeAt(pointIn(event)));
  picture.addEventListener('pointerleave', () => probeAt(undefined));
  picture.addEventListener('keydown', moveProbe);
  picture.addEventListener('blur', () => probeAt(undefined));
  saveMask.addEventListener('click', () => void save('mask'));
  saveOverlay.addEventListener('click', () => void save('overlay'));
  new ResizeObserver(markEnlarged).observe(elements.stage);
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
    const bitmap = await createImageBitmap(file).catch(() => {
      throw new Error(`This browser cannot read ${file.name}. Save it as PNG, JPEG or WebP.`);
    });
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
  };
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
}

/** Prepares the view for a picture of this size. */
function show(width: number, height: number): void {
  size = { width, height };
  elements.empty.hidden = true;
  elements.viewer.hidden = false;
  elements.timing.hidden = false;
  elements.stage.style.setProperty('--shape', `${width} / ${height}`);
  elements.size.textContent = `${width} × ${height}`;
  elements.seconds.textContent = '…';
  probeAt(undefined);
  showObjects(undefined);
  painted({ counts: undefined });
  markEnlarged();
}

/** Scales the picture to the stage; enlarged pictures show sharp pixels. */
function markEnlarged(): void {
  if (!size) return;
  const { clientWidth, clientHeight } = elements.stage;
  const scale = Math.min(clientWidth / size.width, clientHeight / size.height);
  const { style } = elements.picture;
  style.width = `${size.width * scale}px`;
  style.height = `${size.height * scale}px`;
  elements.picture.classList.toggle('enlarged', scale * devicePixelRatio >= 2);
}

function timing(seconds: number): void {
  elements.seconds.textContent = seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(2)} s`;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

let probed: Point | undefined;

/** The pixel under a pointer. */
function pointIn({ offsetX, offsetY }: MouseEvent): Point {
  const { clientWidth, clientHeight } = elements.picture;
  return { x: (offsetX / clientWidth) * size!.width, y: (offsetY / clientHeight) * size!.height };
}

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

function moveProbe(event: KeyboardEvent): void {
  const step = STEPS[event.key];
  if (!step || !size) return;
  event.preventDefault();
  const far = (event.shiftKey ? 0.1 : 0.01) * Math.max(size.width, size.height);
  const from = probed ?? { x: size.width / 2, y: size.height / 2 };
  const within = (value: number, end: number) => Math.max(0, Math.min(end - 1, value));
  const to = {
    x: within(from.x + step[0] * Math.max(1, far), size.width),
    y: within(from.y + step[1] * Math.max(1, far), size.height),
  };
  const { picture, crosshair } = elements;
  crosshair.style.left = `${picture.offsetLeft + (to.x / size.width) * picture.clientWidth}px`;
  crosshair.style.top = `${picture.offsetTop + (to.y / size.height) * picture.clientHeight}px`;
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
