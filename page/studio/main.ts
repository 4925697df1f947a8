/**
 * The page of `pixelwise studio`: opens images and their labels, lets the user paint, sends every change, and shows
 * what the model has learned from them.
 */
import { backgroundClass } from '../../src/images/palette.js';
import { IGNORE_INDEX } from '../../src/labels/ignore-index.js';
import { firstLevel } from '../../src/studio/first-level.js';
import type {
  ImageFacts,
  ProjectClass,
  StudioEvents,
  StudioProject,
  TrainingStatus,
} from '../../src/studio/protocol.js';
import { latest } from '../latest.js';
import { closeNotice, notice, say } from './announce.js';
import { type Backend, BackendError, type GreyWindow, PAGE_ID, ServerBackend } from './backend.js';
import { FolderChooser } from './choose-folder.js';
import { ClassesPanel } from './classes-panel.js';
import { Editor, LEAST_SIZE, MOST_SIZE, type Tool } from './editor.js';
import { element } from './elements.js';
import { History } from './history.js';
import { ImageList } from './image-list.js';
import { type Key, listenForKeys } from './keys.js';
import { LabelPlane } from './label-plane.js';
import { type Look, paletteOf, rgb } from './look.js';
import { OpenImage } from './open-image.js';
import { Outbox, type SavingState } from './outbox.js';
import { Overlay } from './overlay.js';
import type { PageBackend } from './page-backend.js';
import { Pointers } from './pointer.js';
import { type Plane, RasterClient } from './rasters.js';
import { inSlices } from './slices.js';
import { type FirstPicture, Stage } from './stage.js';
import { createToolbar, TOOL_TEXTS } from './toolbar.js';
import { TrainingPanel } from './training-panel.js';
import { nextUncertain } from './uncertain-regions.js';
import { type Point, type Size, toImage, toScreen } from './viewport.js';

/** One worker decodes and scales the image, the other one planes, so that saving does not delay the view. */
const pictures = new RasterClient('image');
const planes = new RasterClient('planes');
/** Of the page without a server; see static-page.ts. */
const alone =
  document.documentElement.dataset['server'] === 'none'
    ? new (await import('./page-backend.js')).PageBackend(
        planes,
        document.baseURI,
        given('device', ['webgpu', 'wasm']) ?? 'auto',
        download,
      )
    : undefined;
const backend: Backend = alone ?? new ServerBackend(document.baseURI);
/** Asked for before the stage is made, which takes a while. */
const firstProject = alone ? undefined : backend.project();
firstProject?.catch(() => undefined);
/** Milliseconds for which the stage waits for the first picture. */
const FIRST_WAIT = 300;
let firstShown = false;
await firstOnScreen();
const history = new History();
const overlay = new Overlay();
const training = new TrainingPanel();
const frame = element('frame');

let project: Pick<StudioProject, 'project' | 'classes' | 'images'> = { project: '', classes: [], images: [] };
let current: OpenImage | undefined;
/** Id of the image that is open or being opened. */
let chosen: string | undefined;
/** Where the pointer is in the image, and where the keyboard's crosshair. */
let pointed: Point | undefined;
let crosshair: Point | undefined;
/** Blocks of the current prediction that "next uncertain region" has shown. */
let visited = new Set<number>();
/** Ends the loading of an image when another one is opened. */
let loading = new AbortController();
let learner: TrainingStatus['learner'] = null;

const checked = (id: string) => element<HTMLInputElement>(id).checked;

const outbox = new Outbox(
  backend,
  (image) =>
    planes.ask({
      kind: 'encode',
      width: image.width,
      height: image.height,
      tiles: [...image.plane.used()],
      palette: Array.from({ length: 256 }, (_, k) => rgb(project.classes[k]?.colour ?? '#e0e0e0')),
    }),
  {
    state: showSaving,
    conflict: askAboutConflict,
  },
);

const editor = new Editor(history, outbox, {
  edited: () => {
    showEdits();
    showProbe();
  },
  busy: (name) => {
    element('busy').hidden = name === undefined;
    element('busy-text').textContent = name === undefined ? '' : `Working: ${name}`;
    showCursor();
    showEdits();
  },
  picked: (label) => {
    classes.choose(label);
    say(`Class ${project.classes[label]?.name ?? label}.`);
  },
  accepted: (image) => void setDone(image.id, true),
  say: (text) => {
    say(text);
    notice('said', text, { seconds: 3 });
  },
});

