"""Small image files in their true formats with the values that they hold, and resizes by PIL.

Run with Debian's python3-pil and python3-numpy: python3 images.py > images.json
Each decode case: base64 bytes, width, height, channels, and the values PIL or this script put in.
Resizes are made in PIL's mode F, which does not round.
"""
import base64, io, json, struct
import numpy as np
from PIL import Image

rng = np.random.RandomState(7)
H, W = 5, 11
cases = []


def save(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def add(name, data, values, tolerance=0, **more):
    values = np.asarray(values)
    h, w = values.shape[:2]
    c = 1 if values.ndim == 2 else values.shape[2]
    cases.append(dict(name=name, bytes=base64.b64encode(data).decode(), width=w, height=h, channels=c,
                      values=[int(v) for v in values.reshape(-1)], tolerance=tolerance, **more))


def palette_image(indices, colours):
    image = Image.fromarray(indices.astype(np.uint8), "P")
    image.putpalette([c for colour in colours for c in colour])
    return image


colours = [tuple(int(v) for v in rng.randint(0, 256, 3)) for _ in range(256)]
for bits in (1, 2, 4, 8):
    n = 2 ** bits
    indices = rng.randint(0, n, (H, W))
    indices[0, 0] = n - 1
    add(f"palette-{bits}.png", save(palette_image(indices, colours[:n]), "PNG", bits=bits), indices, mask=True)
indices = rng.randint(0, 2, (H, W))
add("palette-white-first.png", save(palette_image(indices, [(255, 255, 255), (0, 0, 0)]), "PNG", bits=1), indices, mask=True)
grey = rng.randint(0, 256, (H, W)).astype(np.uint8)
grey16 = rng.randint(0, 65536, (H, W)).astype(np.uint16)
bit = rng.randint(0, 2, (H, W)).astype(np.uint8)
add("grey-1.png", save(Image.fromarray(bit * 255).convert("1"), "PNG"), bit, mask=True)
add("grey-8.png", save(Image.fromarray(grey), "PNG"), grey, mask=True, image=True)
add("grey-16.png", save(Image.fromarray(grey16), "PNG"), grey16, mask=True, image=True)
add("rgb-equal.png", save(Image.fromarray(np.stack([grey] * 3, 2)), "PNG"), grey, mask=True)
add("rgba-equal.png", save(Image.fromarray(np.stack([grey] * 3 + [255 - grey], 2)), "PNG"), grey, mask=True)
add("grey-alpha.png", save(Image.fromarray(np.stack([grey, 255 - grey], 2), "LA"), "PNG"), grey, mask=True, image=True)
rgb = rng.randint(0, 256, (H, W, 3)).astype(np.uint8)
rgba = np.dstack([rgb, rng.randint(0, 256, (H, W)).astype(np.uint8)])
add("rgb.png", save(Image.fromarray(rgb), "PNG"), rgb, image=True)
add("rgba.png", save(Image.fromarray(rgba), "PNG"), rgb, image=True)
add("rgb.tif", save(Image.fromarray(rgb), "TIFF"), rgb, image=True)
add("rgb-lzw.tif", save(Image.fromarray(rgb), "TIFF", compression="tiff_lzw"), rgb, image=True)
add("grey-16.tif", save(Image.fromarray(grey16), "TIFF"), grey16, image=True, mask=True)
add("grey-8.tif", save(Image.fromarray(grey), "TIFF"), grey, image=True, mask=True)
add("bit.tif", save(Image.fromarray(bit * 255).convert("1"), "TIFF"), bit * 255, mask=True)
add("rgb.bmp", save(Image.fromarray(rgb), "BMP"), rgb, image=True)
add("grey.bmp", save(Image.fromarray(grey), "BMP"), grey, image=True, mask=True)
bmp_indices = rng.randint(0, 5, (H, W))
add("palette.bmp", save(palette_image(bmp_indices, colours), "BMP"), bmp_indices, mask=True)
add("lossless.webp", save(Image.fromarray(rgb), "WEBP", lossless=True), rgb, image=True)
add("two-tone.gif", save(Image.fromarray(bit * 255), "GIF"), bit * 255, mask=True)
gif_indices = rng.randint(0, 16, (H, W))
gif_indices.flat[:16] = np.arange(16)
add("palette.gif", save(palette_image(gif_indices, colours[:16]), "GIF", interlace=1, optimize=False), gif_indices, mask=True)
# Long enough for the code width to grow to 12 bits and the table to be cleared.
noise = rng.randint(0, 256, (60, 90)).astype(np.uint8)
wide = io.BytesIO()
Image.fromarray(noise).save(wide, "GIF")
frames = [Image.fromarray(rng.randint(0, 256, (H, W)).astype(np.uint8)) for _ in range(3)]
first = np.array(frames[0])
add("animated.gif", save(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50), first, mask=True)
add("animated.gif", save(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50), np.stack([first] * 3, 2), image=True)

# Lossy files: smooth pictures, PIL's own decoding of them, and a tolerance for another decoder's rounding.
yy, xx = np.mgrid[0:16, 0:24]
smooth = np.stack([xx * 9, yy * 14, (xx + yy) * 6], 2).astype(np.uint8)
jpeg = save(Image.fromarray(smooth), "JPEG", quality=92, subsampling=0)
add("rgb.jpg", jpeg, np.array(Image.open(io.BytesIO(jpeg))), tolerance=2, image=True)
jpeg = save(Image.fromarray(smooth[:, :, 0]), "JPEG", quality=92)
add("grey.jpg", jpeg, np.array(Image.open(io.BytesIO(jpeg))), tolerance=2, image=True, mask=True)
exif = Image.Exif()
exif[274] = 6
jpeg = save(Image.fromarray(smooth), "JPEG", quality=92, subsampling=0, exif=exif)
add("turned.jpg", jpeg, np.rot90(np.array(Image.open(io.BytesIO(jpeg))), -1), tolerance=2, image=True)
jpeg = save(Image.fromarray(smooth).convert("CMYK"), "JPEG", quality=95)
# PIL turns CMYK to RGB by subtraction, others by a printing profile: the picture is the same, the shades are not.
add("cmyk.jpg", jpeg, smooth, tolerance=90, image=True)


def tiff(values, photometric=1, extra_samples=0):
    """A plain little-endian TIFF of any number of channels."""
    h, w, c = values.shape
    extras = c - (3 if photometric == 2 else 1)
    pixels = values.astype("<u2" if values.dtype == np.uint16 else np.uint8).tobytes()
    bits = 16 if values.dtype == np.uint16 else 8
    entries = [(256, 3, 1, w), (257, 3, 1, h), (258, 3, c, None), (259, 3, 1, 1), (262, 3, 1, photometric), (273, 4, 1, None),
               (277, 3, 1, c), (278, 3, 1, h), (279, 4, 1, len(pixels)), (284, 3, 1, 1), (338, 3, extras, None)]
    ifd = 8
    extra = ifd + 2 + 12 * len(entries) + 4
    tail = struct.pack(f"<{c}H", *([bits] * c)) + struct.pack(f"<{extras}H", *([extra_samples] * extras))
    strip = extra + len(tail)
    out = struct.pack("<2sHI", b"II", 42, ifd) + struct.pack("<H", len(entries))
    for tag, kind, count, value in entries:
        if tag == 258:
            value = extra
        elif tag == 273:
            value = strip
        elif tag == 338:
            value = extra + 2 * c if extras > 2 else extra_samples
        out += struct.pack("<HHI", tag, kind, count) + (struct.pack("<HH", value, 0) if kind == 3 and count == 1 else struct.pack("<I", value))
    return out + struct.pack("<I", 0) + tail + pixels


five = rng.randint(0, 256, (H, W, 5)).astype(np.uint8)
add("five-channels.tif", tiff(five), five, image=True)
four = rng.randint(0, 256, (H, W, 4)).astype(np.uint8)
add("rgb-infrared.tif", tiff(four, photometric=2), four, image=True)
add("rgb-alpha.tif", tiff(four, photometric=2, extra_samples=2), four[:, :, :3], image=True)
add("four-bands.tif", tiff(four), four, image=True)
seven = rng.randint(0, 65536, (H, W, 7)).astype(np.uint16)
add("seven-channels-16.tif", tiff(seven), seven, image=True)

resizes = []
for (h, w), (oh, ow) in [((9, 13), (4, 5)), ((4, 5), (9, 13)), ((7, 7), (7, 3)), ((1, 10), (3, 1)), ((12, 6), (5, 6)), ((20, 31), (3, 4)), ((3, 3), (8, 2))]:
    source = rng.randint(0, 256, (h, w)).astype(np.float32)
    resized = np.array(Image.fromarray(source, "F").resize((ow, oh), Image.BILINEAR))
    nearest = np.array(Image.fromarray(source.astype(np.uint8)).resize((ow, oh), Image.NEAREST))
    resizes.append(dict(height=h, width=w, toHeight=oh, toWidth=ow, source=[int(v) for v in source.reshape(-1)],
                        triangle=[round(float(v), 4) for v in resized.reshape(-1)], nearest=[int(v) for v in nearest.reshape(-1)]))

lzw = dict(bytes=base64.b64encode(wide.getvalue()).decode(), sum=int(noise.astype(np.int64).sum()),
           weighted=int((noise.reshape(-1).astype(np.int64) * (np.arange(noise.size) % 251)).sum()))
print(json.dumps(dict(cases=cases, resizes=resizes, lzw=lzw), separators=(",", ":")))
