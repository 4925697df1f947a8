/** The names of the data set formats, as `--format` takes them. */
export const FORMAT_NAMES = [
  // Formats are recognised in this order, so the more specific ones come first.
  'studio',
  'oxford-pets',
  'voc',
  'coco',
  'carvana',
  'camvid',
  'lgg-mri',
  'nnunet',
  'labelme',
  'label-studio',
  'supervisely',
  'via',
  'geojson',
  'cvat',
  'yolo',
  'label-studio-png',
  'folder',
] as const;

export type FormatName = (typeof FORMAT_NAMES)[number];
