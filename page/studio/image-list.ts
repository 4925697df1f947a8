/** The list of images. Only the rows on screen are elements, so 5,000 images are no more work than 50. */
import type { ImageFacts, ImageState } from '../../src/studio/protocol.js';
import { element, make } from './elements.js';

/** Height of a row in CSS pixels, and rows beyond the edges that are made too. */
const ROW = 34;
const MORE = 6;

const STATES: Readonly<Record<ImageState, string>> = {
  unlabelled: 'not labelled',
  labelled: 'labelled in part',
  done: 'done',
  unusable: 'unusable',
};

export class ImageList {
  private images: readonly ImageFacts[] = [];
  private shown: readonly ImageFacts[] = [];
  private open: string | undefined;
  private active = 0;
  private readonly list = element('list');
  private readonly room = element('list-room');
  private readonly filter = element<HTMLInputElement>('filter');

  constructor(private readonly onOpen: (image: ImageFacts) => void) {
    this.list.addEventListener('scroll', () => this.draw());
    this.list.addEventListener('keydown', (event) => this.key(event));
    this.filter.addEventListener('input', () => this.take());
    new ResizeObserver(() => this.draw()).observe(this.list);
  }

  update(images: readonly ImageFacts[], open: string | undefined): void {
    const moved = open !== this.open;
    this.images = images;
    this.open = open;
    this.take();
    if (moved) this.reveal(this.shown.findIndex(({ id }) => id === open));
  }

  private take(): void {
    const wanted = this.filter.value.trim().toLowerCase();
    this.shown = wanted ? this.images.filter(({ id }) => id.toLowerCase().includes(wanted)) : this.images;
    const labelled = this.images.filter(({ state }) => state === 'labelled' || state === 'done').length;
    const count = (n: number) => n.toLocaleString('en');
    element('images-count').textContent = `${count(labelled)} of ${count(this.images.length)} labelled`;
    this.room.style.height = `${this.shown.length * ROW}px`;
    this.active = Math.min(this.active, Math.max(0, this.shown.length - 1));
    this.draw();
  }

  private reveal(index: number): void {
    if (index < 0) return;
    this.active = index;
    const top = index * ROW;
    const { scrollTop, clientHeight } = this.list;
    if (top < scrollTop) this.list.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.list.scrollTop = top + ROW - clientHeight;
    this.draw();
  }

  private draw(): void {
    const { scrollTop, clientHeight } = this.list;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - MORE);
    const last = Math.min(this.shown.length, Math.ceil((scrollTop + clientHeight) / ROW) + MORE);
    const rows: HTMLElement[] = [];
    for (let i = first; i < last; i++) rows.push(this.row(this.shown[i]!, i));
    this.room.replaceChildren(...rows);
    this.list.setAttribute('aria-activedescendant', this.shown.length > 0 ? `image-${this.active}` : '');
  }

  private row(image: ImageFacts, index: number): HTMLElement {
    const row = make('div', '', { className: 'row', id: `image-${index}`, title: image.problem ?? image.id });
    row.style.top = `${index * ROW}px`;
    row.setAttribute('role', 'option');
    row.setAttribute('aria-selected', String(image.id === this.open));
    row.setAttribute('aria-setsize', String(this.shown.length));
    row.setAttribute('aria-posinset', String(index + 1));
    if (index === this.active) row.dataset['active'] = '';
    const mark = make('span', '', { className: 'mark-state' });
    mark.dataset['state'] = image.state;
    const name = make('span', '', { className: 'name' });
    const cut = image.id.lastIndexOf('/') + 1;
    if (cut > 0) name.append(make('span', image.id.slice(0, cut), { className: 'folder' }));
    name.append(make('span', image.id.slice(cut), { className: 'file' }));
    row.append(mark, name, make('span', STATES[image.state], { className: 'unseen' }));
    if (image.heldOut) {
      row.append(
        make('span', 'held out', {
          className: 'held',
          title: 'The model does not learn from this image. Its labels show how good the model is.',
        }),
      );
    }
    row.addEventListener('click', () => {
      this.active = index;
      this.onOpen(image);
    });
    return row;
  }

  private key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.list.clientHeight / ROW) - 1);
    const to: Readonly<Record<string, number>> = {
      ArrowDown: this.active + 1,
      ArrowUp: this.active - 1,
      PageDown: this.active + page,
      PageUp: this.active - page,
      Home: 0,
      End: this.shown.length - 1,
    };
    const index = to[event.key];
    const chosen = this.shown[this.active];
    if (index !== undefined) this.reveal(Math.max(0, Math.min(this.shown.length - 1, index)));
    else if ((event.key === 'Enter' || event.key === ' ') && chosen) this.onOpen(chosen);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
