/** The score by which a gallery ranks a sample. */
import { figure } from '../numbers.js';
import type { GalleryItem } from '../pictures.js';

/** The score with its name. A sample without foreground has no Dice, and is ranked by the mean Dice. */
export function rankingFigure({ score, dice, meanDice }: GalleryItem): string {
  const name = typeof dice === 'number' ? 'Dice' : 'mean Dice';
  return `${name} ${figure(score ?? dice ?? meanDice)}`;
}
