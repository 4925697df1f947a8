/** The names of the data set formats, as `--format` takes them, in the order in which they are recognised. */
export const FORMAT_NAMES = ['oxford-pets', 'voc', 'coco', 'carvana', 'camvid', 'lgg-mri', 'folder'] as const;

export type FormatName = (typeof FORMAT_NAMES)[number];
