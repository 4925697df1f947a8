/**
 * The list of classes, where the user chooses which class to paint and which classes are visible, and the dialog that
 * adds and changes classes.
 */
import { classColour, hexColour } from '../../src/images/palette.js';
import { IGNORE_INDEX } from '../../src/labels/ignore-index.js';
import type { ProjectClass } from '../../src/studio/protocol.js';
import { percent } from '../percent.js';
import { element, icon, make } from './elements.js';

const EYE =
  '<path d="M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5z"/><circle cx="10" cy="10" r="2.2"/><path class="slash" d="M3 17L17 3"/>';
const PENCIL = '<path d="M4 16l1-4 8-8 3 3-8 8z"/>';

/** The first class of a new project. */
const BACKGROUND: ProjectClass = { name: 'background', colour: '#4c566a' };

/** The largest number of classes in a project. */
const MAX_CLASSES = 254;

export class ClassesPanel {
  classes: readonly ProjectClass[] = [];
  private readonly invisible = new Set<number>();
  private chosenIndex = 0;
  private readonly list = element('classes');
  private shares: HTMLElement[] = [];
  private readonly dialog = element<HTMLDialogElement>('class-dialog');
  private readonly name = element<HTMLInputElement>('class-name');
  private readonly colour = element<HTMLInputElement>('class-colour');
  private readonly problem = element('class-problem');
  /** Index of the class in the dialog. A new class gets the next free index. */
  private editedIndex = 0;

  constructor(
    private readonly on: {
      readonly chosen: (index: number) => void;
      readonly visibility: () => void;
      /** Saves the classes. A rejection's message is shown in the dialog. */
      readonly save: (classes: readonly ProjectClass[]) => Promise<void>;
    },
  ) {
    element('add-class').addEventListener('click', () => this.add());
    element('class-cancel').addEventListener('click', () => this.dialog.close());
    element('class-form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.submit(this.editedClasses());
    });
    element('class-remove').addEventListener('click', () => void this.submit(this.classes.slice(0, -1)));
  }

  /** For each class, whether it is hidden. */
  get hidden(): boolean[] {
    return this.classes.map((_, k) => this.invisible.has(k));
  }

  get chosen(): number {
    return this.chosenIndex;
  }

  update(classes: readonly ProjectClass[]): void {
    this.classes = classes;
    const rows = classes.map((each, k) => this.row(each, k));
    this.list.replaceChildren(...rows);
    this.choose(Math.max(0, Math.min(this.chosenIndex, classes.length - 1)));
    element<HTMLButtonElement>('add-class').disabled = classes.length >= MAX_CLASSES;
  }

  /** Chooses the class to paint. */
  choose(index: number): void {
    if (index >= this.classes.length) return;
    this.chosenIndex = index;
    const box = this.list.querySelectorAll<HTMLInputElement>('input')[index];
    if (box) {
      box.checked = true;
      box.closest('li')!.scrollIntoView({ block: 'nearest' });
    }
    this.on.chosen(index);
  }

  toggle(index: number): void {
    if (index >= this.classes.length) return;
    if (this.invisible.has(index)) this.invisible.delete(index);
    else this.invisible.add(index);
    this.list
      .querySelectorAll(`[data-eye]`)
      [index]?.setAttribute('aria-pressed', String(!this.invisible.has(index)));
    this.on.visibility();
  }

  /** Shows each class's share of the image. */
  count(counts: ArrayLike<number> | undefined, pixels: number): void {
    this.shares.forEach((share, k) => {
      share.textContent = counts && counts[k]! > 0 ? percent(counts[k]! / pixels) : '';
    });
  }

  /** Opens the dialog for a new class. In a project without classes, saving it also adds the background. */
  add(): void {
    this.edit(Math.max(1, this.classes.length));
  }

  private row({ name, colour }: ProjectClass, k: number): HTMLElement {
    if (k === 0) this.shares = [];
    const item = make('li');
    const label = make('label', '', { title: name });
    const box = make('input', '', { type: 'radio', name: 'class', value: String(k) });
    box.addEventListener('change', () => this.choose(k));
    const swatch = make('span', '', { className: 'swatch' });
    swatch.style.background = colour;
    const share = make('span', '', { className: 'share' });
    this.shares.push(share);
    label.append(box, swatch, make('span', name, { className: 'name' }), share);
    if (k < 10) label.append(make('kbd', String((k + 1) % 10), { ariaHidden: 'true' }));
    const eye = make('button', '', { type: 'button', className: 'plain icon', title: `Show ${name}` });
    eye.dataset['eye'] = '';
    eye.setAttribute('aria-label', `Show ${name}`);
    eye.setAttribute('aria-pressed', String(!this.invisible.has(k)));
    eye.append(icon(EYE));
    eye.addEventListener('click', () => this.toggle(k));
    const pencil = make('button', '', { type: 'button', className: 'plain icon', title: `Change ${name}` });
    pencil.setAttribute('aria-label', `Change ${name}`);
    pencil.append(icon(PENCIL));
    pencil.addEventListener('click', () => this.edit(k));
    item.append(label, eye, pencil);
    return item;
  }

  private edit(index: number): void {
    this.editedIndex = index;
    const found = this.classes[index];
    element('class-dialog-title').textContent = found ? 'Change class' : 'Add class';
    this.name.value = found?.name ?? '';
    this.colour.value = found?.colour ?? hexColour(classColour(index % IGNORE_INDEX));
    this.problem.hidden = true;
    // Labels are class indices, so only the last class can be removed without changing those of the others.
    element('class-remove').hidden = !found || index !== this.classes.length - 1;
    this.dialog.showModal();
    this.name.select();
  }

  private editedClasses(): ProjectClass[] {
    const classes = this.classes.length > 0 ? [...this.classes] : [BACKGROUND];
    classes[this.editedIndex] = { name: this.name.value.trim(), colour: this.colour.value };
    return classes;
  }

  private async submit(classes: readonly ProjectClass[]): Promise<void> {
    const names = classes.map(({ name }) => name);
    try {
      if (names.includes('')) throw new Error('The class needs a name.');
      if (new Set(names).size < names.length) throw new Error('A class with this name already exists.');
      await this.on.save(classes);
      this.dialog.close();
    } catch (error) {
      this.problem.textContent = error instanceof Error ? error.message : String(error);
      this.problem.hidden = false;
    }
  }
}
