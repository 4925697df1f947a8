"""Image files to batches by torchvision: the peer of `bench --mode data` in against-torch.mjs.

    python3 torchvision_data.py MODEL data --data DIR --batch N --size N --threads N --repeat N

DIR holds images/*.jpg and masks/*.png of equal stems. As Pixelwise does it: decoding, resizing to a square, the
augmentation `light` (flip, affine, brightness, contrast and saturation, each of one sample in two), ImageNet's
normalisation, batches; as many worker processes as threads. Prints one line of JSON: the median seconds of a
batch, the largest resident set of the process and its workers, and the processor seconds of a batch.
"""

import argparse
import json
import random
import resource
import statistics
import time
from pathlib import Path

import torch
import torchvision.transforms.functional as F
from PIL import Image
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torchvision.transforms import InterpolationMode

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Pairs(Dataset):
    def __init__(self, root, size):
        self.size = size
        self.images = sorted((root / "images").glob("*.jpg"))
        self.masks = [root / "masks" / f"{image.stem}.png" for image in self.images]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        shape = (self.size, self.size)
        image = Image.open(self.images[i]).convert("RGB").resize(shape, Image.BILINEAR)
        mask = Image.open(self.masks[i]).resize(shape, Image.NEAREST)
        x, y = F.to_tensor(image), F.pil_to_tensor(mask)
        if random.random() < 0.5:
            x, y = F.hflip(x), F.hflip(y)
        if random.random() < 0.5:
            reach = 0.05 * self.size
            move = [random.uniform(-reach, reach), random.uniform(-reach, reach)]
            angle, scale = random.uniform(-10, 10), random.uniform(0.9, 1.1)
            x = F.affine(x, angle, move, scale, [0.0], interpolation=InterpolationMode.BILINEAR)
            y = F.affine(y, angle, move, scale, [0.0], interpolation=InterpolationMode.NEAREST, fill=255)
        if random.random() < 0.5:
            steps = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation]
            random.shuffle(steps)
            for adjust in steps:
                x = adjust(x, random.uniform(0.8, 1.2))
        return F.normalize(x, MEAN, STD), y


def processor_seconds():
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("mode", choices=["data"])
parser.add_argument("--data", type=Path, required=True)
for name in ("batch", "size", "threads", "repeat"):
    parser.add_argument(f"--{name}", type=int, required=True)
options = parser.parse_args()

torch.set_num_threads(1)
# As in Pixelwise's case: groups of three batches, one group that is not timed, and the batches ahead.
GROUP, AHEAD = 3, 2
batches = (options.repeat + 1) * GROUP + AHEAD
pairs = Pairs(options.data, options.size)
sampler = RandomSampler(pairs, replacement=True, num_samples=batches * options.batch)
used = processor_seconds()
loader = DataLoader(pairs, options.batch, sampler=sampler, num_workers=options.threads)
times = []
start = None
for i, _ in enumerate(loader, 1):
    if i % GROUP == 0:
        now = time.perf_counter()
        if start is not None:
            times.append((now - start) / GROUP)
        start = now
peak = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
used = processor_seconds() - used
print(
    json.dumps(
        {
            "seconds": statistics.median(times[: options.repeat]),
            "peakMiB": peak / 1024,
            "processorSeconds": used / batches,
        }
    )
)
