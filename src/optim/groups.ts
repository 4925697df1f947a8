/** Parameter groups by name: other options, such as a learning rate, for a part of the model. */
import { UsageError } from '../errors/index.js';
import type { OptimizerOptions, ParameterGroupInit, TrainedWeight } from './optimizer.js';

/** Options for all weights whose names start with `match`. */
export type NamedGroup<Options extends OptimizerOptions = OptimizerOptions> = {
  readonly match: string;
} & Partial<Options>;

/**
 * Sorts weights into groups: `groupByName(parameters, [{ match: 'encoder.', lr: 1e-4 }])`. A weight belongs to the
 * first group that matches its name; those that none matches form a group without options of its own.
 *
 * @throws UsageError if no weight belongs to a group.
 */
export function groupByName<Options extends OptimizerOptions>(
  parameters: readonly TrainedWeight[],
  groups: readonly NamedGroup<Options>[],
): ParameterGroupInit<Options>[] {
  const ownerOf = ({ name }: TrainedWeight) => groups.findIndex(({ match }) => name.startsWith(match));
  const membersOf = (index: number) => parameters.filter((parameter) => ownerOf(parameter) === index);
  const matched = groups.map(({ match, ...options }, index) => {
    const members = membersOf(index);
    if (members.length === 0) {
      throw new UsageError(
        `no trained weight belongs to the parameter group "${match}"; names start with ${[...new Set(parameters.map(({ name }) => `${name.split('.')[0]}.`))].join(', ')}`,
      );
    }
    return { ...options, parameters: members } as unknown as ParameterGroupInit<Options>;
  });
  const rest = membersOf(-1);
  const others = rest.length > 0 ? [{ parameters: rest } as unknown as ParameterGroupInit<Options>] : [];
  return [...others, ...matched];
}
