/** The colours of the fates of objects: found, missed, invented, split or merged. */
import { hexColour } from '../../images/palette.js';
import { FATE_COLOURS } from '../object-fates.js';
import type { Html } from '../page/html.js';
import { legend } from './class-colours.js';

export const fateLegend = (): Html =>
  legend(Object.entries(FATE_COLOURS).map(([name, colour]) => ({ colour: hexColour(colour), name })));
