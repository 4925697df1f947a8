"""Gaussian filter and displacement by SciPy (pip install scipy): python3 smoothing.py > smoothing.json"""
import json
import numpy as np
from scipy import ndimage

rng = np.random.RandomState(5)


def listed(array):
    return [round(float(v), 5) for v in array.reshape(-1)]


H, W = 9, 13
plane = rng.rand(H, W)
filters = [dict(sigma=s, plane=listed(ndimage.gaussian_filter(plane, s))) for s in (0.4, 1.0, 2.5, 6)]
dx, dy = ndimage.gaussian_filter(rng.uniform(-1, 1, (2, H, W)), (0, 2, 2)) * 9
yy, xx = np.mgrid[0:H, 0:W].astype(float)
moved = ndimage.map_coordinates(plane, [yy + dy, xx + dx], order=1, mode="nearest")
inside = (yy + dy >= -0.5) & (yy + dy <= H - 0.5) & (xx + dx >= -0.5) & (xx + dx <= W - 0.5)
print(json.dumps(dict(height=H, width=W, plane=listed(plane), filters=filters, dx=listed(dx), dy=listed(dy), moved=listed(moved),
                      inside=[int(v) for v in inside.reshape(-1)]), separators=(",", ":")))
