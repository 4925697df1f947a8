"""Values and gradients of the losses beyond bce, cross-entropy and Dice (those are in models.py).

Run: python3 losses.py > losses.json (needs numpy, scipy and torch). Each loss is written anew from its paper,
a class and an image at a time, ignored pixels cut out before anything else; gradients are PyTorch's in
float64. Logits are kept in the file, rounded to three digits; masks as rows of digits, "." for ignored.
"""
import json

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt, label

random = np.random.default_rng(11)


def log_truth(logits, target):
    """log p of the true class of each pixel, N×H×W."""
    if logits.shape[1] == 1:
        x = logits[:, 0]
        return torch.where(target == 1, F.logsigmoid(x), F.logsigmoid(-x))
    index = torch.where(target == 255, 0, target)
    return torch.log_softmax(logits, 1).gather(1, index[:, None])[:, 0]


def focal(gamma=2, classWeights=None):
    def loss(logits, target):
        valid = target != 255
        if not valid.any():
            return 0 * logits.sum()
        lp = log_truth(logits, target)[valid]
        cost = -((1 - lp.exp()) ** gamma) * lp
        if classWeights is not None:
            cost = cost * torch.tensor(classWeights, dtype=logits.dtype)[target[valid]]
        return cost.mean()
    return loss


def top_k(share=0.1):
    def loss(logits, target):
        valid = target != 255
        cost = -log_truth(logits, target)[valid]
        k = min(int(np.ceil(share * target.numel())), cost.numel())
        return cost.sort(descending=True).values[:k].mean() if k else 0 * logits.sum()
    return loss


def cuts(logits, target, perImage):
    """Probabilities by class and truth of the pixels that count: of the batch, or of each image."""
    p = torch.sigmoid(logits) if logits.shape[1] == 1 else torch.softmax(logits, 1)
    for batch in [[i] for i in range(len(logits))] if perImage else [list(range(len(logits)))]:
        valid = target[batch] != 255
        for c in range(logits.shape[1]):
            truth = (target[batch] == (1 if logits.shape[1] == 1 else c))[valid].to(logits.dtype)
            yield p[batch, c][valid], truth


def tversky(falsePositives=0.3, falseNegatives=0.7, smooth=1, perImage=False, presentOnly=False):
    def loss(logits, target):
        losses = []
        for p, t in cuts(logits, target, perImage):
            tp, fp, fn = (p * t).sum(), (p * (1 - t)).sum(), ((1 - p) * t).sum()
            if not presentOnly or t.sum() > 0:
                losses.append(1 - (tp + smooth) / torch.clamp(tp + falsePositives * fp + falseNegatives * fn + smooth, min=1e-12))
        return sum(losses) / len(losses) if losses else 0 * logits.sum()
    return loss


def jaccard(**options):
    return tversky(1, 1, **options)


def jaccard_of_sets(wrong, truth):
    """1 − |truth without wrong| / |truth or wrong|, by counting."""
    union = np.logical_or(wrong, truth).sum()
    return 0.0 if union == 0 else 1 - np.logical_and(truth, ~wrong).sum() / union


def lovasz(errors, truth):
    """Eq. 9, set by set: what the loss of the wrong pixels grows by when the next one is added."""
    order = torch.sort(errors.detach(), descending=True, stable=True).indices
    t, wrong, before, total = truth.numpy() > 0, np.zeros(len(truth), bool), 0.0, 0 * errors.sum()
    for i in order.tolist():
        wrong[i] = True
        now = jaccard_of_sets(wrong, t)
        total = total + F.relu(errors[i]) * (now - before)
        before = now
    return total


def lovasz_softmax(perImage=False, presentOnly=True):
    def loss(logits, target):
        losses = [lovasz((t - p).abs(), t) for p, t in cuts(logits, target, perImage) if not presentOnly or t.sum() > 0]
        return sum(losses) / len(losses) if losses else 0 * logits.sum()
    return loss


def lovasz_hinge(perImage=False):
    def loss(logits, target):
        losses = []
        for batch in [[i] for i in range(len(logits))] if perImage else [list(range(len(logits)))]:
            valid = target[batch] != 255
            x, t = logits[batch, 0][valid], (target[batch] == 1)[valid].to(logits.dtype)
            losses.append(lovasz(1 - x * (2 * t - 1), t))
        return sum(losses) / len(losses)
    return loss


