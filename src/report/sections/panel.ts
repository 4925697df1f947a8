/** A picture with a title. If it has a mask, it is a button that hides and shows the mask. */
import type { HtmlValue } from '../page/html.js';
import { html } from '../page/html.js';
import type { Layers } from './overlay.js';
import { overlay } from './overlay.js';

export interface Panel {
  readonly what: HtmlValue;
  readonly layers: Layers;
  /** Whether the mask is an error map, which is less transparent. */
  readonly errors?: boolean;
}

export function panel({ what, layers, errors = false }: Panel) {
  const drawing = overlay(layers);
  if (layers.mask === undefined) {
    return html`<div class="panel"><span class="what">${what}</span>${drawing}</div>`;
  }
  return html`<button
    type="button"
    class="${errors ? 'panel errors' : 'panel'}"
    aria-pressed="false"
    title="Hides the mask, and shows it again"
  >
    <span class="what">${what}</span>${drawing}
  </button>`;
}
