/** The page's elements, by their ids. */
function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found as T;
}

export const elements = {
  modelName: element('model-name'),
  device: element('device'),
  stage: document.querySelector<HTMLElement>('.stage')!,
  viewer: element('viewer'),
  picture: element<HTMLCanvasElement>('picture'),
  crosshair: element('crosshair'),
  empty: element('empty'),
  busy: element('busy'),
  busyText: element('busy-text'),
  progress: element<HTMLProgressElement>('progress'),
  error: element('error'),
  probe: element('probe'),
  file: element<HTMLInputElement>('file'),
  webcam: element<HTMLButtonElement>('webcam'),
  controls: element<HTMLFieldSetElement>('controls'),
  shown: element<HTMLInputElement>('shown'),
  opacity: element<HTMLInputElement>('opacity'),
  opacityValue: element('opacity-value'),
  thresholdRow: element('threshold-row'),
  threshold: element<HTMLInputElement>('threshold'),
  thresholdValue: element('threshold-value'),
  classes: element('classes'),
  timing: element('timing'),
  size: element('size'),
  seconds: element('seconds'),
  countRow: element('count-row'),
  count: element('count'),
  objectRow: element('object-row'),
  object: element('object'),
  rateRow: element('rate-row'),
  rate: element('rate'),
  saveMask: element<HTMLButtonElement>('save-mask'),
  saveOverlay: element<HTMLButtonElement>('save-overlay'),
};
