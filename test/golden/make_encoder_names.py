"""Writes test/golden/weights/mobilenet-v2-names.json: torchvision's names of MobileNetV2's floating-point tensors,
for src/weights/encoders.test.ts. Run from the repository's root: python3 test/golden/make_encoder_names.py"""

import json

import torchvision

state = torchvision.models.mobilenet_v2(weights=None).state_dict()
names = [name for name, tensor in state.items() if tensor.is_floating_point()]
with open("test/golden/weights/mobilenet-v2-names.json", "w") as file:
    json.dump(names, file, indent=0)
    file.write("\n")
