"""Results, losses, gradients and running statistics of models and losses, by PyTorch.

Run: python3 models.py (needs torch, torchvision and numpy). Writes models.json, which names the cases and
their tensors, and models.bin, which holds their values as float32 one after another in that order.
References are computed in float64; beside each stands the relative error of PyTorch's own float32.

Weights, images and masks are not stored: both sides make them by the same formula (`uniform`, `fill`; in
our own terms in ../models/golden.ts). Of a large tensor only its norm and its products with a few vectors
of random signs are stored (`sketch`): the mean square of what two tensors' products differ by is, on
average, the square of their distance, so ‖a − b‖ can be told without b.
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = pathlib.Path(__file__).parent
SIGNS = 16
CASES = []


# ---- values by formula --------------------------------------------------------------------------------

def uniform(name, size):
    """`size` numbers in 0…1 that depend on the name alone: FNV-1a of the name, then MurmurHash3's mixer."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    h = np.uint32(seed) + np.arange(size, dtype=np.uint32) * np.uint32(0x9E3779B9)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return h


def numbers(name, shape):
    return (uniform(name, int(np.prod(shape))) / 2**32).reshape(shape)


def fill(name, shape):
    """A weight's or buffer's values."""
    u = numbers(name, shape)
    if name.endswith("running_var"):
        values = 0.5 + u
    elif name.endswith("running_mean"):
        values = 0.4 * (u - 0.5)
    elif len(shape) > 1:
        values = np.sqrt(6 / np.prod(shape[1:])) * (2 * u - 1)
    elif name.endswith("weight"):
        values = 0.75 + 0.5 * u
    else:
        values = 0.4 * (u - 0.5)
    return values.astype(np.float32)


def image(shape):
    return (4 * numbers("image", shape) - 2).astype(np.float32)


def mask(shape, classes, kind):
    u = numbers("mask", shape)
    values = np.floor(u * classes).astype(np.int64)
    if kind == "ignore":
        values[numbers("ignore", shape) < 0.2] = 255
    elif kind == "absent":
        values[values == classes - 1] = 0
    elif kind == "empty":
        values[:] = 0
    elif kind == "half-empty":
        values[0] = 0
    return values


def sketch(values):
    """Products with SIGNS vectors of ±1: bit j of a hash of the place is the sign in vector j."""
    h = uniform("signs", values.size)
    return [float(np.sum(np.where((h >> np.uint32(j)) & np.uint32(1), values, -values))) for j in range(SIGNS)]


# ---- models in our names ------------------------------------------------------------------------------

def padded(x, divisor, body):
    h, w = x.shape[2:]
    return body(F.pad(x, (0, -w % divisor, 0, -h % divisor)))[:, :, :h, :w]


class DoubleConv(nn.Module):
    def __init__(self, i, o, batch_norm):
        super().__init__()
        self.conv1 = nn.Conv2d(i, o, 3, padding=1, bias=not batch_norm)
        self.norm1 = nn.BatchNorm2d(o) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(o, o, 3, padding=1, bias=not batch_norm)
        self.norm2 = nn.BatchNorm2d(o) if batch_norm else nn.Identity()

    def forward(self, x):
        return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


class UNet(nn.Module):
    def __init__(self, channels, classes, depth, width, batchNorm=False, upsampling="transposed"):
        super().__init__()
        w = [width << k for k in range(depth)]
        back = list(reversed(range(depth - 1)))
        self.divisor = 2 ** (depth - 1)
        self.down = nn.ModuleList([DoubleConv(channels if k == 0 else w[k - 1], w[k], batchNorm) for k in range(depth)])
        if upsampling == "transposed":
            self.up = nn.ModuleList([nn.ConvTranspose2d(w[k + 1], w[k], 2, 2) for k in back])
        else:
            up = lambda k: nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(w[k + 1], w[k], 1))
            self.up = nn.ModuleList([up(k) for k in back])
        self.fuse = nn.ModuleList([DoubleConv(w[k + 1], w[k], batchNorm) for k in back])
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        return padded(x, self.divisor, self.body)

    def body(self, x):
        skips = []
        for k, block in enumerate(self.down):
            x = block(x)
            if k < len(self.down) - 1:
                skips.append(x)
                x = F.max_pool2d(x, 2)
        for up, fuse in zip(self.up, self.fuse):
            x = fuse(torch.cat([up(x), skips.pop()], 1))
        return self.head(x)


# ---- losses ---------------------------------------------------------------------------------------------

def bce(positiveWeight=1):
    def loss(logits, target):
        planes, valid = (target == 1).to(logits.dtype)[:, None], (target != 255)[:, None]
        weight = torch.tensor(positiveWeight, dtype=logits.dtype)
        each = F.binary_cross_entropy_with_logits(logits, planes, pos_weight=weight, reduction="none")
        return each[valid].mean()
    return loss


def cross_entropy(classWeights=None, labelSmoothing=0):
    def loss(logits, target):
        weight = None if classWeights is None else torch.tensor(classWeights, dtype=logits.dtype)
        return F.cross_entropy(logits, target, weight, ignore_index=255, label_smoothing=labelSmoothing)
    return loss


def dice(smooth=1, perImage=False, presentOnly=False):
    """Written anew from the formula, a class and an image at a time; pixels to ignore are cut out."""
    def score(p, t):
        return 1 - (2 * (p * t).sum() + smooth) / torch.clamp(p.sum() + t.sum() + smooth, min=1e-12)

    def loss(logits, target):
        k = logits.shape[1]
        p = torch.sigmoid(logits) if k == 1 else torch.softmax(logits, 1)
        batches = [[i] for i in range(len(logits))] if perImage else [list(range(len(logits)))]
        losses = []
        for batch in batches:
            valid = target[batch] != 255
            for c in range(k):
                truth = (target[batch] == (1 if k == 1 else c))[valid].to(logits.dtype)
                if not presentOnly or truth.sum() > 0:
                    losses.append(score(p[batch, c][valid], truth))
        return sum(losses) / max(len(losses), 1)
    return loss


