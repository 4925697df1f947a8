/** The rules of a project, the same with and without a server: held-out images, classes, states. */
import { backgroundClass, classColour, hexColour } from '../images/palette.js';
import { HttpError } from '../serve/http-error.js';

export interface ProjectClass {
  readonly name: string;
  /** `#rrggbb`. */
  readonly colour: string;
}

/** `unlabelled`, `labelled` in part, `done`: accepted by the user; `unusable`: see its problem. */
export type ImageState = 'unlabelled' | 'labelled' | 'done' | 'unusable';

/** The properties of an image that are sent to clients. */
export interface ImageFacts {
  readonly id: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly state: ImageState;
  readonly labelledPixels: number;
  readonly heldOut: boolean;
  readonly problem?: string;
}

/** One in this many images is held out. */
const HELD_OUT_EVERY = 6;
/** Index of the first image that may be held out: the first few are always used for training. */
const FIRST_HELD_OUT = 3;

/** Colours of backgrounds: black would not show on dark images. */
const BACKGROUND_COLOUR = '#8fa3bf';

/** The most pixels of an image; larger ones are listed and refused. */
export const MOST_PIXELS = 100e6;

/**
 * Known images keep their side; of new ones, each sixth in order is held out.
 *
 * @param before ids that were held out. @param known whether an image has a side already.
 */
export function heldOutOf(
  ids: readonly string[],
  before: readonly string[] = [],
  known: (id: string) => boolean = () => false,
): ReadonlySet<string> {
  const held = new Set(before);
  const fresh = ids.filter((id) => !known(id));
  return new Set([
    ...ids.filter((id) => held.has(id)),
    ...fresh.filter((_, i) => i % HELD_OUT_EVERY === FIRST_HELD_OUT),
  ]);
}

export function defaultColour(names: readonly string[], index: number): string {
  if (backgroundClass(names) === index) return BACKGROUND_COLOUR;
  return hexColour(classColour(index === 0 ? names.length : index));
}

/**
 * The classes after the user edited them. A class keeps its index, so labels stay what they are: classes may be renamed,
 * coloured and added, and the last ones removed if nothing is labelled with them.
 *
 * @param labelled ids of the images with labels of a class, by its index.
 * @throws HttpError 422 for fewer than two names or equal ones; 409 if a class with labels would be removed.
 */
export function namedClasses(
  given: readonly { readonly name: string; readonly colour?: string | undefined }[],
  before: readonly ProjectClass[],
  labelled: (index: number) => readonly string[],
): ProjectClass[] {
  const names = given.map(({ name }) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (names.length < 2 || names.length > 254 || names.includes('') || twice !== undefined) {
    throw new HttpError(
      422,
      'classes',
      twice === undefined
        ? `A project has 2 to 254 classes with names; ${names.length} were given.`
        : `The class name "${twice}" is given twice.`,
    );
  }
  for (let index = names.length; index < before.length; index++) {
    const images = labelled(index);
    if (images.length === 0) continue;
    throw new HttpError(
      409,
      'class-has-labels',
      `The class "${before[index]!.name}" has labels in ${images.length} images (${images[0]!}). Erase them first, or keep the class.`,
    );
  }
  return given.map(({ colour }, index) => {
    const name = names[index]!;
    const kept = before[index]?.name === name ? before[index].colour : undefined;
    return { name, colour: colour?.toLowerCase() ?? kept ?? defaultColour(names, index) };
  });
}

export function stateOf(problem: string | undefined, done: boolean, labelledPixels: number): ImageState {
  if (problem !== undefined) return 'unusable';
  return done ? 'done' : labelledPixels > 0 ? 'labelled' : 'unlabelled';
}
