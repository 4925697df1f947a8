/** A picture with a title, as a button that opens it large. The panels of a figure are the layers of one picture. */
import type { Html, HtmlValue } from '../page/html.js';
import { html } from '../page/html.js';
import type { Layers } from './overlay.js';
import { overlay } from './overlay.js';

export interface Panel {
  /** The title above the picture. Without one, the picture stands alone, and `layer` is needed. */
  readonly what?: HtmlValue;
  readonly layers: Layers;
  /** The name of the layer where the picture is large; default: the title. */
  readonly layer?: string;
  /** Id of the figure that opens, if it is another one. */
  readonly card?: string;
  /** Whether the mask is an error map, which is less transparent. */
  readonly errors?: boolean;
}

export function panel({ what, layers, layer, card, errors = false }: Panel): Html {
  return html`<button
    type="button"
    class="${errors ? 'panel errors' : 'panel'}"
    ${layer !== undefined && html`data-layer="${layer}"`}
    ${card !== undefined && html`data-card="${card}"`}
    title="Open the picture large"
  >
    ${what !== undefined && html`<span class="what">${what}</span>`}${overlay(layers)}
  </button>`;
}

/** What to do with the pictures of a section, in words for a mouse and for touch. */
export const PANEL_HINT: Html = html`<span class="hint with-mouse"
    >Point at a picture to hide its mask; click it to open it large.</span
  ><span class="hint with-touch">Tap a picture to open it large.</span>`;
