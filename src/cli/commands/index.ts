/** The commands there are, in the order of the help. Their modules load when they are called. */
import { command, type Command } from '../command.js';

const MODEL = { name: 'RUN|MODEL.onnx', help: 'a run folder, or an exported file' } as const;

export const COMMANDS: readonly Command[] = [
  command({
    name: 'demo',
    summary: 'draw images, train on them, judge and predict; no download, under 3 minutes',
    positionals: [],
    load: () => import('./demo.js'),
  }),
  command({
    name: 'train',
    summary: 'train on labelled images; writes a run folder',
    positionals: [],
    shared: true,
    load: () => import('./train.js'),
  }),
  command({
    name: 'lr-find',
    summary: 'learning-rate range test: a curve and a suggestion',
    positionals: [],
    load: () => import('./lr-find.js'),
  }),
  command({
    name: 'evaluate',
    summary: 'scores on labelled images',
    positionals: [{ ...MODEL, help: `${MODEL.help}; several are averaged`, many: true }],
    shared: true,
    runsGraphs: true,
    load: () => import('./evaluate.js'),
  }),
  command({
    name: 'predict',
    summary: 'masks for files, folders and patterns',
    positionals: [
      { ...MODEL, help: `${MODEL.help}; several are averaged` },
      { name: 'INPUT', help: "image files, folders, patterns such as 'photos/*.jpg'", many: true },
    ],
    shared: true,
    runsGraphs: true,
    load: () => import('./predict.js'),
  }),
  command({
    name: 'measure',
    summary: 'objects counted and measured, as tables',
    positionals: [
      { name: 'RUN|MODEL.onnx|MASKS', help: 'a model, or masks: a file, a folder, a pattern' },
      {
        name: 'INPUT',
        help: 'images: files, folders, patterns; with masks only for intensities',
        many: true,
        optional: true,
      },
    ],
    load: () => import('./measure.js'),
  }),
  command({
    name: 'export',
    summary: 'one file that runs anywhere ONNX Runtime runs',
    positionals: [
      { name: 'RUN', help: 'a run folder; several become one file that averages them', many: true },
    ],
    load: () => import('./export.js'),
  }),
  command({
    name: 'serve',
    summary: 'a local page and an endpoint that segment images',
    positionals: [MODEL],
    whenInterrupted: 'Ending: what is at work is finished. Once more ends at once.',
    load: () => import('./serve.js'),
  }),
  command({
    name: 'studio',
    summary: 'a local page to label images while a model learns from the labels',
    positionals: [{ name: 'DIR', help: 'a folder of images; masks are optional', optional: true }],
    whenInterrupted: 'Ending: labels are saved. Once more ends at once.',
    load: () => import('./studio.js'),
  }),
  command({
    name: 'report',
    summary: "a run's report, again; several runs side by side",
    positionals: [{ name: 'RUN', help: 'a run folder, or 2 to 8 of them', many: true }],
    whenInterrupted: 'Ending: nothing is written. Once more ends at once.',
    load: () => import('./report.js'),
  }),
  command({
    name: 'summary',
    summary: "a model's layers, shapes and parameters",
    positionals: [{ name: 'MODEL', help: 'the name of a model, such as unet' }],
    load: () => import('./summary.js'),
  }),
  command({
    name: 'doctor',
    summary: 'what is wrong with a data set, before an epoch is spent on it',
    positionals: [],
    load: () => import('./doctor.js'),
  }),
  command({
    name: 'fetch',
    summary: 'download a known data set or weights, checked and resumable',
    positionals: [{ name: 'NAME', help: 'a data set (oxford-pets …) or an encoder (mobilenet_v2 …)' }],
    load: () => import('./fetch.js'),
  }),
  command({
    name: 'bench',
    summary: 'speed of this machine',
    positionals: [],
    load: () => import('./bench.js'),
  }),
];
