#!/usr/bin/env python3
"""Brightness, contrast and saturation by the definitions of tf.image, from Python's own colorsys.

    python3 channel_colour.py > channel_colour.json

adjust_brightness adds, adjust_contrast is (x - mean) * factor + mean by channel, adjust_saturation multiplies the
S of HSV and clips it to 0..1; clip_by_value(0, 1) comes last.
"""
import colorsys, json, random

draw = random.Random(7)
PIXELS = 24


def case(shift, contrast, saturation):
    pixels = [[round(draw.random(), 3) for _ in range(3)] for _ in range(PIXELS)]
    moved = [[v + shift for v in p] for p in pixels]
    means = [sum(p[c] for p in moved) / PIXELS for c in range(3)]
    moved = [[(v - means[c]) * contrast + means[c] for c, v in enumerate(p)] for p in moved]
    result = []
    for p in moved:
        if max(p) > 0:
            h, s, v = colorsys.rgb_to_hsv(*p)
            p = colorsys.hsv_to_rgb(h, min(1, max(0, s * saturation)), v)
        result.append([min(1, max(0, v)) for v in p])
    planes = lambda ps: [p[c] for c in range(3) for p in ps]
    return {"shift": shift, "contrast": contrast, "saturation": saturation, "image": planes(pixels), "result": planes(result)}


print(json.dumps([case(0.1, 0.6, 0.55), case(-0.3, 1.3, 1.3), case(0.25, 0.7, 1.2), case(0, 1, 3), case(-0.2, 1, 0)]))
