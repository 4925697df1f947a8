/** The image in a request: the body itself, or a file in a form. */
import type { BodyLimits } from './body.js';
import { readBody } from './body.js';
import { Refusal } from './refusal.js';

/** The field of a form that is looked at first; else its first file is taken. */
const FIELD = 'image';

/**
 * The bytes of the image that a request carries: as the body (`image/…`, `application/octet-stream`, or no type),
 * or as the first file of a `multipart/form-data`. What they hold is told by themselves, later.
 */
export async function uploadedImage(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const type = request.headers.get('content-type') ?? '';
  const kind = type.split(';')[0]!.trim().toLowerCase();
  const form = kind === 'multipart/form-data';
  if (!form && kind !== '' && kind !== 'application/octet-stream' && !kind.startsWith('image/')) {
    throw new Refusal(
      415,
      'content-type',
      `The body is of type ${kind}; an image is wanted: image/png, image/jpeg …, or a file in multipart/form-data.`,
    );
  }
  const bytes = await readBody(request.body, request.headers.get('content-length') ?? undefined, limits);
  return form ? fileInForm(bytes, type) : bytes;
}

async function fileInForm(bytes: Uint8Array, type: string): Promise<Uint8Array> {
  let form: FormData;
  try {
    form = await new Response(bytes as Uint8Array<ArrayBuffer>, {
      headers: { 'content-type': type },
    }).formData();
  } catch (cause) {
    throw new Refusal(400, 'form', 'The form cannot be read: it is damaged or cut short.', undefined, {
      cause,
    });
  }
  const named = form.get(FIELD);
  const file = named instanceof File ? named : [...form.values()].find((value) => value instanceof File);
  if (file === undefined) {
    throw new Refusal(400, 'form', `The form holds no file. Put the image in a field "${FIELD}".`);
  }
  return new Uint8Array(await file.arrayBuffer());
}
