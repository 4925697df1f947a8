/** The list of classes: which one is painted with, names, colours, and which are shown. */
import type { ProjectClass } from './api.js';
import { elements } from './elements.js';

export interface ClassList {
  /** Index of the class that is painted with. */
  readonly chosen: number;
  readonly classes: readonly ProjectClass[];
  set(classes: readonly ProjectClass[]): void;
  choose(index: number): void;
  /** 256 RGBA; alpha 0 for hidden classes. */
  palette(): Uint8Array<ArrayBuffer>;
}

/** @param onEdit called with the classes that the person wants. @param onLook called when colours or visibility change. */
export function createClassList(
  onEdit: (classes: readonly ProjectClass[]) => void,
  onLook: () => void,
): ClassList {
  let classes: readonly ProjectClass[] = [];
  const hidden = new Set<number>();
  let chosen = 0;

  const render = () => {
    elements.classes.replaceChildren(...classes.map(row));
  };
  const row = ({ name, colour }: ProjectClass, index: number): HTMLElement => {
    const item = document.createElement('li');
    item.dataset['chosen'] = String(index === chosen);
    const radio = input('radio', `Paint with ${name}${index < 9 ? `, key ${index + 1}` : ''}`);
    radio.name = 'class';
    radio.checked = index === chosen;
    radio.addEventListener('change', () => list.choose(index));
    const swatch = input('color', `Colour of ${name}`);
    swatch.value = colour;
    swatch.addEventListener('change', () => edit(index, { name, colour: swatch.value }));
    const text = input('text', `Name of class ${index + 1}`);
    text.value = name;
    text.addEventListener('change', () => edit(index, { name: text.value.trim() || name, colour }));
    const box = input('checkbox', `Show ${name}`);
    box.checked = !hidden.has(index);
    box.addEventListener('change', () => {
      if (box.checked) hidden.delete(index);
      else hidden.add(index);
      onLook();
    });
    item.append(radio, swatch, text, box);
    item.addEventListener('click', (event) => {
      if (event.target === item) list.choose(index);
    });
    return item;
  };
  const edit = (index: number, changed: ProjectClass) => {
    onEdit(classes.map((each, i) => (i === index ? changed : each)));
  };
  elements.addClass.addEventListener('click', () => {
    const names = new Set(classes.map(({ name }) => name));
    let n = classes.length + 1;
    while (names.has(`class ${n}`)) n++;
    onEdit([...classes, { name: `class ${n}`, colour: '' }]);
  });
  const list: ClassList = {
    get chosen() {
      return chosen;
    },
    get classes() {
      return classes;
    },
    set(next) {
      classes = next;
      chosen = Math.min(chosen, Math.max(0, next.length - 1));
      render();
      onLook();
    },
    choose(index) {
      if (index < 0 || index >= classes.length) return;
      chosen = index;
      [...elements.classes.children].forEach((item, i) => {
        (item as HTMLElement).dataset['chosen'] = String(i === index);
        item.querySelector<HTMLInputElement>('input[type=radio]')!.checked = i === index;
      });
      elements.spoken.textContent = `Painting with ${classes[index]!.name}`;
      onLook();
    },
    palette() {
      const palette = new Uint8Array(1024);
      classes.forEach(({ colour }, index) => {
        const rgb = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
        palette.set([...rgb, hidden.has(index) ? 0 : 255], 4 * index);
      });
      return palette;
    },
  };
  return list;
}

function input(type: string, label: string): HTMLInputElement {
  const made = document.createElement('input');
  made.type = type;
  made.setAttribute('aria-label', label);
  return made;
}