const classes = new ClassesPanel({
  chosen: (index) => {
    editor.class = index;
  },
  visibility: showLook,
  save: async (wanted) => {
    const answer = await backend.setClasses(wanted);
    takeClasses(answer.classes);
  },
});

const list = new ImageList((image) => {
  void open(image);
  closeImages();
});

const stage = new Stage(
  frame,
  element<HTMLCanvasElement>('canvas'),
  pictures,
  look(),
  {
    frame: () => {
      if (current) removeFirst();
      editor.paint();
      showOverlay();
      // A stroke needs no words, and they would make the browser lay out the page in each frame.
      if (!editor.drawing) showProbe();
    },
    view: () => {
      element('scale').textContent = `${Math.round(stage.view.scale * 100)}%`;
      overlay.follow(stage.view);
      showOverlay();
    },
  },
  given('renderer', ['webgl', '2d']),
);

const pointers = new Pointers(frame, stage, editor, (at) => {
  pointed = at;
  if (at) crosshair = undefined;
  stage.request();
});

const markTool = createToolbar(chooseTool);

async function start(): Promise<void> {
  document.body.dataset['renderer'] = stage.renderer.kind;
  listen();
  chooseTool('brush');
  setSize(editor.size);
  showOpacity();
  if (alone) await openFolder(alone);
  try {
    takeProject(await (firstProject ?? backend.project()));
  } catch (error) {
    showEmpty('The project cannot be opened', messageOf(error), {
      text: 'Try again',
      run: () => location.reload(),
    });
    return;
  }
  backend.listen({
    training: takeTraining,
    prediction: () => {
      learner ??= 'pixels';
      if (current) void loadPrediction(current);
    },
    disk: ({ trouble }) => showTrouble(trouble),
    classes: ({ classes: taken }) => takeClasses(taken),
    image: takeImage,
    connection: (connected) => {
      if (!connected) return;
      outbox.retry();
      void refresh();
    },
  });
  const first = project.images.find(({ state }) => state !== 'unusable') ?? project.images[0];
  if (first) await open(first);
  document.body.dataset['state'] = 'ready';
}

/**
 * Resolves when the picture of the first image, which the document itself asks for, is on screen, or after a moment:
 * making the stage would delay it.
 */
async function firstOnScreen(): Promise<void> {
  const picture = document.querySelector<HTMLImageElement>('#first');
  const shown = picture?.decode().then(
    () => {
      // The stage may have been sooner.
      if (!picture.isConnected) return undefined;
      element('empty').hidden = firstShown = true;
      return new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
    },
    () => picture.remove(),
  );
  await Promise.race([shown, new Promise((late) => setTimeout(late, FIRST_WAIT))]);
}

function removeFirst(): void {
  document.getElementById('first')?.remove();
  firstShown = false;
}

/** Asks for a folder until one is open. */
function openFolder(page: PageBackend): Promise<void> {
  element('save-run').textContent = 'Masks';
  return new Promise((resolve) => {
    const ask = (title: string, text: string) =>
      showEmpty(title, text, { text: 'Choose a folder', run: () => chooser.choose() });
    const chooser = new FolderChooser(frame, (folder) => {
      showEmpty('Opening the project', folder.name, undefined, true);
      page
        .open(folder)
        .then(resolve, (error: unknown) => ask('This folder cannot be opened', messageOf(error)));
    });
    ask(
      'Open a folder of images',
      'Choose it, or drop it here. Images and labels stay on this machine: the page sends nothing anywhere.',
    );
    document.body.dataset['state'] = 'choosing';
  });
}

/** The value of a parameter of the address, if it is one of these. */
function given<T extends string>(name: string, values: readonly T[]): T | undefined {
  const value = new URLSearchParams(location.search).get(name);
  return values.find((each) => each === value);
}

