/** The published data sets that `fetch` can download: addresses, sizes, and the folders they unpack to. */

export interface ArchiveSource {
  /** File name of the archive in the target folder; deleted after unpacking. */
  readonly file: string;
  /** Tried in order. */
  readonly urls: readonly string[];
  /** Published MD5 digest. */
  readonly md5?: string;
  /** Limit on the unpacked size: several times the real one, as a guard against zip bombs. */
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Which entries to unpack; default all. */
  readonly wanted?: (path: string) => boolean;
}

export interface DatasetSource {
  /** Format name for `openDataset`. */
  readonly format: string;
  readonly archives: readonly ArchiveSource[];
  /** Paths in the target folder that exist when the data set is complete. */
  readonly unpacked: readonly string[];
  /** `kaggle`: downloads need the user's API token, and the rules must be accepted on Kaggle. */
  readonly access: 'open' | 'kaggle';
  /** Web page that describes the data set, where a user can accept the rules and download by hand. */
  readonly page: string;
  readonly licence: string;
}

const GIB = 2 ** 30;

export const DATASETS: Readonly<Record<string, DatasetSource>> = {
  'oxford-pets': {
    format: 'oxford-pets',
    archives: [
      {
        file: 'images.tar.gz',
        urls: [
          'https://thor.robots.ox.ac.uk/~vgg/data/pets/images.tar.gz',
          'https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz',
        ],
        md5: '5c4f3ee8e5d25df40f4fd59a7f44e54c',
        maxBytes: 4 * GIB,
        maxEntries: 50_000,
      },
      {
        file: 'annotations.tar.gz',
        urls: [
          'https://thor.robots.ox.ac.uk/~vgg/data/pets/annotations.tar.gz',
          'https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz',
        ],
        md5: '95a8c909bbe2e81eed6a22bccdf3f68f',
        maxBytes: GIB,
        maxEntries: 100_000,
      },
    ],
    unpacked: ['images', 'annotations/trimaps', 'annotations/trainval.txt'],
    access: 'open',
    page: 'https://www.robots.ox.ac.uk/~vgg/data/pets/',
    licence: 'CC BY-SA 4.0',
  },
  carvana: {
    format: 'carvana',
    archives: ['train.zip', 'train_masks.zip'].map((file) => ({
      file,
      urls: [
        `https://www.kaggle.com/api/v1/competitions/data/download/carvana-image-masking-challenge/${file}`,
      ],
      maxBytes: 8 * GIB,
      maxEntries: 50_000,
      wanted: (path: string): boolean => !path.startsWith('__MACOSX/'),
    })),
    unpacked: ['train', 'train_masks'],
    access: 'kaggle',
    page: 'https://www.kaggle.com/c/carvana-image-masking-challenge',
    licence: 'Kaggle competition rules',
  },
  'lgg-mri': {
    format: 'lgg-mri',
    archives: [
      {
        file: 'lgg-mri-segmentation.zip',
        urls: ['https://www.kaggle.com/api/v1/datasets/download/mateuszbuda/lgg-mri-segmentation'],
        maxBytes: 8 * GIB,
        maxEntries: 100_000,
        // The archive contains every file twice.
        wanted: (path: string): boolean => !path.startsWith('lgg-mri-segmentation/'),
      },
    ],
    unpacked: ['kaggle_3m'],
    access: 'kaggle',
    page: 'https://www.kaggle.com/datasets/mateuszbuda/lgg-mri-segmentation',
    licence: 'CC BY-NC-SA 4.0',
  },
};
