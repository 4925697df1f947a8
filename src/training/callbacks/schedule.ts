/** Sets the optimizer's learning rate, and its momentum if the schedule has one. */
import type { Schedule, ReduceOnPlateauState } from '../../optim/index.js';
import { applySchedule, ReduceOnPlateau } from '../../optim/index.js';
import type { Callback } from '../callback.js';
import type { Monitor } from './monitor.js';
import { monitored } from './monitor.js';

/** @param monitor the score for plateau schedules. */
export function scheduleCallback(schedule: Schedule, monitor: Monitor): Callback {
  const plateau = schedule instanceof ReduceOnPlateau ? schedule : undefined;
  return {
    name: 'schedule',
    batchStart(context) {
      applySchedule(
        schedule,
        schedule.interval === 'batch' ? Math.round(context.scheduleStep) : context.epoch,
        context.learner.optimizer,
      );
    },
    ...(plateau && {
      epochEnd: (_context, record) => void plateau.observe(monitored(record, monitor) ?? NaN),
      state: () => plateau.state(),
      loadState: (state: unknown) => plateau.loadState(state as ReduceOnPlateauState),
    }),
  };
}
