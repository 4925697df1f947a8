"""Maps of torchvision's MobileNetV2 with pretrained weights, for a made image.

Run: python3 pretrained.py WEIGHTS.safetensors (needs torch, torchvision and numpy). Writes pretrained.json: the
hash of the file, and each map's shape, norm and sketch (see models.py). The weights themselves are not kept;
the test that reads this is given them by PIXELWISE_WEIGHTS, or skipped.
"""
import hashlib
import json
import pathlib
import sys

import numpy as np
import torch
import torchvision

from models import image, sketch

HERE = pathlib.Path(__file__).parent
SHAPE = [2, 3, 64, 96]
STAGE_ENDS = [1, 3, 6, 13, 17]


def main(path):
    content = pathlib.Path(path).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    model = torchvision.models.mobilenet_v2()
    state = model.state_dict()
    for name, tensor in header.items():
        if name != "__metadata__":
            start, end = tensor["data_offsets"]
            values = np.frombuffer(content[8 + length + start : 8 + length + end], "<f4")
            state[name] = torch.tensor(values).reshape(tensor["shape"])
    model.load_state_dict(state)
    x = torch.tensor(image(SHAPE, "image")).double()
    model.double().eval()
    maps = []
    with torch.no_grad():
        for k, block in enumerate(model.features[:18]):
            x = block(x)
            if k in STAGE_ENDS:
                y = x.numpy()
                maps.append({"name": f"features.{k}", "size": y.size, "shape": list(y.shape), "error": 0,
                             "norm": float(np.linalg.norm(y)), "values": sketch(y.ravel())})
    result = {"sha256": hashlib.sha256(content).hexdigest(), "image": SHAPE, "maps": maps}
    (HERE / "pretrained.json").write_text(json.dumps(result, indent=1) + "\n")


main(sys.argv[1])
