/** The studio's page: opens images, draws, and shows what the learner makes of the labels. */
import { outlineSpans, type Point } from '../../src/labels/drawing.js';
import { latest } from '../latest.js';
import { api, type ImageFacts, PAGE_ID, type TrainingStatus } from './api.js';
import { createClassList } from './class-list.js';
import { StudioDocument } from './document.js';
import { elements } from './elements.js';
import { createImageList } from './image-list.js';
import { createRenderer } from './renderer.js';
import { createToolbar, TOOLS, type Tool } from './tools.js';
import { View } from './view.js';

const UNLABELLED = 255;
/** Side of the squares among which the most uncertain one is looked for. */
const REGION = 64;
/** Mean uncertainty, of 255, below which an image has no uncertain region. */
const UNCERTAIN = 40;
/** Tool positions are sent in quarters of a pixel. */
const GRID = 4;

const view = new View();
const renderer = createRenderer(elements.canvas);
const classes = createClassList((wanted) => void editClasses(wanted), paint);
const list = createImageList((id) => void open(id));
const showTool = createToolbar(chooseTool, undo, redo);
let current: StudioDocument | undefined;
let tool: Tool = 'brush';
let radius = 6;
let outline: Point[] | undefined;
/** Where the pointer, or the keyboard's cursor, is in the image. */
let pointer: Point | undefined;
let panning = false;
let spaceHeld = false;
let opening = 0;
let windowLevel: [number, number] | undefined;
let training: TrainingStatus | undefined;

async function start(): Promise<void> {
  busy('Opening the folder');
  listen();
  chooseTool('brush');
  setRadius(radius);
  const project = await api.project();
  elements.folder.textContent = project.project;
  elements.folder.title = project.project;
  document.title = `${project.project.split(/[\\/]/).pop() ?? ''} · Pixelwise Studio`;
  classes.set(project.classes);
  list.set(project.images);
  showTraining(project.training);
  showTrouble(project.trouble);
  follow();
  if (project.classes.length < 2) askForClasses();
  const first = project.images.find(({ state }) => state !== 'unusable');
  if (first) await open(first.id);
  else fail(new Error('No image of this folder can be read.'));
}

function follow(): void {
  const events = new EventSource('api/events');
  const on = <T>(name: string, take: (data: T) => void) =>
    events.addEventListener(name, (event) => take(JSON.parse((event as MessageEvent<string>).data) as T));
  on<TrainingStatus>('training', showTraining);
  on<{ trouble: string | null }>('disk', ({ trouble }) => showTrouble(trouble));
  on('prediction', () => refreshPrediction(undefined));
  on<{ classes: Parameters<typeof classes.set>[0] }>('classes', (told) => classes.set(told.classes));
  on<{ image: ImageFacts; by: string | null; etag: string | null }>('image', ({ image, by, etag }) => {
    list.update(image);
    if (by !== PAGE_ID && etag !== null && image.id === current?.id) void reloadLabels();
  });
}

async function open(id: string): Promise<void> {
  const turn = ++opening;
  busy(`Opening ${id}`);
  elements.error.hidden = true;
  await current?.sent();
  try {
    const [{ blob, window }, labels] = await Promise.all([api.image(id), api.labels(id)]);
    const bitmap = await createImageBitmap(blob);
    if (turn !== opening) return;
    const plane = { width: bitmap.width, height: bitmap.height, data: labels.bytes };
    if (plane.data.length !== plane.width * plane.height) {
      throw new Error(`${id} has changed on the disk. Start the studio again.`);
    }
    current = new StudioDocument(id, plane, (tiles) => (renderer.update(tiles), paint()), fail);
    await renderer.setImage(bitmap, plane);
    if (turn !== opening) return;
    view.show(plane.width, plane.height);
    list.mark(id);
    showWindow(window);
    pointer = undefined;
    idle();
    paint();
    refreshPrediction(undefined);
  } catch (error) {
    if (turn === opening) fail(error);
  }
}

async function reloadLabels(): Promise<void> {
  const document = current;
  if (!document?.settled) return;
  const { bytes } = await api.labels(document.id);
  if (document === current && document.settled) document.take(bytes);
}

