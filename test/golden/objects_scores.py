"""Reference values for the scores of objects, each from its definition on boolean masks of single objects.

Run: python3 objects_scores.py > objects_scores.json (needs numpy, scipy). Label images stand in the file as rows of
characters: "." is background, "1" … "9", "a" … are objects; an object's class is in `classes`.

- Data Science Bowl: Caicedo et al. 2019, https://doi.org/10.1038/s41592-019-0612-7, TP / (TP + FP + FN), IoU > t.
- COCO: pycocotools' COCOeval for masks, area all, without its limit of objects an image: evaluateImg and accumulate.
- Panoptic quality: Kirillov et al. 2019. Aggregated Jaccard index: Kumar et al. 2017, algorithm 1.
"""
import json

import numpy as np
from scipy.ndimage import label

ALPHABET = ".123456789abcdefghijklmnopqrstuvwxyz"
random = np.random.default_rng(5)
LIMITS = [round(0.5 + 0.05 * k, 2) for k in range(10)]


def blobs(size, count):
    y, x = np.mgrid[:size, :size]
    out = np.zeros((size, size), int)
    for k in range(count):
        cy, cx, ry, rx = *random.uniform(0, size, 2), *random.uniform(2, 6, 2)
        out[((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1] = k + 1
    return relabel(out)


def relabel(labels):
    numbers = [n for n in np.unique(labels) if n]
    return sum(((labels == n) * (k + 1) for k, n in enumerate(numbers)), np.zeros_like(labels))


def disturbed(labels):
    """Shifted, some objects lost, some merged, some cut, some invented."""
    out = np.roll(labels, tuple(random.integers(-1, 2, 2)), (0, 1))
    numbers = [n for n in np.unique(out) if n]
    for n in numbers:
        chance = random.uniform()
        if chance < 0.12:
            out[out == n] = 0
        elif chance < 0.3:
            others = [m for m in numbers if m != n]
            if others:
                out[out == n] = random.choice(others)
        elif chance < 0.45:
            rows, columns = np.nonzero(out == n)
            if len(rows):
                cut = rows > rows.mean()
                out[rows[cut], columns[cut]] = out.max() + 1
    y, x = random.integers(0, out.shape[0] - 4, 2)
    out[y:y + 4, x:x + 3] = out.max() + 1
    return relabel(out)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def dsb(truth, predicted):
    """Lists of (class, mask)."""
    values = []
    for t in LIMITS:
        hits = sum(any(c == d and iou(a, b) > t for d, b in predicted) for c, a in truth)
        values.append(hits / (len(truth) + len(predicted) - hits))
    return values[0], float(np.mean(values))


def coco(images, cls, limit):
    entries, positives = [], 0
    for truth, predicted, scores in images:
        t = [a for c, a in truth if c == cls]
        p = [(s, b) for (c, b), s in zip(predicted, scores) if c == cls]
        p = [p[k] for k in np.argsort([-s for s, _ in p], kind="mergesort")]
        positives += len(t)
        taken = set()
        for s, b in p:
            best, at = limit, None
            for k, a in enumerate(t):
                if k in taken or iou(a, b) < best:
                    continue
                best, at = iou(a, b), k
            if at is not None:
                taken.add(at)
            entries.append((s, at is not None))
    order = np.argsort([-s for s, _ in entries], kind="mergesort")
    hits = np.cumsum([entries[k][1] for k in order])
    recall = hits / positives
    precision = hits / np.arange(1, len(hits) + 1)
    for k in range(len(precision) - 1, 0, -1):
        precision[k - 1] = max(precision[k - 1], precision[k])
    at = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.mean([precision[k] if k < len(precision) else 0 for k in at]))


def pooled(images, cls=None):
    hits, total, objects = 0, 0.0, 0
    for truth, predicted, _ in images:
        t = [(c, a) for c, a in truth if cls in (None, c)]
        p = [(c, b) for c, b in predicted if cls in (None, c)]
        ious = [iou(a, b) for c, a in t for d, b in p if c == d and iou(a, b) > 0.5]
        hits, total, objects = hits + len(ious), total + sum(ious), objects + len(t) + len(p)
    return 2 * hits / objects, total / (objects / 2)


def aggregated(images):
    above, below = 0, 0
    for truth, predicted, _ in images:
        used = set()
        for c, a in truth:
            ious = [iou(a, b) if c == d else 0 for d, b in predicted]
            k = int(np.argmax(ious)) if ious else -1
            if k < 0 or ious[k] == 0:
                below += a.sum()
                continue
            used.add(k)
            above += (a & predicted[k][1]).sum()
            below += (a | predicted[k][1]).sum()
        below += sum(b.sum() for k, (_, b) in enumerate(predicted) if k not in used)
    return float(above / below)


def case(name, pairs, kinds):
    images, stored = [], []
    for truth, predicted in pairs:
        objects = []
        for labels in (truth, predicted):
            count = labels.max()
            classes = random.integers(1, kinds + 1, count)
            objects.append(([(int(c), labels == k + 1) for k, c in enumerate(classes)], classes))
        # Most predicted objects have the class of the true one that they cover most.
        for k, (_, mask) in enumerate(objects[1][0]):
            under = truth[mask]
            if (under > 0).any() and random.uniform() < 0.85:
                c = objects[0][1][np.bincount(under[under > 0]).argmax() - 1]
                objects[1][1][k], objects[1][0][k] = c, (int(c), mask)
        scores = [round(float(s), 2) for s in random.uniform(size=len(objects[1][0]))]
        images.append((objects[0][0], objects[1][0], scores))
        stored.append({"truth": rows(truth), "predicted": rows(predicted), "scores": scores,
                       "truthClasses": objects[0][1].tolist(), "predictedClasses": objects[1][1].tolist()})
    bowl = [dsb(t, p) for t, p, _ in images if t or p]
    present = sorted({c for t, _, _ in images for c, _ in t})
    listed = sorted({c for t, p, _ in images for c, _ in t + p})
    return {"name": name, "images": stored, "scores": {
        "ap50": float(np.mean([a for a, _ in bowl])), "ap": float(np.mean([b for _, b in bowl])),
        "cocoAp50": float(np.mean([coco(images, c, 0.5) for c in present])),
        "cocoAp": float(np.mean([[coco(images, c, t) for t in LIMITS] for c in present])),
        "f1": pooled(images)[0], "panopticQuality": float(np.mean([pooled(images, c)[1] for c in listed])),
        "aggregatedJaccard": aggregated(images),
        "counted": sum(len(p) for _, p, _ in images), "true": sum(len(t) for t, _, _ in images),
        "countError": sum(abs(len(p) - len(t)) for t, p, _ in images) / sum(len(t) for t, _, _ in images)}}


def rows(labels):
    return ["".join(ALPHABET[v] for v in row) for row in labels]


def pairs(sizes):
    for size, count in sizes:
        truth = blobs(size, count)
        yield truth, disturbed(truth)


empty = np.zeros((6, 6), int)
one = blobs(12, 3)
print(json.dumps({"alphabet": ALPHABET, "cases": [
    case("one class", list(pairs([(24, 9), (20, 6), (16, 4)])), 1),
    case("three classes", list(pairs([(26, 12), (22, 9), (14, 5)])), 3),
    case("empty images", [(one, one), (empty, empty), (empty, blobs(6, 1)), (blobs(6, 1), empty)], 1),
]}, separators=(",", ":")))
