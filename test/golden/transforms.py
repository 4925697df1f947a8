"""Affine maps, colour changes and JPEG by torchvision and PIL: python3 transforms.py > transforms.json"""
import io, json
import numpy as np
import torch
import torchvision.transforms.functional as F
from PIL import Image
from torchvision.transforms import InterpolationMode

rng = np.random.RandomState(3)


def listed(tensor, digits=5):
    return [round(float(v), digits) for v in np.asarray(tensor).reshape(-1)]


H, W = 14, 17
yy, xx = np.mgrid[0:H, 0:W]
smooth = np.stack([np.sin(xx / 3) / 2 + 0.5, np.cos(yy / 4) / 2 + 0.5, (xx + yy) / (H + W)]).astype(np.float32)
labels = ((xx // 4 + yy // 3) % 3).astype(np.uint8)
affines = []
for rotation, scale, translation, shear in [
    (30, 1, (0, 0), (0, 0)), (-15, 1.2, (2, -1), (0, 0)), (0, 0.8, (0, 0), (10, 0)), (90, 1, (0, 0), (0, 0)),
    (7, 1.05, (1, 3), (5, -8)), (0, 1, (-3, 2), (0, 0)), (180, 1, (0, 0), (0, 0)),
]:
    args = dict(angle=rotation, translate=list(translation), scale=scale, shear=list(shear))
    image = F.affine(torch.from_numpy(smooth), interpolation=InterpolationMode.BILINEAR, **args)
    mask = F.affine(torch.from_numpy(labels)[None].float() + 1, interpolation=InterpolationMode.NEAREST, **args) - 1
    affines.append(dict(rotation=rotation, scale=scale, translation=translation, shear=shear, image=listed(image, 4),
                        mask=[int(v) for v in mask.reshape(-1)]))

noisy = rng.rand(3, 5, 6).astype(np.float32)
noisy[:, 0, 0] = 0.3
grey = rng.rand(1, 5, 6).astype(np.float32)
tensor = torch.from_numpy(noisy)
colours = dict(
    brightness=[dict(factor=f, image=listed(F.adjust_brightness(tensor, f))) for f in (0.5, 1.7)],
    contrast=[dict(factor=f, image=listed(F.adjust_contrast(tensor, f))) for f in (0.5, 1.7)],
    saturation=[dict(factor=f, image=listed(F.adjust_saturation(tensor, f))) for f in (0, 0.5, 1.7)],
    hue=[dict(factor=f, image=listed(F.adjust_hue(tensor, f))) for f in (-0.5, -0.1, 0.07, 0.3, 0.5)],
    gamma=[dict(factor=f, image=listed(F.adjust_gamma(tensor, f))) for f in (0.5, 1.7)],
)
grey_contrast = listed(F.adjust_contrast(torch.from_numpy(grey), 0.4))

jpegs = []
photo = np.clip(np.stack([np.sin(xx / 2) * 90 + 120, np.cos(yy / 3) * 80 + 110, xx * 9 + yy * 4], 2) + rng.randn(H, W, 3) * 12, 0, 255).astype(np.uint8)
for quality in (5, 30, 60, 95):
    for image, channels in ((photo, 3), (photo[:, :, 0], 1)):
        out = io.BytesIO()
        Image.fromarray(image).save(out, "JPEG", quality=quality, subsampling=0)
        back = np.array(Image.open(io.BytesIO(out.getvalue())))
        back = back.transpose(2, 0, 1) if channels == 3 else back[None]
        jpegs.append(dict(quality=quality, channels=channels, values=[int(v) for v in back.reshape(-1)]))

print(json.dumps(dict(height=H, width=W, smooth=listed(smooth, 6), labels=[int(v) for v in labels.reshape(-1)], affines=affines,
                      colour=dict(height=5, width=6, image=listed(noisy, 7), grey=listed(grey, 7), greyContrast=grey_contrast, **colours),
                      photo=[int(v) for v in photo.transpose(2, 0, 1).reshape(-1)], jpegs=jpegs), separators=(",", ":")))
