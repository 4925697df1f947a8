/** The score of outlines that a run monitors, as a metric of batches: at the model's size, the mean over images. */
import { backgroundClass } from '../images/palette.js';
import type { MaskClasses } from '../labels/label-set.js';
import type { OutlineMetric } from '../metrics/index.js';
import { OUTLINE_METRICS } from '../metrics/index.js';
import type { BatchMetric, MonitorMetric } from '../training/index.js';

/** What an image counts as in which neither truth nor prediction has an object. */
const PERFECT: Readonly<Record<OutlineMetric, number>> = {
  hausdorff95: 0,
  meanSurfaceDistance: 0,
  boundaryIoU: 1,
};

/** The metric to compute besides the scores that every epoch has; none if one of those is monitored. */
export function monitoredMetric(
  monitor: MonitorMetric,
  { classes: classNames, multiLabel }: MaskClasses,
): Readonly<Record<string, BatchMetric>> {
  if (!Object.hasOwn(OUTLINE_METRICS, monitor)) return {};
  const name = monitor as OutlineMetric;
  const background = multiLabel === true ? null : classNames.length === 2 ? 0 : backgroundClass(classNames);
  const classes = classNames.flatMap((_, k) => (k === background ? [] : [k]));
  return {
    [name]: (prediction, target, { size, height, width }) => {
      const pixels = height * width;
      let sum = 0;
      for (let i = 0; i < size; i++) {
        const image = (masks: Uint8Array) => masks.subarray(i * pixels, (i + 1) * pixels);
        const masks = {
          prediction: image(prediction),
          target: image(target),
          ...{ height, width, classes, multiLabel },
        };
        sum += OUTLINE_METRICS[name](masks) ?? PERFECT[name];
      }
      return sum / size;
    },
  };
}