/** Of the predictions that become ready, only the latest is fetched. */
const refreshPrediction = latest<undefined>(async () => {
  const document = current;
  if (!document) return;
  try {
    const { bytes } = await api.prediction(document.id);
    const uncertain = elements.showUncertainty.checked ? await api.uncertainty(document.id) : undefined;
    if (document !== current) return;
    renderer.setPrediction(bytes);
    renderer.setUncertainty(uncertain?.bytes);
  } catch (error) {
    // Before there is a model, there is no prediction.
    if ((error as { status?: number }).status !== 409) fail(error);
    renderer.setPrediction(undefined);
  }
  paint();
});

function listen(): void {
  const { canvas, stage } = elements;
  canvas.addEventListener('pointerdown', down);
  canvas.addEventListener('pointermove', move);
  canvas.addEventListener('pointerup', up);
  canvas.addEventListener('pointercancel', up);
  canvas.addEventListener('pointerleave', () => {
    pointer = undefined;
    paint();
  });
  canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      view.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), at(event));
      paint();
    },
    { passive: false },
  );
  addEventListener('keydown', key);
  addEventListener('keyup', ({ key: released }) => {
    if (released === ' ') spaceHeld = false;
    showCursor();
  });
  new ResizeObserver(() => {
    const { clientWidth, clientHeight } = stage;
    for (const each of [canvas, elements.cursor]) {
      each.width = Math.round(clientWidth * devicePixelRatio);
      each.height = Math.round(clientHeight * devicePixelRatio);
    }
    view.resize(clientWidth, clientHeight);
    draw();
  }).observe(stage);
  elements.size.addEventListener('input', () => setRadius((sizeOf(elements.size.valueAsNumber) - 1) / 2));
  for (const each of [elements.opacity, elements.showLabels, elements.showPrediction, elements.outlines]) {
    each.addEventListener('input', paint);
  }
  elements.showUncertainty.addEventListener('input', () => refreshPrediction(undefined));
  for (const each of [elements.low, elements.high])
    each.addEventListener('change', () => void changeWindow());
  elements.accept.addEventListener('click', () => void accept());
  elements.nextImage.addEventListener('click', () => step(1));
  elements.nextUncertain.addEventListener('click', () => void nextUncertain());
  elements.exportRun.addEventListener('click', () => void exportTo('run'));
  elements.exportOnnx.addEventListener('click', () => void exportTo('onnx'));
  elements.helpButton.addEventListener('click', () => elements.help.showModal());
  elements.setupMore.addEventListener('click', () => addSetupName(''));
  elements.setupForm.addEventListener('submit', () => {
    const names = [...elements.setupNames.querySelectorAll('input')].map(({ value }) => value.trim());
    void editClasses(names.filter((name) => name !== '').map((name) => ({ name, colour: '' })));
  });
}

const at = (event: MouseEvent): Point => [event.offsetX, event.offsetY];

const snapped = ([x, y]: Point): Point => [Math.round(x * GRID) / GRID, Math.round(y * GRID) / GRID];

function down(event: PointerEvent): void {
  if (!current) return;
  elements.canvas.setPointerCapture(event.pointerId);
  const place = snapped(view.toImage(at(event)));
  if (event.button === 1 || tool === 'pan' || spaceHeld) {
    panning = true;
    showCursor();
  } else if (tool === 'pick' || event.altKey) pick(place);
  else if (tool === 'fill') fillAt(place);
  else if (tool === 'lasso' || tool === 'accept-lasso') outline = [place];
  else if (ready()) current.beginStroke(valueFor(event), radius, place);
  event.preventDefault();
  elements.canvas.focus({ preventScroll: true });
}

/** The class to paint with; the eraser, the right button and a pen's eraser remove labels. */
function valueFor({ button, buttons }: PointerEvent): number {
  const erases = tool === 'eraser' || button === 2 || (buttons & 32) !== 0;
  return erases ? UNLABELLED : classes.chosen;
}

function move(event: PointerEvent): void {
  pointer = view.toImage(at(event));
  if (panning) view.pan(event.movementX, event.movementY);
  else if (event.buttons !== 0 && current) {
    const coalesced = event.getCoalescedEvents();
    const events = coalesced.length > 0 ? coalesced : [event];
    const points = events.map((each) => snapped(view.toImage(at(each))));
    if (outline) outline.push(...points);
    else current.extendStroke(points);
  }
  paint();
}

function up(): void {
  if (panning) {
    panning = false;
    showCursor();
  } else if (outline) {
    const drawn = outline;
    outline = undefined;
    if (drawn.length > 2 && tool === 'accept-lasso') void accept(drawn);
    else if (drawn.length > 2 && ready()) current?.fillLasso(drawn, classes.chosen);
  } else current?.endStroke();
  paint();
}