MODELS = {"unet": UNet}
LOSSES = {"bce": bce, "cross-entropy": cross_entropy, "dice": dice}


# ---- running --------------------------------------------------------------------------------------------

def case(name, input, loss, lossOptions={}, mask="plain", model=None, options={}, mode="train", sketched=False):
    CASES.append(dict(name=name, input=input, loss=loss, lossOptions=lossOptions, mask=mask, model=model,
                      options=options, mode=mode, sketched=sketched))


def run(c, dtype):
    x = torch.tensor(image(c["input"])).to(dtype)
    model = None
    if c["model"]:
        torch.manual_seed(0)
        model = MODELS[c["model"]](**c["options"])
        with torch.no_grad():
            for name, leaf in list(model.named_parameters()) + list(model.named_buffers()):
                if leaf.is_floating_point():
                    leaf.copy_(torch.tensor(fill(name, tuple(leaf.shape))))
        model.to(dtype).train(c["mode"] == "train")
    else:
        x.requires_grad_()
    logits = model(x) if model else x
    classes = max(logits.shape[1], 2)
    target = torch.tensor(mask((logits.shape[0],) + tuple(logits.shape[2:]), classes, c["mask"]))
    loss = LOSSES[c["loss"]](**c["lossOptions"])(logits, target)
    loss.backward()
    result = {"loss": loss}
    if model:
        result["output"] = logits
        for name, weight in model.named_parameters():
            result["gradient:" + name] = weight.grad
        if c["mode"] == "train":
            for name, buffer in model.named_buffers():
                if buffer.is_floating_point():
                    result["buffer:" + name] = buffer
    else:
        result["gradient:image"] = x.grad
    return {name: value.detach().double().numpy() for name, value in result.items()}


def main():
    torch.set_num_threads(1)
    index, values = [], []
    for c in CASES:
        exact, rough = run(c, torch.float64), run(c, torch.float32)
        tensors = []
        for name, b in exact.items():
            norm = float(np.linalg.norm(b))
            error = float(np.linalg.norm(rough[name] - b)) / (norm or 1)
            kept = sketch(b.ravel()) if c["sketched"] and b.size > SIGNS else b.ravel()
            values.append(np.asarray(kept, np.float32))
            entry = {"name": name, "size": b.size, "error": float("%.1e" % error)}
            if c["sketched"] and b.size > SIGNS:
                entry["norm"] = float("%.6e" % norm)
            tensors.append(entry)
        worst = max(tensors, key=lambda t: t["error"])
        print(f"{c['name']}: {len(tensors)} tensors, float32 off by at most {worst['error']:.1e} ({worst['name']})")
        settings = {k: v for k, v in c.items() if v not in ({}, None, False)}
        index.append({**settings, "tensors": tensors})
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in index)
    (HERE / "models.json").write_text("[\n" + lines + "\n]\n", encoding="utf8")
    np.concatenate(values).astype("<f4").tofile(HERE / "models.bin")


# ---- losses on given logits -----------------------------------------------------------------------------

binary, several = [3, 1, 5, 7], [2, 4, 5, 6]
case("bce", binary, "bce")
case("bce, positive weight 3, pixels to ignore", binary, "bce", {"positiveWeight": 3}, "ignore")
case("bce, no foreground", binary, "bce", mask="empty")
case("cross-entropy", several, "cross-entropy")
case("cross-entropy, pixels to ignore", several, "cross-entropy", mask="ignore")
case("cross-entropy, class weights, an absent class", several, "cross-entropy", {"classWeights": [1, 0.5, 3, 2]}, "absent")
case("cross-entropy, label smoothing, pixels to ignore", several, "cross-entropy", {"labelSmoothing": 0.1}, "ignore")
case("cross-entropy, all of it", several, "cross-entropy", {"classWeights": [1, 0.5, 3, 0], "labelSmoothing": 0.2}, "ignore")
case("dice of one logit", binary, "dice")
case("dice of one logit, pixels to ignore", binary, "dice", mask="ignore")
case("dice of one logit, empty masks", binary, "dice", mask="empty")
case("dice of one logit, an empty mask, image by image", binary, "dice", {"perImage": True, "smooth": 0.5}, "half-empty")
case("dice", several, "dice")
case("dice, pixels to ignore, image by image", several, "dice", {"perImage": True}, "ignore")
case("dice, an absent class", several, "dice", mask="absent")
case("dice, an absent class left out", several, "dice", {"presentOnly": True}, "absent")
case("dice without smoothing", several, "dice", {"smooth": 0}, "ignore")

# ---- a small U-Net, odd sizes ---------------------------------------------------------------------------

small = {"channels": 2, "depth": 3, "width": 4}
case("U-Net, bce", [3, 2, 13, 18], "bce", model="unet", options={**small, "classes": 1}, mask="ignore")
case("U-Net, bilinear, dice", [2, 2, 12, 15], "dice", model="unet", options={**small, "classes": 1, "upsampling": "bilinear"})
case("U-Net with batch norm, cross-entropy", [3, 2, 13, 18], "cross-entropy",
     {"classWeights": [1, 2, 0.5], "labelSmoothing": 0.1}, "ignore", "unet", {**small, "classes": 3, "batchNorm": True})
case("U-Net with batch norm in evaluation, dice", [2, 2, 13, 18], "dice", {}, "ignore", "unet",
     {**small, "classes": 3, "batchNorm": True}, "eval")

if __name__ == "__main__":
    main()
