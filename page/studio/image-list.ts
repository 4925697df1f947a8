/** The list of images with their states. */
import type { ImageFacts } from './api.js';
import { elements } from './elements.js';

const STATES: Readonly<Record<ImageFacts['state'], string>> = {
  unlabelled: 'no labels',
  labelled: 'partly labelled',
  done: 'done',
  unusable: 'cannot be used',
};

export interface ImageList {
  readonly images: readonly ImageFacts[];
  set(images: readonly ImageFacts[]): void;
  update(image: ImageFacts): void;
  /** Marks the image that is open. */
  mark(id: string): void;
}

export function createImageList(onOpen: (id: string) => void): ImageList {
  let images: ImageFacts[] = [];
  const rows = new Map<string, HTMLButtonElement>();
  let open: string | undefined;

  const describe = (button: HTMLButtonElement, { id, state, heldOut, problem }: ImageFacts) => {
    const dot = document.createElement('span');
    dot.className = 'dot';
    dot.dataset['state'] = state;
    const name = document.createElement('span');
    name.className = 'file';
    name.textContent = id;
    const held = document.createElement('span');
    held.className = 'held';
    held.textContent = heldOut ? 'held out' : '';
    button.title =
      problem ?? (heldOut ? 'Scores are computed on this image; nothing is learned from it.' : id);
    button.setAttribute('aria-label', `${id}, ${STATES[state]}${heldOut ? ', held out for scores' : ''}`);
    button.replaceChildren(dot, name, held);
  };
  const count = () => {
    const done = images.filter(({ state }) => state === 'done').length;
    const some = images.filter(({ state }) => state === 'labelled').length;
    elements.count.textContent = `${images.length} images: ${done} done, ${some} partly labelled`;
  };
  return {
    get images() {
      return images;
    },
    set(next) {
      images = [...next];
      rows.clear();
      const items = images.map((image) => {
        const button = document.createElement('button');
        button.type = 'button';
        button.addEventListener('click', () => onOpen(image.id));
        describe(button, image);
        rows.set(image.id, button);
        const item = document.createElement('li');
        item.append(button);
        return item;
      });
      elements.images.replaceChildren(...items);
      count();
      if (open !== undefined) this.mark(open);
    },
    update(image) {
      const at = images.findIndex(({ id }) => id === image.id);
      if (at < 0) return;
      images[at] = image;
      describe(rows.get(image.id)!, image);
      count();
    },
    mark(id) {
      if (open !== undefined) rows.get(open)?.removeAttribute('aria-current');
      open = id;
      const button = rows.get(id);
      button?.setAttribute('aria-current', 'true');
      button?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    },
  };
}
