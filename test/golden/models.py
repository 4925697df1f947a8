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
import torchvision
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


def image(shape, name):
    if name == "ties":
        return np.floor(4 * numbers(name, shape)).astype(np.float32)
    return (4 * numbers(name, shape) - 2).astype(np.float32)


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


def conv_norm(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


class SegNet(nn.Module):
    def __init__(self, channels, classes, stages, width, head="norm-relu"):
        super().__init__()
        w = [min(width << k, 8 * width) for k in range(stages)]
        convs = [2, 2, 3, 3, 3]
        self.divisor = 2**stages
        self.norm = nn.BatchNorm2d(channels)
        down = [[channels if k == 0 else w[k - 1]] + [w[k]] * convs[k] for k in range(stages)]
        up = [[w[k]] * convs[k] + [classes if k == 0 else w[k - 1]] for k in reversed(range(stages))]
        chain = lambda c: nn.Sequential(*[conv_norm(a, b) for a, b in zip(c, c[1:])])
        self.down, self.up = nn.ModuleList(map(chain, down)), nn.ModuleList(map(chain, up))
        if head == "linear":
            self.up[-1][-1] = nn.Conv2d(w[0], classes, 3, padding=1)

    def forward(self, x):
        return padded(x, self.divisor, self.body)

    def body(self, x):
        x, where = self.norm(x), []
        for block in self.down:
            x, index = F.max_pool2d(block(x), 2, return_indices=True)
            where.append(index)
        for block in self.up:
            x = block(F.max_unpool2d(x, where.pop(), 2))
        return x


def mobilenet_v2(classes):
    return torchvision.models.mobilenet_v2(num_classes=classes, dropout=0)


class MobileNetEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torchvision.models.mobilenet_v2().features[:18]

    def forward(self, x):
        maps = [x]
        for k, block in enumerate(self.features):
            x = block(x)
            if k in (1, 3, 6, 13, 17):
                maps.append(x)
        return maps


class DecoderBlock(nn.Module):
    def __init__(self, i, skip, o):
        super().__init__()
        self.upsample = nn.ConvTranspose2d(i, o, 2, 2)
        self.conv = nn.Conv2d(o + skip, o, 3, padding=1)

    def forward(self, x, skip):
        return F.relu(self.conv(torch.cat([F.relu(self.upsample(x)), skip], 1)))


class EncoderUNet(nn.Module):
    def __init__(self, encoder, skips, bottom, classes, freezeEncoder):
        super().__init__()
        self.encoder = encoder
        self.frozen = freezeEncoder
        self.encoder.requires_grad_(not freezeEncoder)
        widths = [256, 128, 64, 32, 16]
        ins = [bottom] + widths
        self.decoder = nn.ModuleList([DecoderBlock(ins[k], skips[k], widths[k]) for k in range(5)])
        self.head = nn.Conv2d(16, classes, 3, padding=1)

    def train(self, mode=True):
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def forward(self, x):
        return padded(x, 32, self.body)

    def body(self, x):
        maps = self.encoder(x)
        x = maps.pop()
        for block in self.decoder:
            x = block(x, maps.pop())
        return self.head(x)


def mobilenet_unet(classes, freezeEncoder):
    return EncoderUNet(MobileNetEncoder(), [96, 32, 24, 16, 3], 320, classes, freezeEncoder)


def resnet18(classes):
    return torchvision.models.resnet18(num_classes=classes)


class AtrousMobileNet(MobileNetEncoder):
    def __init__(self):
        super().__init__()
        self.features[14].conv[1][0].stride = (1, 1)
        for block in self.features[15:]:
            block.conv[1][0].dilation = block.conv[1][0].padding = (2, 2)


def cna(i, o, k, groups=1, dilation=1):
    conv = nn.Conv2d(i, o, k, padding=dilation * (k // 2), dilation=dilation, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(o), nn.ReLU())


def separable(i, o, dilation=1):
    return nn.Sequential(cna(i, i, 3, i, dilation), cna(i, o, 1))


class Pyramid(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.branches = nn.ModuleList([cna(i, o, 1)] + [separable(i, o, rate) for rate in (6, 12, 18)])
        self.pooled = nn.Conv2d(i, o, 1)
        self.project = cna(5 * o, o, 1)

    def forward(self, x):
        pooled = F.relu(self.pooled(x.mean((2, 3), keepdim=True)))
        parts = [branch(x) for branch in self.branches] + [pooled.expand(-1, -1, *x.shape[2:])]
        return self.project(torch.cat(parts, 1))


class DeepLab(nn.Module):
    def __init__(self, classes, decoderWidth, freezeEncoder):
        super().__init__()
        assert freezeEncoder
        self.encoder = AtrousMobileNet().requires_grad_(False)
        width = decoderWidth
        self.pyramid = Pyramid(320, width)
        self.lowLevel = cna(24, 48, 1)
        self.decoder = nn.Sequential(separable(width + 48, width), separable(width, width))
        self.head = nn.Conv2d(width, classes, 1)

    def train(self, mode=True):
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, x):
        return padded(x, 16, self.body)

    def body(self, x):
        larger = lambda y, like: F.interpolate(y, like.shape[2:], mode="bilinear", align_corners=False)
        maps = self.encoder(x)
        low = self.lowLevel(maps[2])
        y = self.decoder(torch.cat([larger(self.pyramid(maps[-1]), low), low], 1))
        return larger(self.head(y), x)


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


def projection():
    """Of any result: its product with random numbers, so that gradients do not depend on the result."""
    return lambda result, _: (result * torch.tensor(numbers("projection", tuple(result.shape))).to(result.dtype)).sum()


def unpooled():
    """Pools, squares, and puts values back where they were."""
    def loss(x, _):
        values, places = F.max_pool2d(x, 2, return_indices=True)
        return projection()(F.max_unpool2d(values * values, places, 2, output_size=x.shape), _)
    return loss


MODELS = {"unet": UNet, "segnet": SegNet, "mobilenet-v2": mobilenet_v2, "mobilenet-unet": mobilenet_unet,
          "resnet18": resnet18, "deeplabv3plus": DeepLab}
LOSSES = {"bce": bce, "cross-entropy": cross_entropy, "dice": dice, "projection": projection,
          "unpooled": unpooled}


# ---- images off the kinks -------------------------------------------------------------------------------

# Where an activation lies within rounding of a kink (0, or 6), or two pixels of a window within rounding of
# each other, one float32 takes one branch and the next float32 the other, and gradients jump. Comparing
# is possible where that does not happen: the first image is taken that keeps off by this much, by the
# root mean square of the layer's values.
MARGIN = 3e-6
margins = []


def watch(name, distances):
    original = getattr(F, name)

    def watched(x, *args, **kwargs):
        values = distances(x.detach(), args)
        values = values[values > 0]
        if values.numel():
            margins.append(float(values.min() / x.detach().pow(2).mean().sqrt()))
        return original(x, *args, **kwargs)
    setattr(F, name, watched)


def windows(x, args):
    best = F.unfold(x.flatten(0, 1)[:, None], args[0], stride=args[0]).topk(2, 1).values
    return best[:, 0] - best[:, 1]


watch("relu", lambda x, _: x.abs())
watch("hardtanh", lambda x, _: torch.minimum(x.abs(), (x - 6).abs()))
watch("max_pool2d", windows)


def choose_image(c):
    if c["image"] or not c["model"]:
        return c["image"] or "image"
    for k in range(2000):
        c["image"] = f"image {k}"
        margins.clear()
        with torch.no_grad():
            forward(c, torch.float64)
        if min(margins) >= MARGIN:
            return c["image"]
    raise SystemExit(f"{c['name']}: no image keeps off the kinks")


# ---- running --------------------------------------------------------------------------------------------

def case(name, input, loss, lossOptions={}, mask="plain", model=None, options={}, mode="train",
         sketched=False, image=None):
    CASES.append(dict(name=name, input=input, loss=loss, lossOptions=lossOptions, mask=mask, image=image, model=model,
                      options=options, mode=mode, sketched=sketched))


def forward(c, dtype):
    x = torch.tensor(image(c["input"], c["image"])).to(dtype)
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
    return x, model, model(x) if model else x


def run(c, dtype):
    x, model, logits = forward(c, dtype)
    classes = max(logits.shape[1], 2)
    target = torch.tensor(mask((logits.shape[0],) + tuple(logits.shape[2:]), classes, c["mask"]))
    loss = LOSSES[c["loss"]](**c["lossOptions"])(logits, target)
    loss.backward()
    result = {"loss": loss}
    if model:
        result["output"] = logits
        for name, weight in model.named_parameters():
            if weight.requires_grad:
                result["gradient:" + name] = weight.grad
        if c["mode"] == "train":
            for name, buffer in model.named_buffers():
                if buffer.is_floating_point() and not np.array_equal(buffer, fill(name, tuple(buffer.shape))):
                    result["buffer:" + name] = buffer
    else:
        result["gradient:image"] = x.grad
    return {name: value.detach().double().numpy() for name, value in result.items()}


def main():
    torch.set_num_threads(1)
    index, values = [], []
    for c in CASES:
        c["image"] = choose_image(c)
        exact, rough = run(c, torch.float64), run(c, torch.float32)
        tensors = []
        largest = max(np.linalg.norm(b) for name, b in exact.items() if name.startswith("gradient:"))
        for name, b in exact.items():
            norm = float(np.linalg.norm(b))
            # A gradient of nothing but rounding (of a bias before a batch norm, say) is measured by the others.
            scale = largest if norm < 1e-9 * largest else norm
            error = float(np.linalg.norm(rough[name] - b)) / (scale or 1)
            kept = sketch(b.ravel()) if c["sketched"] and b.size > SIGNS else b.ravel()
            values.append(np.asarray(kept, np.float32))
            entry = {"name": name, "size": b.size, "norm": float("%.6e" % scale), "error": float("%.1e" % error)}
            tensors.append(entry)
        worst = max(tensors, key=lambda t: t["error"])
        print(f"{c['name']}, {c['image']}: {len(tensors)} tensors, float32 off by at most {worst['error']:.1e} ({worst['name']})")
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

# ---- MobileNetV2: torchvision's own; and the U-Net on it -------------------------------------------------

# Images that `choose_image` found in minutes.
case("MobileNetV2", [4, 3, 64, 64], "projection", model="mobilenet-v2", options={"classes": 10}, sketched=True,
     image="image 278")
case("MobileNetV2 in evaluation", [2, 3, 67, 50], "projection", model="mobilenet-v2", options={"classes": 10},
     mode="eval", sketched=True, image="image 36")
case("MobileNetV2 U-Net, encoder frozen", [2, 3, 33, 70], "cross-entropy", mask="ignore", model="mobilenet-unet",
     options={"classes": 3, "freezeEncoder": True}, sketched=True, image="image 978")

# ---- SegNet, narrow -------------------------------------------------------------------------------------

narrow = {"channels": 3, "classes": 3, "width": 4}
case("SegNet", [3, 3, 32, 48], "cross-entropy", mask="ignore", model="segnet", options={**narrow, "stages": 4}, sketched=True)
case("SegNet in evaluation", [2, 3, 32, 48], "cross-entropy", model="segnet", options={**narrow, "stages": 4}, mode="eval",
     sketched=True)
case("SegNet of five stages, linear head", [1, 3, 32, 64], "cross-entropy", model="segnet",
     options={**narrow, "stages": 5, "head": "linear"}, mode="eval", sketched=True)
case("SegNet's way of pooling, ties", [2, 3, 8, 11], "unpooled", image="ties")

# ---- ResNet-18: torchvision's own; DeepLabV3+ -----------------------------------------------------------

case("ResNet-18 in evaluation", [1, 3, 37, 50], "projection", model="resnet18", options={"classes": 10}, mode="eval", sketched=True)
case("DeepLabV3+, encoder frozen", [3, 3, 60, 64], "cross-entropy", mask="ignore", model="deeplabv3plus",
     options={"classes": 3, "decoderWidth": 16, "freezeEncoder": True}, sketched=True, image="image")

if __name__ == "__main__":
    main()