def boundary_weights(mask, strength, sigma, background):
    """1 + w0·exp(−(d1 + d2)² / 2σ²) on background pixels; an object is a connected patch of one class."""
    distances = []
    for c in np.unique(mask):
        if c in (background, 255):
            continue
        patches, count = label(mask == c, np.ones((3, 3)))
        distances += [distance_transform_edt(patches != k + 1) for k in range(count)]
    weights = np.ones(mask.shape)
    if len(distances) >= 2:
        d1, d2 = np.sort(distances, 0)[:2]
        weights += np.where(mask == background, strength * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2)), 0)
    return weights


def boundary_cross_entropy(strength=10, sigma=5):
    def loss(logits, target):
        valid = target != 255
        weights = torch.tensor(np.stack([boundary_weights(m, strength, sigma, 0) for m in target.numpy()]))
        cost = -weights * log_truth(logits, target)
        return cost[valid].mean() if valid.any() else 0 * logits.sum()
    return loss


LOSSES = {"focal": focal, "top-k": top_k, "tversky": tversky, "jaccard": jaccard,
          "lovasz-softmax": lovasz_softmax, "lovasz-hinge": lovasz_hinge,
          "boundary-cross-entropy": boundary_cross_entropy}


def mask(n, h, w, classes, kind):
    values = random.integers(0, classes, (n, h, w))
    if kind == "ignore":
        values[random.uniform(size=values.shape) < 0.25] = 255
    elif kind == "absent":
        values[values == classes - 1] = 0
    elif kind == "empty":
        values[:] = 0
    elif kind == "one pixel":
        values[:] = 0
        values[0, 1, 2] = classes - 1
        values[1, 0, 0] = 255
    elif kind == "patches":
        values[:] = 0
        values[0, 1:3, 0:2] = 1
        values[0, 1:4, 4:7] = classes - 1
        values[0, 5:7, 3:6] = 1
        values[1, 0:2, 0:3] = 1
        values[0, 0, 3] = 255
    elif kind == "ignored":
        values[:] = 255
    return values


def digits(x):
    return [float("%.6g" % v) for v in np.ravel(x)]


cases = []
for name, options, kinds in [
    ("focal", {}, [1, 3]), ("focal", {"gamma": 0.5, "classWeights": "by class"}, [1, 3]), ("focal", {"gamma": 0}, [3]),
    ("top-k", {}, [1, 3]), ("top-k", {"share": 0.6}, [1, 3]), ("top-k", {"share": 1}, [3]),
    ("tversky", {}, [1, 3]), ("tversky", {"falsePositives": 0.6, "falseNegatives": 0.2, "perImage": True, "presentOnly": True}, [1, 3]),
    ("jaccard", {}, [1, 3]), ("jaccard", {"smooth": 0, "presentOnly": True}, [3]),
    ("lovasz-softmax", {}, [1, 3]), ("lovasz-softmax", {"perImage": True}, [1, 3]), ("lovasz-softmax", {"presentOnly": False}, [3]),
    ("lovasz-hinge", {}, [1]), ("lovasz-hinge", {"perImage": True}, [1]),
    ("boundary-cross-entropy", {}, [1, 3]), ("boundary-cross-entropy", {"strength": 4, "sigma": 2}, [3]),
]:
    for channels in kinds:
        classes = max(2, channels)
        for kind in ["plain", "ignore", "absent", "empty", "one pixel"] + (["patches"] if name.startswith("boundary") else []):
            h, w = (8, 9) if kind == "patches" else (4, 5)
            given = {k: [0.4, 1.5, 1][:classes] if v == "by class" else v for k, v in options.items()}
            logits = np.round(2 * random.standard_normal((2, channels, h, w)), 3)
            target = mask(2, h, w, classes, kind)
            x = torch.tensor(logits, requires_grad=True)
            value = LOSSES[name](**given)(x, torch.tensor(target))
            value.backward()
            cases.append({
                "loss": name, "options": given, "kind": kind, "shape": list(logits.shape),
                "logits": [float(v) for v in logits.ravel()],
                "target": ["".join("." if v == 255 else str(v) for v in row) for row in target.reshape(-1, w)],
                "value": float("%.9g" % value.item()), "gradient": digits(x.grad.numpy()),
            })

print('{"cases": [')
print(",\n".join(json.dumps(c) for c in cases))
print("]}")