/** Whether there are classes to paint with; asks for them if not. */
function ready(): boolean {
  if (classes.classes.length >= 2) return true;
  askForClasses();
  return false;
}

function pick([x, y]: Point): void {
  const { width, height, data } = current!.plane;
  const [column, row] = [Math.round(x), Math.round(y)];
  if (column < 0 || row < 0 || column >= width || row >= height) return;
  const label = data[row * width + column]!;
  if (label !== UNLABELLED) classes.choose(label);
}

function fillAt(place: Point): void {
  if (ready()) current!.fill(place, classes.chosen);
}

function undo(): void {
  current?.undo();
  say('Undone');
}

function redo(): void {
  current?.redo();
  say('Redone');
}

function chooseTool(next: Tool): void {
  tool = next;
  showTool(next);
  showCursor();
  paint();
}

const SIZES = { most: 512 };
/** The slider's position to the brush's size in pixels, and back: fine for small brushes. */
const sizeOf = (place: number): number => Math.max(1, Math.round(SIZES.most ** (place / 100)));
const placeOf = (size: number): number => (100 * Math.log(size)) / Math.log(SIZES.most);

function setRadius(next: number): void {
  const size = Math.max(1, Math.min(SIZES.most, Math.round(2 * next + 1)));
  radius = (size - 1) / 2;
  elements.size.value = String(placeOf(size));
  elements.size.setAttribute('aria-valuetext', `${size} pixels`);
  elements.sizeValue.textContent = `${size} px`;
  paint();
}

function key(event: KeyboardEvent): void {
  const typing = event.target instanceof HTMLInputElement && ['text', 'number'].includes(event.target.type);
  if (typing || document.querySelector('dialog[open]')) return;
  const { key: pressed, shiftKey } = event;
  const lower = pressed.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (lower === 'z') (shiftKey ? redo : undo)();
    else if (lower === 'y') redo();
    else return;
    event.preventDefault();
    return;
  }
  const chosen = TOOLS.find((each) => each.key === lower);
  const onCanvas = event.target === elements.canvas || event.target === document.body;
  if (chosen) chooseTool(chosen.tool);
  else if (/^[1-9]$/.test(pressed)) classes.choose(Number(pressed) - 1);
  else if (pressed === '[') setRadius(radius / 1.25 - 0.5);
  else if (pressed === ']') setRadius(radius * 1.25 + 0.5);
  else if (lower === 'a') void accept();
  else if (lower === 'n') step(shiftKey ? -1 : 1);
  else if (lower === 'u') void nextUncertain();
  else if (lower === 'p') elements.showPrediction.click();
  else if (lower === 'x') elements.showUncertainty.click();
  else if (lower === 'v') elements.showLabels.click();
  else if (lower === 'o') elements.outlines.click();
  else if (pressed === '+' || pressed === '=') view.zoom(1.25);
  else if (pressed === '-') view.zoom(0.8);
  else if (pressed === '0') view.fit();
  else if (pressed === '?') elements.help.showModal();
  else if (pressed === ' ' && onCanvas) {
    spaceHeld = true;
    showCursor();
  } else if (onCanvas && /^Arrow|^Enter$/.test(pressed)) moveCursor(pressed, shiftKey);
  else return;
  event.preventDefault();
  paint();
}

/** The keyboard's brush: arrows move it, Enter paints. */
function moveCursor(pressed: string, far: boolean): void {
  if (!current) return;
  const { width, height, data } = current.plane;
  const [x, y] = pointer ?? view.middle;
  if (pressed === 'Enter') {
    if (!ready()) return;
    const place = snapped([x, y]);
    if (tool === 'fill') fillAt(place);
    else {
      current.beginStroke(tool === 'eraser' ? UNLABELLED : classes.chosen, radius, place);
      current.endStroke();
    }
  } else {
    const length = Math.max(1, far ? 4 * radius : radius);
    const dx = pressed === 'ArrowLeft' ? -length : pressed === 'ArrowRight' ? length : 0;
    const dy = pressed === 'ArrowUp' ? -length : pressed === 'ArrowDown' ? length : 0;
    pointer = [
      Math.round(Math.max(0, Math.min(width - 1, x + dx))),
      Math.round(Math.max(0, Math.min(height - 1, y + dy))),
    ];
  }
  const [column, row] = pointer ?? [0, 0];
  const label = data[Math.round(row) * width + Math.round(column)];
  const name = label === undefined || label === UNLABELLED ? 'no label' : classes.classes[label]!.name;
  say(`${Math.round(column)}, ${Math.round(row)}: ${name}`);
}

