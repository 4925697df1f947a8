"""Results, gradients and running statistics of layers in training and in evaluation, by PyTorch in float64.

Run: python3 layers.py > layers.json (needs torch 1.13 or later). Inputs and weights are not stored: both sides
make them by the same formulas (`ramp`; in TypeScript in src/nn/layers/golden.test.ts).
"""
import json

import torch
from torch import nn

cases = []


def ramp(step, size):
    """`size` numbers in −2…2 that jump about, none of them at a kink of an activation (0, ±3, 6)."""
    return torch.tensor([(i * step + 17) % 1009 / 252 - 2.0003 for i in range(size)], dtype=torch.float64)


def case(layer, arguments, options, torch_layer, shape, modes=("train", "eval"), scale=1):
    size = 1
    for n in shape:
        size *= n
    for mode in modes:
        torch_layer.double().train(mode == "train")
        with torch.no_grad():
            for name, leaf in list(torch_layer.named_parameters()) + list(torch_layer.named_buffers()):
                if leaf.is_floating_point():
                    values = ramp(31, leaf.numel()).reshape(leaf.shape)
                    leaf.copy_(values.abs() + 0.5 if name == "running_var" else values)
        x = (scale * ramp(611, size)).reshape(shape).requires_grad_()
        torch_layer.zero_grad()
        y = torch_layer(x)
        (y * ramp(389, y.numel()).reshape(y.shape)).sum().backward()
        numbers = lambda t: [float("%.7g" % v) for v in t.detach().flatten().tolist()]
        tensors = {"output": numbers(y), "gradient:x": numbers(x.grad)}
        for name, weight in torch_layer.named_parameters():
            tensors["gradient:" + name] = numbers(weight.grad)
        if mode == "train":
            for name, buffer in torch_layer.named_buffers():
                if buffer.is_floating_point():
                    tensors["buffer:" + name] = numbers(buffer)
        entry = dict(layer=layer, arguments=arguments, options=options, mode=mode, shape=shape, scale=scale,
                     outputShape=list(y.shape), tensors=tensors)
        cases.append(json.dumps(entry, separators=(",", ":")))


planes = [2, 4, 3, 5]
once = ("train",)
case("BatchNorm2d", [4], {}, nn.BatchNorm2d(4), planes)
case("BatchNorm2d", [4], {"epsilon": 0.01, "momentum": 0.3}, nn.BatchNorm2d(4, eps=0.01, momentum=0.3), planes)
case("GroupNorm", [2, 4], {}, nn.GroupNorm(2, 4), planes)
case("GroupNorm", [1, 4], {"epsilon": 0.1}, nn.GroupNorm(1, 4, eps=0.1), planes, once)
case("GroupNorm", [4, 4], {"affine": False}, nn.GroupNorm(4, 4, affine=False), planes, once)
case("InstanceNorm2d", [4], {}, nn.InstanceNorm2d(4), planes)
case("InstanceNorm2d", [4], {"affine": True, "epsilon": 0.1}, nn.InstanceNorm2d(4, affine=True, eps=0.1), planes, once)
case("InstanceNorm2d", [4], {"affine": True, "trackRunningStats": True, "momentum": 0.3},
     nn.InstanceNorm2d(4, affine=True, track_running_stats=True, momentum=0.3), planes)
for name, layer in [("Identity", nn.Identity()), ("ReLU", nn.ReLU()), ("ReLU6", nn.ReLU6()), ("LeakyReLU", nn.LeakyReLU()),
                    ("Sigmoid", nn.Sigmoid()), ("Tanh", nn.Tanh()), ("Softplus", nn.Softplus()), ("SiLU", nn.SiLU()),
                    ("Hardswish", nn.Hardswish()), ("GELU", nn.GELU())]:
    case(name, [], None, layer, [3, 7], once, scale=4)
case("GELU", ["tanh"], None, nn.GELU("tanh"), [3, 7], once, scale=4)
case("LeakyReLU", [0.2], None, nn.LeakyReLU(0.2), [3, 7], once)
case("Softmax", [], None, nn.Softmax(1), [2, 3, 2, 2], once)
case("Softmax", [-1], None, nn.Softmax(-1), [2, 3, 4], once)
case("LogSoftmax", [1], None, nn.LogSoftmax(1), [2, 3, 2, 2], once)
for size, shape in [(1, [2, 2, 5, 3]), (3, [1, 2, 6, 9]), ([3, 2], [1, 2, 7, 5]), ([None, 3], [1, 2, 3, 4]),
                    ([5, 7], [1, 1, 3, 4])]:
    case("AdaptiveAvgPool2d", [size], None, nn.AdaptiveAvgPool2d(tuple(size) if isinstance(size, list) else size), shape, once)
case("AvgPool2d", [3], {"stride": 2, "padding": 1}, nn.AvgPool2d(3, 2, 1), [1, 2, 5, 6], once)
case("MaxPool2d", [3], {"stride": 2, "padding": 1}, nn.MaxPool2d(3, 2, 1), [1, 2, 5, 6], once)
case("Linear", [5, 3], {}, nn.Linear(5, 3), [2, 5], once)
case("ConvTranspose2d", [4, 2, 2], {"stride": 2}, nn.ConvTranspose2d(4, 2, 2, 2), [1, 4, 2, 3], once)
case("Conv2d", [4, 6, 3], {"padding": 1, "groups": 2}, nn.Conv2d(4, 6, 3, padding=1, groups=2), [1, 4, 3, 3], once)

print("[\n" + ",\n".join(cases) + "\n]")