/** Lets the user download a file. */
function download(name: string, file: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function takeProject({ training: status, trouble, ...taken }: StudioProject): void {
  project = taken;
  const name = project.project.split(/[\\/]/).findLast((part) => part !== '') ?? '';
  element('project-name').textContent = name;
  element('project-name').title = project.project;
  document.title = `${name} · Pixelwise Studio`;
  list.update(project.images, chosen);
  takeTraining(status);
  takeClasses(project.classes);
  showTrouble(trouble);
  if (project.images.length === 0) {
    showEmpty(
      'No images in this folder',
      'Put images into the folder of the project, then open the studio again.',
    );
  }
}

function takeClasses(taken: readonly ProjectClass[]): void {
  project = { ...project, classes: taken };
  classes.update(taken);
  showLook();
  showEdits();
  if (taken.length > 0) closeNotice('classes');
  else if (project.images.length > 0) {
    notice('classes', 'What do you want to find in these images?', {
      actions: [{ text: 'Name it', run: () => classes.add() }],
    });
  }
}

function showTrouble(trouble: string | null): void {
  if (trouble === null) closeNotice('trouble');
  else {
    notice(
      'trouble',
      `${trouble} Go on painting: the studio keeps your changes and writes them as soon as it can.`,
      {
        bad: true,
      },
    );
  }
}

/** Records that an image's labels or state changed, here or in another page. */
function takeImage({ image, by, etag }: StudioEvents['image']): void {
  changeImage(image.id, image);
  if (by === PAGE_ID || etag === null || image.id !== current?.id) return;
  // What this page sends now is refused, since it is for other labels: the outbox then asks.
  if (current.known.has(etag) || outbox.unsaved(image.id)) return;
  const changed = current;
  notice('changed', 'Another page changed the labels of this image.', {
    actions: [{ text: 'Show its labels', run: () => void takeLabels(changed, false) }],
  });
}

async function setDone(id: string, done: boolean): Promise<void> {
  try {
    changeImage(id, await backend.setDone(id, done));
  } catch (error) {
    fail(error);
  }
}

function toggleDone(): void {
  const image = project.images.find(({ id }) => id === current?.id);
  if (!image) return;
  say(image.state === 'done' ? 'Not done.' : 'Done.');
  void setDone(image.id, image.state !== 'done');
}

function takeTraining(status: TrainingStatus): void {
  const first = learner === null && status.learner !== null;
  learner = status.learner;
  training.update(status);
  // A model that was there before this page listened is not reported again.
  if (first && current && !current.prediction) void loadPrediction(current);
}

async function refresh(): Promise<void> {
  try {
    takeProject(await backend.project());
    const [first] = project.images;
    if (chosen === undefined && first) await open(first);
  } catch {
    // The connection's state is shown by the outbox, and events come again with the next connection.
  }
}

function changeImage(id: string, changes: Partial<ImageFacts>): void {
  const images = project.images.map((image) => (image.id === id ? { ...image, ...changes } : image));
  project = { ...project, images };
  list.update(images, chosen);
  showDone();
}

function showDone(): void {
  const image = project.images.find(({ id }) => id === current?.id);
  const button = element<HTMLButtonElement>('done');
  button.disabled = !image;
  button.setAttribute('aria-pressed', String(image?.state === 'done'));
}

// Images

async function open(image: ImageFacts): Promise<void> {
  if (image.id === chosen) return;
  if (chosen !== undefined) removeFirst();
  editor.release();
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  current = undefined;
  chosen = image.id;
  editor.image = undefined;
  stage.clear();
  closeNotice('changed');
  element('where').textContent = image.id;
  element('where').title = image.id;
  list.update(project.images, image.id);
  showEdits();
  showProbe();
  if (image.state === 'unusable') {
    showEmpty('This image cannot be opened', image.problem ?? 'Its file cannot be read as an image.');
    return;
  }
  showEmpty('Opening the image', image.id, undefined, true);
  try {
    const [picture, stored] = await Promise.all([
      firstPicture(image, signal),
      backend.labels(image.id, signal).then(async ({ png, etag }) => ({
        etag,
        labels: png && (await planes.ask({ kind: 'labels', png })),
      })),
    ]);
    if (signal.aborted) return;
    const { labels } = stored;
    if (labels) checkSize(picture, labels);
    const { width, height } = picture;
    const unsaved = outbox.unsaved(image.id);
    const opened =
      unsaved ?? new OpenImage(image.id, new LabelPlane(width, height, labels), stored.etag, picture.window);
    // Undo is for the labels that it was made for.
    if (versions.get(image.id) !== opened.etag && !unsaved) history.clear(image.id);
    current = opened;
    editor.image = opened;
    visited = new Set();
    crosshair = undefined;
    element('empty').hidden = true;
    stage.show(opened, picture.reduced);
    showWindow(opened);
    showEdits();
    const position = project.images.findIndex(({ id }) => id === image.id) + 1;
    say(`Image ${position} of ${project.images.length}: ${image.id}.`);
    if (opened.conflict) askAboutConflict(opened);
    void loadPrediction(opened);
    if (picture.reduced) void loadRest(image, opened, signal);
    else stage.imageOpened();
  } catch (error) {
    if (!signal.aborted) showUnopened(image, error);
  }
}

/** Loads all of an image that is shown reduced, and can be painted on meanwhile. */
async function loadRest(image: ImageFacts, opened: OpenImage, signal: AbortSignal): Promise<void> {
  try {
    checkSize(await wholePicture(image.id, signal), opened);
    if (!signal.aborted) stage.imageOpened();
  } catch (error) {
    if (!signal.aborted) showUnopened(image, error);
  }
}

function showUnopened(image: ImageFacts, error: unknown): void {
  editor.release();
  chosen = current = editor.image = undefined;
  stage.clear();
  showEdits();
  showEmpty('This image cannot be opened', messageOf(error), {
    text: 'Try again',
    run: () => void open(image),
  });
}

interface OpenedPicture {
  readonly width: number;
  readonly height: number;
  readonly window: GreyWindow | undefined;
  /** Shown until all of the image is there; undefined if it is. */
  readonly reduced?: FirstPicture;
}

/** What is shown of an image first: of a large one a reduced picture, where the backend has it sooner. */
async function firstPicture(image: ImageFacts, signal: AbortSignal): Promise<OpenedPicture> {
  const level = image.width === null ? 0 : firstLevel({ width: image.width, height: image.height! });
  if (level === 0 || !backend.firstView) return wholePicture(image.id, signal);
  const { picture, ...size } = await backend.firstView(image.id, level, signal);
  return { ...size, reduced: { level, bitmap: await createImageBitmap(picture) } };
}

/** Has the worker open all of an image. */
async function wholePicture(id: string, signal: AbortSignal): Promise<OpenedPicture> {
  const { file, window } = await backend.image(id, undefined, signal);
  return { window, ...(await pictures.ask({ kind: 'open', file })) };
}

function checkSize(picture: Size, labels: Size): void {
  if (picture.width === labels.width && picture.height === labels.height) return;
  throw new Error(
    `The image has ${picture.width}×${picture.height} pixels, its labels ${labels.width}×${labels.height}. The image has changed on the disk.`,
  );
}

/** By image, the version of the labels that this page left. */
const versions = new Map<string, string>();

/** Opens the next or the previous image that can be read. */
function go(direction: 1 | -1): void {
  const readable = project.images.filter(({ state }) => state !== 'unusable');
  const from = readable.findIndex(({ id }) => id === current?.id);
  const next = readable[from + direction];
  if (next) void open(next);
  else say(direction > 0 ? 'This is the last image.' : 'This is the first image.');
}

const loadPrediction = latest(async (image: OpenImage) => {
  // Nothing predicts before labels of two classes are there.
  if (learner === null) return;
  const { signal } = loading;
  try {
    const answer = await backend.prediction(image.id, 'classes', signal);
    if (!answer || image !== current) return;
    const plane = await planes.ask({ kind: 'plane', png: answer.png });
    // Both at once: a frame that is drawn in between would be without the uncertainty.
    const uncertainty = checked('show-uncertainty') ? await uncertaintyOf(image, answer.step) : undefined;
    if (image !== current || plane.width !== image.width || plane.height !== image.height) return;
    image.prediction = plane;
    image.uncertainty = uncertainty;
    image.step = answer.step;
    visited = new Set();
    stage.planesChanged();
    if (checked('show-uncertainty')) await loadUncertainty(image);
    showEdits();
    showProbe();
    document.body.dataset['step'] = String(answer.step);
  } catch (error) {
    if (!signal.aborted && !(error instanceof BackendError && error.status === 0)) fail(error);
  }
});

async function loadUncertainty(image: OpenImage): Promise<void> {
  if (image.uncertainty || !image.prediction) return;
  const { step } = image;
  const plane = await uncertaintyOf(image, step);
  // A newer prediction brings its own.
  if (!plane || image.step !== step) return;
  image.uncertainty = plane;
  if (image === current) stage.planesChanged();
}

/** The uncertainty of the prediction of a step; undefined if there is no model any more. */
async function uncertaintyOf({ id }: OpenImage, step: number): Promise<Plane | undefined> {
  const answer = await backend.prediction(id, 'uncertainty', loading.signal, step);
  return answer && planes.ask({ kind: 'plane', png: answer.png });
}

// Changes by others

function askAboutConflict(image: OpenImage): void {
  if (image !== current) {
    notice(`conflict ${image.id}`, `Another page changed the labels of ${image.id}. Open it to decide.`, {
      bad: true,
    });
    return;
  }
  notice('changed', 'Another page changed these labels. Your last changes are not saved yet.', {
    bad: true,
    actions: [
      { text: 'Keep both', run: () => void takeLabels(image, true) },
      { text: 'Discard mine', run: () => void takeLabels(image, false) },
    ],
  });
}

/** Loads the labels that another page saved and, if `keep`, applies the unsaved edits of this page to them. */
async function takeLabels(image: OpenImage, keep: boolean): Promise<void> {
  if (editor.busy) {
    setTimeout(() => void takeLabels(image, keep), 100);
    return;
  }
  try {
    const { png, etag } = await backend.labels(image.id, loading.signal);
    const labels = png && (await planes.ask({ kind: 'labels', png }));
    if (image === current) editor.release();
    const edits = [...image.unsaved.values()];
    outbox.drop(image);
    history.clear(image.id);
    image.plane = new LabelPlane(image.width, image.height, labels);
    image.etag = etag;
    image.conflict = false;
    if (keep) {
      image.plane.begin();
      for (const edit of edits) image.plane.reapply(edit);
      const edit = image.plane.end('merged edits');
      if (edit) {
        const number = image.nextEdit();
        history.add(image.id, edit);
        image.unsaved.set(number, edit);
        outbox.add(image, { stroke: undefined, edit: number });
      }
    }
    if (image === current) stage.take(image);
    showEdits();
    say(keep ? 'Both changes are kept.' : 'The labels of the other page are shown.');
  } catch (error) {
    fail(error);
    if (image.conflict) askAboutConflict(image);
  }
}

// What is shown

function look(): Look {
  return {
    labels: checked('show-labels'),
    prediction: checked('show-prediction'),
    uncertainty: checked('show-uncertainty'),
    outlines: checked('show-outlines'),
    opacity: Number(element<HTMLInputElement>('opacity').value) / 100,
    palette: paletteOf(
      project.classes.map(({ colour }) => colour),
      classes.hidden,
      backgroundClass(project.classes.map(({ name }) => name)),
    ),
  };
}

function showLook(): void {
  stage.setLook(look());
}

function showOpacity(): void {
  const opacity = element<HTMLInputElement>('opacity');
  element('opacity-value').textContent = `${opacity.value}%`;
  showLook();
}

function showSaving(state: SavingState): void {
  element('saving').dataset['kind'] = state.kind;
  const texts = { saved: 'Saved', saving: 'Saving', waiting: 'Not saved' };
  element('saving-text').textContent = texts[state.kind];
  if (state.kind === 'waiting' && ![...document.querySelectorAll('.notice .actions')].some(isConflict)) {
    notice('saving', `${state.message} Go on painting: your changes are kept in this page and sent again.`, {
      bad: true,
      actions: [{ text: 'Send now', run: () => outbox.retry() }],
    });
  } else if (state.kind === 'saved') closeNotice('saving');
}

const isConflict = (actions: Element): boolean => actions.childElementCount > 1;

function showEdits(): void {
  const ready = current !== undefined && !editor.busy;
  const id = current?.id ?? '';
  if (current) versions.set(id, current.etag);
  element<HTMLButtonElement>('undo').disabled = !ready || !history.canUndo(id);
  element<HTMLButtonElement>('redo').disabled = !ready || !history.canRedo(id);
  element<HTMLButtonElement>('accept-rest').disabled = !ready || !current?.prediction;
  element<HTMLButtonElement>('next-uncertain').disabled = !ready || !current?.prediction;
  showDone();
  classes.count(current?.plane.counts, current ? current.width * current.height : 1);
  const position = project.images.findIndex((image) => image.id === id);
  element<HTMLButtonElement>('previous').disabled = position === 0;
  element<HTMLButtonElement>('next').disabled = position === project.images.length - 1;
}

function showOverlay(): void {
  const at = crosshair ?? pointed;
  const brush = editor.tool === 'brush' || editor.tool === 'eraser';
  const ring = brush && current && !pointers.panning ? at : undefined;
  overlay.ring(stage.view, ring, editor.size);
  overlay.lasso(stage.view, editor.outline);
  overlay.cross(stage.view, crosshair);
}

function showProbe(): void {
  const at = crosshair ?? pointed;
  const [x, y] = [Math.floor(at?.x ?? -1), Math.floor(at?.y ?? -1)];
  if (!current || x < 0 || y < 0 || x >= current.width || y >= current.height) {
    element('probe').textContent = current ? `${current.width} × ${current.height} pixels` : '';
    return;
  }
  const nameOf = (label: number | undefined) =>
    label === undefined || label === IGNORE_INDEX
      ? undefined
      : (project.classes[label]?.name ?? `class ${label}`);
  const label = nameOf(current.plane.get(x, y));
  const predicted = nameOf(current.prediction?.data[y * current.width + x]);
  element('probe').textContent =
    `${x}, ${y} · ${label === undefined ? 'not labelled' : `labelled ${label}`}` +
    (predicted === undefined ? '' : ` · predicted ${predicted}`);
}

function showCursor(): void {
  const pan = editor.tool === 'pan' || pointers.panning;
  const brush = editor.tool === 'brush' || editor.tool === 'eraser';
  frame.dataset['cursor'] = editor.busy ? 'wait' : pan ? 'pan' : brush ? 'brush' : 'cross';
}

function showEmpty(
  title: string,
  text: string,
  action?: { readonly text: string; readonly run: () => void },
  waiting = false,
): void {
  if (!waiting) removeFirst();
  element('empty').hidden = firstShown;
  element('empty-spinner').hidden = !waiting;
  element('empty-title').textContent = title;
  element('empty-text').textContent = text;
  const button = element<HTMLButtonElement>('empty-button');
  button.hidden = !action;
  button.textContent = action?.text ?? '';
  button.onclick = action?.run ?? null;
}

function showWindow({ window: shown }: OpenImage): void {
  element('window').hidden = !shown;
  if (!shown) return;
  const span = shown.high - shown.low;
  for (const id of ['low', 'high'] as const) {
    const slider = element<HTMLInputElement>(id);
    slider.min = String(shown.low - span);
    slider.max = String(shown.high + span);
    slider.step = span > 100 ? '1' : 'any';
    slider.value = String(shown[id]);
    element(`${id}-value`).textContent = String(shown[id]);
  }
}

function takeWindow(): void {
  const value = (id: string) => Number(element<HTMLInputElement>(id).value);
  const shown = { low: value('low'), high: value('high') };
  for (const id of ['low', 'high'] as const) {
    element(`${id}-value`).textContent = String(Number(shown[id].toPrecision(6)));
  }
  if (current && shown.low < shown.high) loadWindow({ image: current, shown });
}

const loadWindow = latest(async ({ image, shown }: { image: OpenImage; shown: GreyWindow }) => {
  const { signal } = loading;
  try {
    const { file } = await backend.image(image.id, shown, signal);
    if (image !== current) return;
    await pictures.ask({ kind: 'open', file });
    stage.renewImage();
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
});

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function fail(error: unknown): void {
  notice('failure', messageOf(error), { bad: true });
}

// What the user does

function chooseTool(tool: Tool): void {
  editor.cancel();
  editor.tool = tool;
  markTool(tool);
  say(`${TOOL_TEXTS[tool].name}.`);
  showCursor();
  showOverlay();
}

/** Positions of the size's slider: equal steps multiply the size equally. */
const SIZE_STEPS = 1000;

function setSize(size: number): void {
  editor.size = Math.round(Math.min(MOST_SIZE, Math.max(LEAST_SIZE, size)));
  const slider = element<HTMLInputElement>('size');
  const position = Math.round((SIZE_STEPS * Math.log(editor.size)) / Math.log(MOST_SIZE));
  if (sizeAt(Number(slider.value)) !== editor.size) slider.value = String(position);
  slider.setAttribute('aria-valuetext', `${editor.size} pixels`);
  element('size-value').textContent = `${editor.size} px`;
  showOverlay();
}

const sizeAt = (position: number): number => Math.round(MOST_SIZE ** (position / SIZE_STEPS));

function flip(id: string): void {
  const box = element<HTMLInputElement>(id);
  box.checked = !box.checked;
  box.dispatchEvent(new Event('change'));
  say(`${box.labels?.[0]?.textContent.trim()}: ${box.checked ? 'on' : 'off'}.`);
}

function changeOpacity(by: number): void {
  const slider = element<HTMLInputElement>('opacity');
  slider.value = String(Number(slider.value) + by);
  showOpacity();
}

async function lookAtUncertain(): Promise<void> {
  const image = current;
  if (!image?.prediction) {
    say('There is no prediction yet.');
    return;
  }
  try {
    await loadUncertainty(image);
    if (!image.uncertainty || image !== current) return;
    const box = await inSlices(nextUncertain(image.uncertainty, image.plane, visited));
    if (image !== current) return;
    if (!box) {
      notice('said', 'No more uncertain regions in this image.', { seconds: 4 });
      say('No more uncertain regions in this image.');
      return;
    }
    stage.lookAt(box);
    overlay.mark(stage.view, box);
    say(`Uncertain region at ${box.left}, ${box.top}.`);
  } catch (error) {
    fail(error);
  }
}

async function save(to: 'run' | 'onnx', button: HTMLButtonElement): Promise<void> {
  button.disabled = true;
  try {
    const { path } = await backend.save(to);
    const what = to === 'onnx' ? 'The ONNX file' : alone ? 'The archive of the masks' : 'The run folder';
    notice('saved', alone ? `${what} is in your downloads: ${path}.` : `${what} is at ${path}.`);
  } catch (error) {
    fail(error);
  } finally {
    button.disabled = false;
  }
}

/** Moves the crosshair by CSS pixels, or at least by a pixel of the image. */
function moveCrosshair(dx: number, dy: number): void {
  if (!current) return;
  const { scale } = stage.view;
  const from = crosshair ?? pointed ?? toImage(stage.view, stage.middle);
  const step = (by: number) => (by === 0 ? 0 : Math.sign(by) * Math.max(1, Math.abs(by) / scale));
  const within = (value: number, length: number) => Math.max(0.5, Math.min(length - 0.5, value));
  crosshair = {
    x: within(Math.floor(from.x + step(dx)) + 0.5, current.width),
    y: within(Math.floor(from.y + step(dy)) + 0.5, current.height),
  };
  const { x, y } = toScreen(stage.view, crosshair);
  const beyond = (at: number, length: number) => Math.min(0, at - 24) + Math.max(0, at + 24 - length);
  stage.pan(-beyond(x, stage.size.width), -beyond(y, stage.size.height));
  if (editor.drawing) editor.move(crosshair);
  stage.request();
  showProbe();
  say(element('probe').textContent);
}

function pressOrRelease(): void {
  if (!current || document.activeElement !== frame) return;
  crosshair ??= pointed ?? toImage(stage.view, stage.middle);
  if (editor.drawing) editor.release();
  else editor.press(crosshair);
  stage.request();
  say(editor.drawing ? 'Down.' : 'Up.');
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

function closeImages(): void {
  element('images').classList.remove('open');
  element('images-button').setAttribute('aria-expanded', 'false');
}

function listen(): void {
  const onClick = (id: string, run: (button: HTMLButtonElement) => void) => {
    const button = element<HTMLButtonElement>(id);
    button.addEventListener('click', () => run(button));
  };
  onClick('previous', () => go(-1));
  onClick('next', () => go(1));
  onClick('done', toggleDone);
  onClick('undo', () => editor.undo());
  onClick('redo', () => editor.redo());
  onClick('zoom-in', () => stage.zoom(1.5));
  onClick('zoom-out', () => stage.zoom(1 / 1.5));
  onClick('fit', () => stage.fit());
  onClick('accept-rest', () => void editor.accept());
  onClick('next-uncertain', () => void lookAtUncertain());
  onClick('save-run', (button) => void save('run', button));
  onClick('save-onnx', (button) => void save('onnx', button));
  onClick('help-button', () => element<HTMLDialogElement>('help').showModal());
  onClick('images-button', (button) => {
    const opened = element('images').classList.toggle('open');
    button.setAttribute('aria-expanded', String(opened));
    if (opened) element('list').focus();
  });
  for (const id of ['show-labels', 'show-prediction', 'show-outlines']) {
    element(id).addEventListener('change', showLook);
  }
  element('show-uncertainty').addEventListener('change', () => {
    showLook();
    if (current && checked('show-uncertainty')) void loadUncertainty(current).catch(fail);
  });
  element('opacity').addEventListener('input', showOpacity);
  element<HTMLInputElement>('size').addEventListener('input', ({ target }) =>
    setSize(sizeAt(Number((target as HTMLInputElement).value))),
  );
  for (const id of ['low', 'high']) element(id).addEventListener('input', takeWindow);
  frame.addEventListener('blur', () => {
    crosshair = undefined;
    editor.release();
    showOverlay();
  });
  frame.addEventListener('keydown', (event) => {
    const arrow = ARROWS[event.key];
    if (arrow && !event.ctrlKey && !event.metaKey) {
      const far = event.shiftKey ? 48 : event.altKey ? 0.1 : 6;
      moveCrosshair(arrow[0] * far, arrow[1] * far);
      event.preventDefault();
    }
  });
  // The space bar moves the image as long as it is held, unless it operates a button.
  const space = (event: KeyboardEvent, held: boolean) => {
    const { target } = event;
    if (event.key !== ' ' || (target !== frame && target !== document.body)) return;
    event.preventDefault();
    pointers.panning = held;
    showCursor();
    showOverlay();
  };
  addEventListener('keydown', (event) => space(event, true));
  addEventListener('keyup', (event) => space(event, false));
  addEventListener('blur', () => {
    pointers.panning = false;
    showCursor();
  });
  addEventListener('beforeunload', (event) => {
    if (!outbox.empty) event.preventDefault();
  });
  const tool = (name: Tool): Key => ({
    keys: [TOOL_TEXTS[name].key],
    does: TOOL_TEXTS[name].name,
    run: () => chooseTool(name),
  });
  const digits: Key[] = Array.from({ length: 10 }, (_, k) => ({
    keys: [String((k + 1) % 10)],
    does: `Class ${k + 1}`,
    unlisted: true,
    run: () => {
      classes.choose(k);
      say(`Class ${project.classes[k]?.name ?? 'none'}.`);
    },
  }));
  listenForKeys([
    {
      title: 'Tools',
      keys: [
        ...(['brush', 'eraser', 'fill', 'lasso', 'accept', 'pick', 'pan'] as const).map(tool),
        {
          keys: ['['],
          does: 'Smaller brush',
          run: () => setSize(Math.min(editor.size - 1, editor.size / 1.2)),
        },
        {
          keys: [']'],
          does: 'Larger brush',
          run: () => setSize(Math.max(editor.size + 1, editor.size * 1.2)),
        },
        {
          keys: ['Escape'],
          does: 'Cancel the stroke or lasso',
          run: () => {
            editor.cancel();
            stage.request();
          },
        },
      ],
    },
    {
      title: 'Labels',
      keys: [
        { keys: ['Ctrl+Z'], does: 'Undo', run: () => editor.undo() },
        { keys: ['Ctrl+Shift+Z', 'Ctrl+Y'], does: 'Redo', run: () => editor.redo() },
        { keys: ['Shift+Enter'], does: 'Accept the rest', run: () => void editor.accept() },
        { keys: ['D'], does: 'Image is done, or not', run: toggleDone },
        { keys: ['J'], does: 'Next uncertain region', run: () => void lookAtUncertain() },
      ],
    },
    {
      title: 'View',
      keys: [
        { keys: ['Space'], does: 'Hold to move the image' },
        { keys: ['Wheel'], does: 'Zoom to the pointer' },
        { keys: ['+'], does: 'Zoom in', run: () => stage.zoom(1.5) },
        { keys: ['−'], does: 'Zoom out', run: () => stage.zoom(1 / 1.5) },
        { keys: ['F'], does: 'Whole image', run: () => stage.fit() },
        { keys: ['R'], does: 'Real size', run: () => stage.zoomToPixels() },
      ],
    },
    {
      title: 'Layers',
      keys: [
        { keys: ['K'], does: 'Labels', run: () => flip('show-labels') },
        { keys: ['P'], does: 'Prediction', run: () => flip('show-prediction') },
        { keys: ['U'], does: 'Uncertainty', run: () => flip('show-uncertainty') },
        { keys: ['O'], does: 'Outlines only', run: () => flip('show-outlines') },
        { keys: ['V'], does: 'Show or hide the class', run: () => classes.toggle(classes.chosen) },
        { keys: [','], does: 'Less opaque', run: () => changeOpacity(-10) },
        { keys: ['.'], does: 'More opaque', run: () => changeOpacity(10) },
      ],
    },
    {
      title: 'Images',
      keys: [
        { keys: ['N', 'Page down'], does: 'Next image', run: () => go(1) },
        { keys: ['Shift+N', 'Page up'], does: 'Previous image', run: () => go(-1) },
      ],
    },
    {
      title: 'Classes',
      keys: [{ keys: ['1', '…', '9', '0'], does: 'First to tenth class' }, ...digits],
    },
    {
      title: 'With the keyboard alone',
      keys: [
        { keys: ['Arrows'], does: 'Move the crosshair; with Shift far, with Alt by a pixel' },
        { keys: ['Enter'], does: 'Press and release the tool', run: pressOrRelease },
        { keys: ['?'], does: 'These keys', run: () => element<HTMLDialogElement>('help').showModal() },
      ],
    },
  ]);
}

void start();