async function accept(inside?: readonly Point[]): Promise<void> {
  const document = current;
  if (!document) return;
  try {
    await document.sent();
    await api.accept(document.id, inside);
    const { bytes } = await api.labels(document.id);
    if (document === current) document.take(bytes);
    say(inside ? 'Accepted inside the outline' : 'Accepted; this image is done');
  } catch (error) {
    fail(error);
  }
}

function step(by: number): void {
  const { images } = list;
  const from = images.findIndex(({ id }) => id === current?.id);
  for (let n = 1; n <= images.length; n++) {
    const next = images[(from + by * n + images.length * n) % images.length]!;
    if (next.state !== 'unusable') {
      void open(next.id);
      return;
    }
  }
}

/** Shows the square that the model is least sure of; in the next image, if this one has none. */
async function nextUncertain(): Promise<void> {
  const document = current;
  if (!document) return;
  try {
    const { bytes } = await api.uncertainty(document.id);
    const found = mostUncertain(bytes, document.plane);
    if (!found) {
      say('Nothing is uncertain here; next image');
      step(1);
      return;
    }
    view.centre(found, Math.max(view.scale, 2));
    pointer = found;
    say(`Uncertain around ${found[0]}, ${found[1]}`);
    paint();
  } catch (error) {
    fail(error);
  }
}

let visited = new Set<string>();

function mostUncertain(
  values: Uint8Array,
  { width, height, data }: StudioDocument['plane'],
): Point | undefined {
  let best = UNCERTAIN;
  let place: Point | undefined;
  for (let top = 0; top < height; top += REGION) {
    for (let left = 0; left < width; left += REGION) {
      const name = `${current!.id} ${left} ${top}`;
      if (visited.has(name)) continue;
      let [sum, count] = [0, 0];
      const square: Point[] = [
        [left, top],
        [Math.min(width, left + REGION) - 1, top],
        [Math.min(width, left + REGION) - 1, Math.min(height, top + REGION) - 0.5],
        [left, Math.min(height, top + REGION) - 0.5],
      ];
      outlineSpans({ width, height }, square, (y, from, to) => {
        for (let i = y * width + from; i <= y * width + to; i++) {
          sum += data[i] === UNLABELLED ? values[i]! : 0;
          count++;
        }
      });
      if (sum / count <= best) continue;
      best = sum / count;
      place = [left + REGION / 2, top + REGION / 2];
    }
  }
  if (place) visited.add(`${current!.id} ${place[0] - REGION / 2} ${place[1] - REGION / 2}`);
  else visited = new Set();
  return place;
}

async function editClasses(wanted: readonly { name: string; colour: string }[]): Promise<void> {
  try {
    const sent = wanted.map(({ name, colour }) => ({ name, ...(colour !== '' && { colour }) }));
    classes.set((await api.setClasses(sent)).classes);
  } catch (error) {
    fail(error);
    classes.set(classes.classes);
  }
}

function askForClasses(): void {
  if (elements.setup.open) return;
  elements.setupNames.replaceChildren();
  addSetupName('background');
  addSetupName('');
  elements.setup.showModal();
  elements.setupNames.querySelectorAll('input')[1]!.focus();
}

function addSetupName(name: string): void {
  const input = document.createElement('input');
  const number = elements.setupNames.children.length + 1;
  input.type = 'text';
  input.value = name;
  input.required = number <= 2;
  input.placeholder = number === 2 ? 'for example: cell' : '';
  input.setAttribute('aria-label', `Name of class ${number}`);
  elements.setupNames.append(input);
  input.focus();
}

async function exportTo(to: 'run' | 'onnx'): Promise<void> {
  busy('Exporting: a last epoch, scores and report');
  try {
    const { path } = await api.export(to);
    idle();
    showStatus(`Exported to ${path}`);
  } catch (error) {
    fail(error);
  }
}

function showWindow(window: [number, number] | undefined): void {
  windowLevel = window;
  elements.window.hidden = window === undefined;
  if (!window) return;
  elements.low.value = String(window[0]);
  elements.high.value = String(window[1]);
}

