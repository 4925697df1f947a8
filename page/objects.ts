/** Objects of the current picture: their number, and the measurements of the one that is clicked. */
import type * as Browser from '../src/browser/index.js';
import { elements } from './elements.js';

type Objects = Browser.SegmentedObjects;

let current: Objects | undefined;
/** Measured when an object is first clicked. */
let measured: readonly Browser.ObjectMeasurements[] | undefined;

/** Shows how many objects there are; undefined for a model that does not tell them apart. */
export function showObjects(objects: Objects | undefined): void {
  current = objects;
  measured = undefined;
  elements.countRow.hidden = objects === undefined;
  elements.objectRow.hidden = true;
  if (objects) elements.count.textContent = objects.classes.length.toLocaleString('en');
}

/** Shows the measurements of the object at a pixel, if there is one. */
export function showObjectAt(
  x: number,
  y: number,
  names: readonly string[],
  measure: typeof Browser.measureObjects,
): void {
  if (!current) return;
  const { width, height, labels, classes, probabilities } = current;
  const label = labels[Math.floor(y) * width + Math.floor(x)] ?? 0;
  elements.objectRow.hidden = label === 0;
  if (label === 0) return;
  measured ??= measure({ width, height, data: labels });
  const { area, perimeter, axisMajorLength, axisMinorLength, eccentricity, solidity } = measured[label - 1]!;
  const parts = [
    `${label}, ${names[classes[label - 1]!]}`,
    `area ${area.toLocaleString('en')} px`,
    `perimeter ${perimeter.toFixed(1)}`,
    `axes ${axisMajorLength.toFixed(1)} × ${axisMinorLength.toFixed(1)}`,
    `eccentricity ${eccentricity.toFixed(2)}`,
    `solidity ${solidity.toFixed(2)}`,
    `probability ${probabilities[label - 1]!.toFixed(2)}`,
  ];
  elements.object.textContent = parts.join(', ');
}
