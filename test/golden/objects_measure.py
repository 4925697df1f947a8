"""Reference values for the measurements of objects: scikit-image's regionprops.

Run: python3 objects_measure.py > objects_measure.json (needs numpy, scipy, scikit-image 0.19). Label images stand in
the file as rows of characters: "." is background, every other character is an object, whose number is its place in
the alphabet, times 7.
"""
import json

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.measure import regionprops

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
random = np.random.default_rng(11)


def digits(x):
    return float("%.12g" % x)


def touching(height, width, seeds):
    """Cells around random centres, with background between some, holes, and single pixels of other objects."""
    y, x = np.mgrid[:height, :width]
    centres = random.uniform(0, 1, (seeds, 2)) * (height, width)
    distances = np.array([np.hypot(y - cy, 1.2 * (x - cx)) for cy, cx in centres])
    labels = 1 + distances.argmin(0)
    labels[distances.min(0) > random.uniform(3, 8)] = 0
    labels[gaussian_filter(random.normal(size=labels.shape), 1) > 0.35] = 0
    for number in range(seeds + 1, seeds + 5):
        labels[random.integers(height), random.integers(width)] = number
    return labels


def noise(height, width):
    """Objects of many pieces and holes, which touch everywhere."""
    return random.integers(0, 4, (height, width))


def shapes():
    labels = np.zeros((24, 30), int)
    labels[0:6, 0:6] = 1                                    # a square in the corner
    labels[1:3, 2:4] = 0                                    # with a hole
    labels[2:9, 10] = 2                                     # a line down
    labels[4, 14:24] = 3                                    # a line across
    for i in range(7):
        labels[10 + i, 2 + i] = 4                           # a diagonal
        labels[20 - i, 14 + i] = 5                          # the other one
    labels[23, 29] = 6                                      # a single pixel at the border
    labels[8:20, 24:29] = 7
    labels[10:18, 25:28] = 0                                # a frame
    labels[13:15, 26] = 8                                   # with an object inside
    labels[20:23, 2:11] = 9
    labels[21, 3:11] = 0                                    # a fork
    return labels


def measured(labels, image):
    rows = []
    for p in regionprops(labels * 7, intensity_image=image):
        a, b, _, c = p.inertia_tensor.flat
        rows.append({
            "label": p.label, "area": int(p.area), "perimeter": digits(p.perimeter),
            "centroid": [digits(v) for v in p.centroid], "bbox": list(map(int, p.bbox)),
            "axisMajorLength": digits(p.axis_major_length), "axisMinorLength": digits(p.axis_minor_length),
            # Version 0.19 has the wrong sign where both variances are equal.
            "orientation": None if abs(a - c) < 1e-9 else digits(p.orientation),
            "eccentricity": digits(p.eccentricity), "solidity": digits(p.solidity), "extent": digits(p.extent),
            "equivalentDiameterArea": digits(p.equivalent_diameter_area), "eulerNumber": int(p.euler_number),
            "intensity": [{"mean": digits(p.intensity_mean[k]), "min": int(p.intensity_min[k]),
                           "max": int(p.intensity_max[k]), "total": int(p.image_intensity[p.image][:, k].sum())}
                          for k in range(2)],
        })
    return rows


cases = []
for name, labels in [("shapes", shapes()), ("touching", touching(30, 36, 20)), ("small", touching(9, 40, 8)),
                     ("noise", noise(12, 15)), ("one row", touching(1, 30, 3)), ("full", np.ones((5, 7), int))]:
    image = (np.arange(labels.size * 2).reshape(*labels.shape, 2) * 37) % 251
    cases.append({"name": name, "labels": ["".join("." if v == 0 else ALPHABET[v] for v in row) for row in labels],
                  "objects": measured(labels, image)})
print(json.dumps({"alphabet": ALPHABET, "cases": cases}, separators=(",", ":")))
