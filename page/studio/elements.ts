/** The page's elements, by their ids. */
function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`studio.html has no #${id}`);
  return found as T;
}

export const elements = {
  folder: element('folder'),
  exportRun: element<HTMLButtonElement>('export-run'),
  exportOnnx: element<HTMLButtonElement>('export-onnx'),
  helpButton: element<HTMLButtonElement>('help-button'),
  count: element('count'),
  images: element('images'),
  stage: document.querySelector<HTMLElement>('.stage')!,
  canvas: element<HTMLCanvasElement>('canvas'),
  cursor: element<HTMLCanvasElement>('cursor'),
  tools: element('tools'),
  busy: element('busy'),
  busyText: element('busy-text'),
  error: element('error'),
  status: element('status'),
  classes: element('classes'),
  addClass: element<HTMLButtonElement>('add-class'),
  size: element<HTMLInputElement>('size'),
  sizeValue: element('size-value'),
  opacity: element<HTMLInputElement>('opacity'),
  opacityValue: element('opacity-value'),
  showLabels: element<HTMLInputElement>('show-labels'),
  showPrediction: element<HTMLInputElement>('show-prediction'),
  showUncertainty: element<HTMLInputElement>('show-uncertainty'),
  outlines: element<HTMLInputElement>('outlines'),
  window: element('window'),
  low: element<HTMLInputElement>('low'),
  high: element<HTMLInputElement>('high'),
  training: element('training'),
  accept: element<HTMLButtonElement>('accept'),
  nextImage: element<HTMLButtonElement>('next-image'),
  nextUncertain: element<HTMLButtonElement>('next-uncertain'),
  help: element<HTMLDialogElement>('help'),
  keys: element('keys'),
  setup: element<HTMLDialogElement>('setup'),
  setupForm: element<HTMLFormElement>('setup-form'),
  setupNames: element('setup-names'),
  setupMore: element<HTMLButtonElement>('setup-more'),
  spoken: element('spoken'),
};
