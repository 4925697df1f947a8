/** All keys of the studio, in one table: they are matched by it, and shown by it. */
import { element, make } from './elements.js';

export interface Key {
  /** As shown: `Ctrl+Shift+Z`, `B`, `Page down`. Each of them does it. */
  readonly keys: readonly string[];
  readonly does: string;
  readonly run: () => void;
  /** Not shown in the dialog, where another line has it. */
  readonly unlisted?: boolean;
}

/** A key that is handled where it is pressed, and only shown here. */
export type ShownKey = Omit<Key, 'run'>;

export interface KeyGroup {
  readonly title: string;
  readonly keys: readonly (Key | ShownKey)[];
}

/** Names of keys as events have them, where they differ from those that are shown. */
const NAMES: Readonly<Record<string, string>> = {
  pageup: 'page up',
  pagedown: 'page down',
  '-': '−',
  '=': '+',
};

/** An event in the notation of the table, in lower case. */
function notation(event: KeyboardEvent): string {
  const key = event.key.toLowerCase();
  const name = NAMES[key] ?? key;
  const control = event.ctrlKey || event.metaKey ? 'ctrl+' : '';
  // Shift belongs to signs such as ? and +.
  const shift = event.shiftKey && (/^[a-z]$/.test(key) || key.length > 1) ? 'shift+' : '';
  return control + shift + name;
}

/** Where keys mean what is typed or chosen. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return ['text', 'search', 'color'].includes(target.type);
  return target.isContentEditable || target instanceof HTMLTextAreaElement;
}

/** Listens for the keys of the table, and fills the dialog that shows them. */
export function listenForKeys(groups: readonly KeyGroup[]): void {
  const table = new Map<string, () => void>();
  for (const { keys } of groups) {
    for (const key of keys) {
      if ('run' in key) for (const name of key.keys) table.set(name.toLowerCase(), key.run);
    }
  }
  addEventListener('keydown', (event) => {
    if (event.altKey || isTyping(event.target) || document.querySelector('dialog[open]')) return;
    const run = table.get(notation(event));
    if (!run) return;
    // A focused button or switch keeps its own keys.
    if (event.key === 'Enter' && event.target instanceof HTMLButtonElement) return;
    event.preventDefault();
    run();
  });
  element('keys').append(
    ...groups.map(({ title, keys }) => {
      const section = make('section');
      const list = make('dl');
      for (const { keys: names, does } of keys.filter((key) => !('unlisted' in key))) {
        const line = make('div');
        const shown = make('dd');
        names.forEach((name, i) => {
          if (i > 0) shown.append(' ');
          shown.append(make('kbd', name));
        });
        line.append(make('dt', does), shown);
        list.append(line);
      }
      section.append(make('h3', title), list);
      return section;
    }),
  );
}
