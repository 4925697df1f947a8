/** What the studio says: to screen readers, and in notices over the stage. */
import { element, make } from './elements.js';

const live = element('live');
const notices = element('notices');

/** Tells screen readers. The same text twice is read twice. */
export function say(text: string): void {
  live.textContent = live.textContent === text ? `${text}\u00a0` : text;
}

export interface NoticeOptions {
  /** Something went wrong. */
  readonly bad?: boolean;
  /** Actions that the user can choose. Any of them closes the notice. */
  readonly actions?: readonly { readonly text: string; readonly run: () => void }[];
  /** Seconds until the notice disappears; by default it stays until the user closes it. */
  readonly seconds?: number;
}

const shown = new Map<string, HTMLElement>();

/** Shows a notice in the place of an earlier one with the same key. */
export function notice(key: string, text: string, { bad, actions = [], seconds }: NoticeOptions = {}): void {
  closeNotice(key);
  const box = make('div', '', { className: bad ? 'notice bad' : 'notice' });
  box.setAttribute('role', bad || actions.length > 0 ? 'alert' : 'status');
  const buttons = make('div', '', { className: 'actions' });
  const choices =
    actions.length > 0 || seconds !== undefined ? actions : [{ text: 'Close', run: () => undefined }];
  for (const { text: name, run } of choices) {
    const button = make('button', name, { type: 'button' });
    if (actions.length === 1) button.className = 'primary';
    button.addEventListener('click', () => {
      closeNotice(key);
      run();
    });
    buttons.append(button);
  }
  box.append(make('p', text));
  if (choices.length > 0) box.append(buttons);
  notices.append(box);
  shown.set(key, box);
  if (seconds !== undefined) {
    setTimeout(() => {
      if (shown.get(key) === box) closeNotice(key);
    }, seconds * 1000);
  }
}

export function closeNotice(key: string): void {
  shown.get(key)?.remove();
  shown.delete(key);
}
