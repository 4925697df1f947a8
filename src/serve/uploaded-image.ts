/** The image in a request: its body, or a file in a form. */
import type { BodyLimits } from './body.js';
import { readBody } from './body.js';
import { HttpError } from './http-error.js';

/** The form field with the image. Without it, the first file of the form is used. */
const FIELD = 'image';

const kindOf = (contentType: string) => contentType.split(';')[0]!.trim().toLowerCase();
const FORM = 'multipart/form-data';

/**
 * Receives the body of a request, which is an image (`image/…`, `application/octet-stream`, or no type), or a form
 * with one.
 */
export async function uploadedBody(request: Request, limits: BodyLimits): Promise<Uint8Array<ArrayBuffer>> {
  const kind = kindOf(request.headers.get('content-type') ?? '');
  if (kind !== FORM && kind !== '' && kind !== 'application/octet-stream' && !kind.startsWith('image/')) {
    throw new HttpError(
      415,
      'content-type',
      `The body is of type ${kind}. Send an image (image/png, image/jpeg, …) or a file in multipart/form-data.`,
    );
  }
  return readBody(request.body, request.headers.get('content-length') ?? undefined, limits);
}

/** The bytes of the image in a body: the body itself, or a file of a form. Decoding detects the image format later. */
export async function imageInBody(bytes: Uint8Array, contentType: string): Promise<Uint8Array> {
  return kindOf(contentType) === FORM ? fileInForm(bytes, contentType) : bytes;
}

/** The most parts of a form. */
const MOST_PARTS = 64;

/** Throws HttpError 400 for a form with more parts than {@link MOST_PARTS}, without parsing it. */
function checkParts(bytes: Uint8Array, type: string): void {
  const boundary = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
  const delimiter = `--${boundary?.[1] ?? boundary?.[2] ?? ''}`;
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let parts = 0;
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + delimiter.length)) {
    // The last delimiter ends the form.
    if (++parts > MOST_PARTS + 1) {
      throw new HttpError(400, 'form', `The form has more than ${MOST_PARTS} parts. Send the image alone.`);
    }
  }
}

async function fileInForm(bytes: Uint8Array, type: string): Promise<Uint8Array> {
  checkParts(bytes, type);
  let form: FormData;
  try {
    form = await new Response(bytes as Uint8Array<ArrayBuffer>, {
      headers: { 'content-type': type },
    }).formData();
  } catch (cause) {
    throw new HttpError(400, 'form', 'The form cannot be read: it is damaged or truncated.', undefined, {
      cause,
    });
  }
  const named = form.get(FIELD);
  const file = named instanceof File ? named : [...form.values()].find((value) => value instanceof File);
  if (file === undefined) {
    throw new HttpError(400, 'form', `The form contains no file. Put the image in the field "${FIELD}".`);
  }
  return new Uint8Array(await file.arrayBuffer());
}
