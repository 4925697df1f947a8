/** What the model does, and how good it is on images that it does not learn from. */
import type { TrainingStatus } from '../../src/studio/protocol.js';
import { element } from './elements.js';

const LEARNERS: Readonly<Record<NonNullable<TrainingStatus['learner']>, string>> = {
  pixels: 'Pixel classifier',
  network: 'Network',
};

/** Points of the curve that are kept. */
const MOST_POINTS = 500;

export class TrainingPanel {
  /** Mean Dice on the held-out images, since the page was opened. */
  private readonly course: { readonly seconds: number; readonly dice: number }[] = [];

  update({ learner, activity, problem, seconds, labelledImages, scores }: TrainingStatus): void {
    element('learner').textContent = learner ? LEARNERS[learner] : '';
    element('doing').textContent = problem ?? activity;
    element('doing').classList.toggle('problem', problem !== undefined);
    const dice = scores?.meanDice ?? undefined;
    element('score').hidden = dice === undefined;
    element('no-score').textContent = !learner
      ? ''
      : dice === undefined
        ? 'Label some pixels of an image marked “held out” to see how good the model is.'
        : `Learned from ${count(labelledImages, 'image')} for ${duration(seconds)}.`;
    if (dice === undefined || !scores) return;
    element('dice').textContent = dice.toFixed(3);
    element('dice-note').textContent = `mean Dice, ${count(scores.samples, 'held-out image')}`;
    const last = this.course.at(-1);
    if (last?.seconds !== seconds) this.course.push({ seconds, dice });
    if (this.course.length > MOST_POINTS) this.course.shift();
    this.draw();
  }

  private draw(): void {
    const start = this.course[0]!.seconds;
    const span = Math.max(1, this.course.at(-1)!.seconds - start);
    const points = this.course.map(
      ({ seconds, dice }) => `${(120 * (seconds - start)) / span} ${34 - 32 * dice}`,
    );
    const path = element<SVGSVGElement>('curve').querySelector('path')!;
    path.setAttribute('d', points.length > 1 ? `M${points.join('L')}` : '');
  }
}

function count(n: number, what: string): string {
  return `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
