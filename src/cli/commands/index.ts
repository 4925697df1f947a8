/** The commands there are, in the order of the help. Their modules load when they are called. */
import { command, type Command } from '../command.js';

export const COMMANDS: readonly Command[] = [
  command({
    name: 'summary',
    summary: "a model's layers, shapes and parameters",
    positionals: [{ name: 'MODEL', help: 'the name of a model, such as unet' }],
    load: () => import('./summary.js'),
  }),
];
