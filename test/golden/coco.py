"""Masks of polygons and run-length codes by pycocotools (pip install pycocotools): python3 coco.py > coco.json"""
import json
import numpy as np
from pycocotools import mask as api

rng = np.random.RandomState(11)


def text(rle):
    return rle["counts"].decode()


polygons = []
for n in range(60):
    h, w = int(rng.randint(1, 40)), int(rng.randint(1, 40))
    count = int(rng.randint(1, 3))
    shapes = []
    for _ in range(count):
        k = int(rng.randint(3, 9))
        points = np.stack([rng.uniform(-4, w + 4, k), rng.uniform(-4, h + 4, k)], 1)
        if n % 3 == 0:
            points = np.round(points)
        if n % 3 == 1:
            points = np.round(points * 2) / 2
        if n % 4 != 0:
            points = np.clip(points, 0, [w, h])
        shapes.append([round(float(v), 2) for v in points.reshape(-1)])
    rle = api.merge(api.frPyObjects(shapes, h, w))
    polygons.append(dict(height=h, width=w, polygons=shapes, counts=text(rle), area=int(api.area(rle))))

codes = []
for density in (0, 0.02, 0.5, 0.9, 1):
    for h, w in [(1, 1), (7, 5), (300, 200)]:
        if density not in (0, 1, 0.02) and h > 100:
            continue
        mask = (rng.rand(h, w) < density).astype(np.uint8)
        codes.append(dict(height=h, width=w, counts=text(api.encode(np.asfortranarray(mask))), area=int(mask.sum()),
                          rows=[int(v) for v in mask.sum(1)]))
print(json.dumps(dict(polygons=polygons, codes=codes), separators=(",", ":")))
