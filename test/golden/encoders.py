"""Feature maps of encoders by torchvision, for test/models/encoders.test.ts.

Run: python3 encoders.py (needs torch, torchvision and numpy). Writes encoders.json. Weights and image are made by the
formula of models.py on both sides; of each map, its norm and a sketch are kept.
"""
import json

import numpy as np
import torch
import torchvision

from models import HERE, fill, image, sketch

IMAGE = [1, 3, 64, 96]


def chain(model, ends):
    """The outputs of `model.features` after the blocks `ends`, and the blocks up to the last of them."""
    def maps(x):
        found = []
        for k, block in enumerate(model.features[: ends[-1] + 1]):
            x = block(x)
            if k in ends:
                found.append(x)
        return found
    model.features = model.features[: ends[-1] + 1]
    del model.classifier
    return model, maps


def resnet(model):
    def maps(x):
        found = [torch.relu(model.bn1(model.conv1(x)))]
        x = model.maxpool(found[0])
        for layer in (model.layer1, model.layer2, model.layer3, model.layer4):
            x = layer(x)
            found.append(x)
        return found
    del model.fc
    return model, maps


models = torchvision.models
CASES = {
    "mobilenet_v2": lambda: chain(models.mobilenet_v2(), [1, 3, 6, 13, 17]),
    "mobilenet_v3_small": lambda: chain(models.mobilenet_v3_small(), [0, 1, 3, 8, 11]),
    "mobilenet_v3_large": lambda: chain(models.mobilenet_v3_large(), [1, 3, 6, 12, 15]),
    "resnet18": lambda: resnet(models.resnet18()),
    "resnet34": lambda: resnet(models.resnet34()),
    "resnet50": lambda: resnet(models.resnet50()),
    "resnet50, output stride 16": lambda: resnet(models.resnet50(replace_stride_with_dilation=[False, False, True])),
    "efficientnet_b0": lambda: chain(models.efficientnet_b0(), [1, 2, 3, 5, 7]),
    "efficientnet_b1": lambda: chain(models.efficientnet_b1(), [1, 2, 3, 5, 7]),
    "efficientnet_b2": lambda: chain(models.efficientnet_b2(), [1, 2, 3, 5, 7]),
    "efficientnet_b3": lambda: chain(models.efficientnet_b3(), [1, 2, 3, 5, 7]),
    "convnext_tiny": lambda: chain(models.convnext_tiny(), [1, 3, 5, 7]),
}


def main():
    results = []
    for name, make in CASES.items():
        model, maps = make()
        state = {
            key: torch.tensor(fill(key, tuple(value.shape))) if value.is_floating_point() else value
            for key, value in model.state_dict().items()
        }
        model.load_state_dict(state)
        model.double().eval()
        with torch.inference_mode():
            found = maps(torch.tensor(image(IMAGE, "image")).double())
        results.append({
            "name": name,
            "parameters": sum(p.numel() for p in model.parameters()),
            "tensors": sum(value.is_floating_point() for value in state.values()),
            "maps": [{
                "shape": list(m.shape),
                "norm": float(np.linalg.norm(m.numpy())),
                "values": [float(np.float32(v)) for v in sketch(m.numpy().ravel())],
            } for m in found],
        })
    lines = ",\n".join(" " + json.dumps(result) for result in results)
    (HERE / "encoders.json").write_text(f'{{"image": {IMAGE}, "encoders": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
