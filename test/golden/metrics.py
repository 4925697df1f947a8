"""Reference values for the metrics: scikit-learn on pixels, brute force on outlines.

Run: python3 metrics.py > metrics.json (needs numpy, scipy, scikit-learn). Masks stand in the file as rows
of digits, "." for an ignored pixel. Distances are all pairs, not a distance transform; outlines and rims
are scipy's binary erosions, as in MONAI and in the published code of boundary IoU.
"""
import json

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.spatial.distance import cdist
from sklearn.metrics import (
    accuracy_score, confusion_matrix, f1_score, jaccard_score, precision_recall_fscore_support)

IGNORE = 255
random = np.random.default_rng(7)


def digits(x):
    return None if x is None or np.isnan(x) else "Infinity" if np.isinf(x) else float("%.10g" % x)


def blobs(height, width, classes, seeds):
    """Labels by the nearest of random centres: touching regions with straight outlines."""
    y, x = np.mgrid[:height, :width]
    centres = random.uniform(0, 1, (seeds, 2)) * (height, width)
    nearest = np.argmin([(y - cy) ** 2 + 1.3 * (x - cx) ** 2 for cy, cx in centres], 0)
    return random.integers(0, classes, seeds)[nearest].astype(np.uint8)


def disturbed(mask, classes, shift, noise):
    other = np.roll(mask, shift, (0, 1))
    hit = random.uniform(size=mask.shape) < noise
    return np.where(hit, random.integers(0, classes, mask.shape), other).astype(np.uint8)


def disc(height, width, cy, cx, r):
    y, x = np.mgrid[:height, :width]
    return ((y - cy) ** 2 + (x - cx) ** 2 <= r * r).astype(np.uint8)


def overlap(prediction, target, classes):
    keep = target != IGNORE
    t, p = target[keep], prediction[keep]
    counts = confusion_matrix(t, p, labels=range(classes)) if t.size else np.zeros((classes, classes), int)
    tp, truth, predicted = np.diag(counts), counts.sum(1), counts.sum(0)
    labels = [c for c in range(classes) if truth[c] + predicted[c] > 0]
    result = {"counts": counts.tolist(), "iou": [None] * classes, "dice": [None] * classes,
              "precision": [None] * classes, "recall": [None] * classes, "pixelAccuracy": None,
              "meanIoU": None, "meanDice": None, "microIoU": None, "microDice": None}
    if not labels:
        return result
    for c in labels:
        one = dict(labels=[c], average="macro", zero_division=0)
        result["iou"][c] = digits(jaccard_score(t, p, **one))
        precision, recall, f1, _ = precision_recall_fscore_support(t, p, **one)
        result["dice"][c] = digits(f1)
        result["precision"][c] = digits(precision) if predicted[c] else None
        result["recall"][c] = digits(recall) if truth[c] else None
    result["pixelAccuracy"] = digits(accuracy_score(t, p))
    for kind in ("macro", "micro"):
        name = "mean" if kind == "macro" else "micro"
        result[name + "IoU"] = digits(jaccard_score(t, p, labels=labels, average=kind))
        result[name + "Dice"] = digits(f1_score(t, p, labels=labels, average=kind))
    return result


def outlines(prediction, target, c):
    cut = target == IGNORE
    p, t = (prediction == c) & ~cut, (target == c) & ~cut
    result = {"class": c}
    for name, spacing in (("unit", (1, 1)), ("spaced", (2, 0.5))):
        a, b = (np.argwhere(m ^ binary_erosion(m)) * spacing for m in (p, t))
        if len(a) and len(b):
            pairs = cdist(a, b)
            there, back = pairs.min(1), pairs.min(0)
            result[name] = {"hd95": digits(max(np.percentile(there, 95), np.percentile(back, 95))),
                            "hd": digits(pairs.min(1).max() if there.max() > back.max() else back.max()),
                            "msd": digits(np.concatenate([there, back]).mean())}
        else:
            value = None if not len(a) and not len(b) else "Infinity"
            result[name] = {"hd95": value, "hd": value, "msd": value}
    result["boundary"] = []
    for ratio in (0.02, 0.1):
        width = max(1, int(round(ratio * np.hypot(*target.shape))))
        rim = lambda m: m & ~binary_erosion(m, np.ones((3, 3)), iterations=width)
        union = (rim(p) | rim(t)).sum()
        result["boundary"].append(digits((rim(p) & rim(t)).sum() / union) if union else None)
    return result


def rows(mask):
    return ["".join("." if v == IGNORE else str(v) for v in row) for row in mask]


def case(name, classes, prediction, target):
    return {"name": name, "classes": classes, "prediction": rows(prediction), "target": rows(target),
            **overlap(prediction, target, classes),
            "outlines": [outlines(prediction, target, c) for c in range(classes)]}


def ignoring(target, share):
    target = target.copy()
    target[random.uniform(size=target.shape) < share] = IGNORE
    target[:, :3] = IGNORE
    return target


four = blobs(22, 31, 4, 9)
three = np.minimum(blobs(20, 20, 3, 6), 1)  # class 2 is nowhere
two = disc(25, 30, 12, 14, 8)
one_pixel = np.zeros((12, 9), np.uint8)
one_pixel[4, 6] = 1
nothing = np.zeros((12, 9), np.uint8)
cases = [
    case("four classes", 4, disturbed(four, 4, (1, 2), 0.05), four),
    case("four classes, ignored pixels", 4, disturbed(four, 4, (2, -1), 0.02), ignoring(four, 0.1)),
    case("a class absent from both", 3, disturbed(three, 2, (1, 0), 0.05), three),
    case("a class only predicted", 3, np.where(three == 1, 2, 0).astype(np.uint8), three),
    case("two classes", 2, disc(25, 30, 10, 17, 9), two),
    case("two classes, shapes that touch the border", 2, disc(25, 30, 2, 3, 9), disc(25, 30, 0, 0, 11)),
    case("two classes, ignored pixels", 2, disc(25, 30, 11, 15, 7), ignoring(two, 0.05)),
    case("perfect", 2, two, two),
    case("empty masks", 2, nothing, nothing),
    case("one pixel, missed", 2, nothing, one_pixel),
    case("one pixel, found aside", 2, np.roll(one_pixel, (2, -3), (0, 1)), one_pixel),
    case("everything ignored", 2, nothing, np.full((12, 9), IGNORE, np.uint8)),
]

# Probabilities by a formula that the test repeats.
i = np.arange(3000)
truth = ((i // 7) * 5 % 9 < 3).astype(np.uint8)
probabilities = (((i * i * 31 + i * 17) % 1021 + 400 * truth) / 1500).astype(np.float32)
sweep = [f1_score(truth, probabilities >= k / 1024) for k in range(1, 1024)]
batches = [(probabilities[s:s + 1200].astype(float), truth[s:s + 1200].astype(float)) for s in (0, 1200, 2400)]
soft = [(2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1) for p, t in batches]
thresholds = {"best": digits(max(sweep)),
              "at": [k / 1024 for k, f in enumerate(sweep, 1) if f == max(sweep)],
              "curve": [digits(f) for f in sweep[::64]],
              "softDice": [digits(s) for s in soft]}

print('{"cases": [\n' + ",\n".join(json.dumps(c) for c in cases) + "\n],")
print('"thresholds": ' + json.dumps(thresholds) + "}")
