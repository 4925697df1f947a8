/** All commands, in the order of the help. The module of a command is loaded when the command is called. */
import { command, type Command } from '../command.js';

const MODEL = { name: 'RUN|MODEL.onnx', help: 'a run folder, or an exported file' } as const;

export const COMMANDS: readonly Command[] = [
  command({
    name: 'demo',
    summary: 'draw images, train on them, evaluate and predict; no download, under 3 minutes',
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
    summary: 'run a learning-rate range test: draws the curve and suggests a rate',
    positionals: [],
    load: () => import('./lr-find.js'),
  }),
  command({
    name: 'evaluate',
    summary: 'score a model on labelled images',
    positionals: [{ ...MODEL, help: `${MODEL.help}; several are averaged`, many: true }],
    shared: true,
    runsGraphs: true,
    load: () => import('./evaluate.js'),
  }),
  command({
    name: 'predict',
    summary: 'predict masks for images',
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
    summary: 'count and measure objects; writes tables',
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
    summary: 'write a model as one file for ONNX Runtime',
    positionals: [
      { name: 'RUN', help: 'a run folder; several become one file that averages them', many: true },
    ],
    load: () => import('./export.js'),
  }),
  command({
    name: 'serve',
    summary: 'serve a local page and an HTTP endpoint that segment images',
    positionals: [MODEL],
    whenInterrupted: 'Stopping after the requests in progress. Press Ctrl-C again to stop now.',
    load: () => import('./serve.js'),
  }),
  command({
    name: 'studio',
    summary: 'serve a local page to label images while a model learns from the labels',
    positionals: [{ name: 'DIR', help: 'a folder of images; masks are optional', optional: true }],
    whenInterrupted: 'Stopping: labels are saved. Press Ctrl-C again to stop now.',
    load: () => import('./studio.js'),
  }),
  command({
    name: 'report',
    summary: "write a run's report again, or compare several runs",
    positionals: [{ name: 'RUN', help: 'a run folder, or 2 to 8 of them', many: true }],
    whenInterrupted: 'Stopping: nothing is written. Press Ctrl-C again to stop now.',
    load: () => import('./report.js'),
  }),
  command({
    name: 'summary',
    summary: "print a model's layers, shapes and parameters",
    positionals: [{ name: 'MODEL', help: 'the name of a model, such as unet' }],
    load: () => import('./summary.js'),
  }),
  command({
    name: 'doctor',
    summary: 'find the errors in a data set before training',
    positionals: [],
    load: () => import('./doctor.js'),
  }),
  command({
    name: 'fetch',
    summary: 'download a known data set or weights, with checksums; continues interrupted downloads',
    positionals: [{ name: 'NAME', help: 'a data set (oxford-pets …) or an encoder (mobilenet_v2 …)' }],
    load: () => import('./fetch.js'),
  }),
  command({
    name: 'bench',
    summary: 'measure the speed of this machine',
    positionals: [],
    load: () => import('./bench.js'),
  }),
];