async function changeWindow(): Promise<void> {
  const document = current;
  const [low, high] = [elements.low.valueAsNumber, elements.high.valueAsNumber];
  if (!document || !windowLevel || !(high > low)) return;
  try {
    const { blob } = await api.image(document.id, [low, high]);
    const bitmap = await createImageBitmap(blob);
    if (document === current) await renderer.setImage(bitmap, document.plane);
    refreshPrediction(undefined);
  } catch (error) {
    fail(error);
  }
}

let drawing = false;

/** Draws with the next frame. */
function paint(): void {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(draw);
}

let palette = classes.palette();
let paletteOf: unknown;

function draw(): void {
  drawing = false;
  elements.opacityValue.textContent = `${elements.opacity.value}%`;
  const next = classes.palette();
  const key = next.join();
  if (key !== paletteOf) [palette, paletteOf] = [next, key];
  renderer.draw(
    view,
    {
      opacity: Number(elements.opacity.value) / 100,
      labels: elements.showLabels.checked,
      prediction: elements.showPrediction.checked,
      uncertainty: elements.showUncertainty.checked,
      outlines: elements.outlines.checked,
      palette,
    },
    devicePixelRatio,
  );
  drawCursor();
}

/** The brush's outline, and the lasso. */
function drawCursor(): void {
  const context = elements.cursor.getContext('2d')!;
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.clearRect(0, 0, elements.cursor.width, elements.cursor.height);
  const trace = (path: Path2D, dashes: number[] = []) => {
    context.setLineDash(dashes);
    context.lineWidth = 3;
    context.strokeStyle = 'rgb(0 0 0 / 60%)';
    context.stroke(path);
    context.lineWidth = 1.5;
    context.strokeStyle = '#fff';
    context.stroke(path);
  };
  if (outline) {
    const path = new Path2D();
    outline
      .map((point) => view.toCanvas(point))
      .forEach(([x, y], i) => (i === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
    trace(path, [6, 4]);
  }
  if (!pointer || !current || (tool !== 'brush' && tool !== 'eraser') || panning || spaceHeld) return;
  const [x, y] = view.toCanvas(pointer);
  const path = new Path2D();
  path.arc(x, y, Math.max(2, (radius + 0.5) * view.scale), 0, 2 * Math.PI);
  trace(path);
}

function showCursor(): void {
  const moving = panning || spaceHeld || tool === 'pan';
  elements.canvas.dataset['cursor'] = moving
    ? 'grab'
    : tool === 'brush' || tool === 'eraser'
      ? 'none'
      : 'crosshair';
}

function showTraining(status: TrainingStatus): void {
  training = status;
  const { learner, labelledImages, heldOutImages, scores, activity, problem } = training;
  const percent = (value: number | null | undefined) =>
    value === null || value === undefined ? '–' : `${(100 * value).toFixed(1)}%`;
  const shown = learner === null ? 'no model yet' : learner === 'pixels' ? 'pixel classifier' : 'network';
  const rows: [string, string][] = [
    ['Predictions by', shown],
    ['Learned from', `${labelledImages} ${labelledImages === 1 ? 'image' : 'images'}`],
    [
      'Dice, held-out',
      scores
        ? `${percent(scores.meanDice)} of ${scores.samples}`
        : heldOutImages > 0
          ? 'soon'
          : 'no labels there',
    ],
    ['Now', problem ?? activity],
  ];
  elements.training.replaceChildren(
    ...rows.map(([name, value]) => {
      const [row, term, detail] = ['div', 'dt', 'dd'].map((tag) => document.createElement(tag)) as [
        HTMLElement,
        HTMLElement,
        HTMLElement,
      ];
      term.textContent = name;
      detail.textContent = value;
      row.append(term, detail);
      return row;
    }),
  );
}

function showTrouble(trouble: string | null): void {
  if (trouble !== null) fail(new Error(trouble));
  else elements.error.hidden = true;
}

function busy(text: string): void {
  elements.busy.hidden = false;
  elements.busyText.textContent = text;
}

function idle(): void {
  elements.busy.hidden = true;
}

function say(text: string): void {
  elements.spoken.textContent = text;
  showStatus(text);
}

function showStatus(text: string): void {
  elements.status.textContent = text;
}

function fail(error: unknown): void {
  idle();
  elements.error.hidden = false;
  elements.error.textContent = error instanceof Error ? error.message : String(error);
}

void start().catch(fail);
