"""Finds objects with the lines of Python in docs/objects.md, and compares them with a label image.

Run: python3 objects_export.py MODEL.onnx IMAGE LABELS with a file that `pixelwise export` wrote of a model of objects, an
image, and the label image that `pixelwise predict` made of it (needs onnxruntime, scikit-image, scipy). Prints both
counts and the average precision at 0.5 of one against the other; ends with 1 if it is below 0.9.
"""
import re
import sys
from pathlib import Path

from skimage.io import imread

model, image, labels = sys.argv[1:]
page = (Path(__file__).parent / "../../docs/objects.md").read_text()
lines = re.search(r"```python\n(.*?)```", page, re.S).group(1)
names = {}
exec(lines.replace("cells.onnx", model).replace("photo.png", image), names)

found, truth = names["objects"], imread(labels)
hits = 0
for number in range(1, found.max() + 1):
    one = found == number
    best = [(one & (truth == t)).sum() / (one | (truth == t)).sum() for t in set(truth[one]) if t]
    hits += max(best, default=0) > 0.5
counted = len(set(truth[truth > 0]))
precision = hits / (found.max() + counted - hits)
print(f"Python finds {found.max()} objects, Pixelwise {counted}; average precision at 0.5: {precision:.3f}")
sys.exit(precision < 0.9)
