"""Results and gradients of every operator, by PyTorch.

Run: python3 operators.py (needs torch and numpy). Writes operators.json, which names the cases and their
tensors, and operators.bin, which holds their values as float32 one after another in that order: inputs,
cotangent, result, gradient of each float input. References are computed in float64 from inputs that are
float32 numbers; beside each stands the relative error of PyTorch's own float32.

The expressions in our own terms, under the same names, are in ../conformance/cases.
"""
import json
import pathlib
import zlib

import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
CASES = []


class Input:
    def __init__(self, shape, dtype, make):
        self.shape, self.dtype, self.make = shape, dtype, make


def normal(*shape, scale=1.0, shift=0.0):
    return Input(shape, "float32", lambda r: r.standard_normal(shape) * scale + shift)


def positive(*shape):
    return Input(shape, "float32", lambda r: np.abs(r.standard_normal(shape)) + 0.5)


def whole(*shape, low=-3, high=3):
    """Whole numbers as floats: full of ties and zeros."""
    return Input(shape, "float32", lambda r: r.randint(low, high + 1, shape))


def integers(*shape, low=0, high, dtype="int32"):
    return Input(shape, dtype, lambda r: r.randint(low, high + 1, shape))


def mask(*shape, keep=0.6):
    return Input(shape, "bool", lambda r: r.random_sample(shape) < keep)


def case(name, inputs, function, second=False):
    """`second`: the result is the gradients of `function` themselves, flat, one after another."""
    CASES.append((name, inputs, function, second))


# ---- convolution ------------------------------------------------------------------------------------

def conv(**options):
    return lambda x, w, b=None: F.conv2d(x, w, b, **options)


def conv_transpose(**options):
    return lambda x, w, b=None: F.conv_transpose2d(x, w, b, **options)


case("conv2d 3×3 with bias", [normal(2, 3, 7, 8), normal(4, 3, 3, 3), normal(4)], conv(padding=1))
case("conv2d 3×2 unpadded, batch 3", [normal(3, 2, 5, 9), normal(3, 2, 3, 2)], conv())
case("conv2d stride 2×3", [normal(2, 3, 9, 8), normal(4, 3, 3, 2), normal(4)], conv(padding=1, stride=(2, 3)))
case("conv2d stride leaves a remainder", [normal(2, 3, 8, 8), normal(2, 3, 3, 3)], conv(stride=2))
case("conv2d stride beyond the kernel", [normal(2, 3, 9, 10), normal(4, 3, 2, 2)], conv(stride=3))
case("conv2d dilation 2, two groups", [normal(2, 4, 9, 8), normal(6, 2, 3, 2)], conv(padding=2, dilation=2, groups=2))
case("conv2d dilation 3×1, stride 2", [normal(1, 3, 11, 9), normal(4, 3, 3, 3)], conv(padding=(3, 1), dilation=(3, 1), stride=2))
case("conv2d three groups, stride 2", [normal(2, 6, 7, 7), normal(9, 2, 3, 3), normal(9)], conv(padding=1, stride=2, groups=3))
case("conv2d depthwise", [normal(2, 4, 9, 8), normal(4, 1, 3, 3), normal(4)], conv(padding=1, groups=4))
case("conv2d depthwise, stride 2", [normal(2, 5, 9, 7), normal(5, 1, 3, 3)], conv(padding=1, groups=5, stride=2))
case("conv2d depthwise, multiplier 2", [normal(2, 4, 9, 8), normal(8, 1, 3, 3)], conv(padding=1, groups=4, stride=2))
case("conv2d depthwise, dilation 2", [normal(2, 3, 8, 9), normal(3, 1, 3, 3)], conv(padding=2, groups=3, dilation=2))
case("conv2d few channels, large plane", [normal(2, 3, 10, 9), normal(4, 3, 3, 3), normal(4)], conv(padding=1))
case("conv2d few channels, large plane, stride 2", [normal(1, 3, 19, 17), normal(4, 3, 3, 3)], conv(padding=1, stride=2))
case("conv2d one channel in and out", [normal(2, 1, 9, 11), normal(1, 1, 5, 5)], conv(padding=2))
case("conv2d 16 channels, large plane", [normal(2, 16, 9, 9), normal(5, 16, 3, 3)], conv(padding=1))
case("conv2d 17 channels, large plane, batch 1", [normal(1, 17, 9, 8), normal(6, 17, 3, 3)], conv(padding=1))
case("conv2d 16 to 32 channels, large plane", [normal(1, 16, 9, 8), normal(32, 16, 3, 3), normal(32)], conv(padding=1))
case("conv2d 16 channels, 25×24, batch 2", [normal(2, 16, 25, 24), normal(3, 16, 3, 3)], conv(padding=1))
case("conv2d 16 to 20 channels, dilation 2, batch 2", [normal(2, 16, 10, 9), normal(20, 16, 3, 3)], conv(padding=2, dilation=2))
case("conv2d 8 to 12 channels, 3×2 on 4×3, padding 1×0", [normal(1, 8, 4, 3), normal(12, 8, 3, 2)], conv(padding=(1, 0)))
case("conv2d 17 channels, small plane", [normal(2, 17, 6, 7), normal(6, 17, 3, 3)], conv(padding=1))
case("conv2d 16 channels, small plane, stride 2, batch 1", [normal(1, 16, 7, 6), normal(16, 16, 3, 3)], conv(padding=1, stride=2))
case("conv2d 1×1", [normal(2, 5, 9, 9), normal(7, 5, 1, 1), normal(7)], conv())
case("conv2d 1×1, small plane", [normal(3, 18, 3, 5), normal(4, 18, 1, 1)], conv())
case("conv2d 1×1, stride 2", [normal(2, 3, 9, 8), normal(4, 3, 1, 1)], conv(stride=2))
case("conv2d 1×1, padded", [normal(2, 3, 8, 7), normal(2, 3, 1, 1)], conv(padding=1))
case("conv2d 1×5, padding 0×2", [normal(2, 2, 6, 11), normal(3, 2, 1, 5)], conv(padding=(0, 2)))
case("conv2d one pixel out", [normal(2, 3, 4, 5), normal(4, 3, 4, 5)], conv())
case("conv2d 4 to 8 channels, 8×8", [normal(2, 4, 8, 8), normal(8, 4, 3, 3), normal(8)], conv(padding=1))
case("conv2d 8 to 4 channels, 12×12, stride 2", [normal(1, 8, 12, 12), normal(4, 8, 3, 3)], conv(padding=1, stride=2))
case("conv2d 1×1, 8 to 12 channels", [normal(2, 8, 4, 8), normal(12, 8, 1, 1), normal(12)], conv())
case("conv2d 1×1, 4 to 1 channel", [normal(2, 4, 6, 6), normal(1, 4, 1, 1), normal(1)], conv())
case("conv2d four groups of 2 to 4, 8×8", [normal(1, 8, 8, 8), normal(16, 2, 3, 3)], conv(padding=1, groups=4))
case("conv2d one channel in, stride 2", [normal(2, 1, 8, 8), normal(4, 1, 3, 3)], conv(padding=1, stride=2))
case("conv2d depthwise, multiplier 3, stride 2", [normal(1, 2, 7, 7), normal(6, 1, 3, 3)], conv(padding=1, groups=2, stride=2))
case("conv2d depthwise, multiplier 4, stride 2", [normal(1, 3, 8, 8), normal(12, 1, 3, 3)], conv(padding=1, groups=3, stride=2))

case("convTranspose2d 2×2, stride 2", [normal(2, 4, 5, 6), normal(4, 3, 2, 2), normal(3)], conv_transpose(stride=2))
case("convTranspose2d 2×2, stride 2, 16 channels", [normal(1, 16, 3, 5), normal(16, 8, 2, 2)], conv_transpose(stride=2))
case("convTranspose2d 3×3, stride 2, output padding, groups", [normal(2, 4, 5, 6), normal(4, 3, 3, 3), normal(6)], conv_transpose(stride=2, padding=1, output_padding=1, groups=2))
case("convTranspose2d stride 1", [normal(2, 3, 5, 7), normal(3, 4, 3, 3)], conv_transpose(padding=1))
case("convTranspose2d stride 1, padding beyond the kernel", [normal(2, 3, 7, 8), normal(3, 2, 2, 2)], conv_transpose(padding=2))
case("convTranspose2d stride 3×2 beyond the kernel", [normal(2, 3, 4, 5), normal(3, 2, 2, 1)], conv_transpose(stride=(3, 2), output_padding=(2, 0)))
case("convTranspose2d dilation 2, stride 2", [normal(1, 3, 4, 5), normal(3, 2, 3, 2)], conv_transpose(stride=2, dilation=2, padding=1, output_padding=1))
case("convTranspose2d dilation 2, stride 1, output padding", [normal(1, 2, 5, 4), normal(2, 3, 3, 3)], conv_transpose(dilation=2, padding=2, output_padding=1))
case("convTranspose2d dilation 3, stride 2, output padding 2", [normal(1, 2, 4, 3), normal(2, 2, 2, 2)], conv_transpose(stride=2, dilation=3, padding=1, output_padding=2))
case("convTranspose2d 1×1, padded, output padding", [normal(1, 2, 4, 5), normal(2, 3, 1, 1)], conv_transpose(dilation=2, padding=1, output_padding=1))
case("convTranspose2d depthwise, 4×4, stride 2", [normal(2, 3, 4, 5), normal(3, 1, 4, 4)], conv_transpose(stride=2, padding=1, groups=3))
case("convTranspose2d 5 channels to one", [normal(2, 5, 4, 3), normal(5, 1, 2, 2), normal(1)], conv_transpose(stride=2))
case("convTranspose2d 8 channels to 4, 4×4", [normal(2, 8, 4, 4), normal(8, 4, 2, 2), normal(4)], conv_transpose(stride=2))

# ---- pooling ----------------------------------------------------------------------------------------


def max_pool(kernel, **options):
    return lambda x: F.max_pool2d(x, kernel, **options)


def unpool(kernel, stride, padding):
    """Values that meet are added."""
    def run(x, y):
        _, indices = F.max_pool2d(x, kernel, stride, padding, return_indices=True)
        flat = torch.zeros(*x.shape[:2], x.shape[2] * x.shape[3], dtype=x.dtype)
        return flat.scatter_add(2, indices.flatten(2), y.flatten(2)).reshape(x.shape)
    return run


case("maxPool2d 2×2", [normal(2, 3, 8, 6)], max_pool(2))
case("maxPool2d 2×2, odd size", [normal(3, 2, 7, 5)], max_pool(2))
case("maxPool2d 2×2, ties", [whole(2, 3, 6, 8, low=-1, high=1)], max_pool(2))
case("maxPool2d 3×3, stride 2, overlapping", [normal(2, 3, 9, 8)], max_pool(3, stride=2, padding=1))
case("maxPool2d 3×3, stride 1, ties", [whole(2, 2, 6, 7, low=-1, high=1)], max_pool(3, stride=1, padding=1))
case("maxPool2d 3×3, stride 2, constant image", [whole(1, 2, 7, 7, low=0, high=0)], max_pool(3, stride=2, padding=1))
case("maxPool2d 2×3, stride 1×2, padding 0×1", [normal(2, 2, 5, 8)], max_pool((2, 3), stride=(1, 2), padding=(0, 1)))
case("maxPool2d 2×2, stride 3", [normal(1, 3, 9, 10)], max_pool(2, stride=3))
case("maxPool2d 1×2, stride 1×3, padding 0×1", [normal(2, 2, 3, 5)], max_pool((1, 2), stride=(1, 3), padding=(0, 1)))
case("maxPool2d 1×2, stride 1×3, padding 0×1, one window", [normal(1, 1, 1, 2)], max_pool((1, 2), stride=(1, 3), padding=(0, 1)))
case("maxPool2d of negative values, padded", [normal(2, 2, 5, 5, shift=-10)], max_pool(3, stride=2, padding=1))
case("maxPool2d whole image", [normal(2, 3, 4, 5)], max_pool((4, 5)))
case("maxUnpool2d 2×2", [normal(2, 3, 6, 8), normal(2, 3, 3, 4)], lambda x, y: F.max_unpool2d(y, F.max_pool2d(x, 2, return_indices=True)[1], 2))
case("maxUnpool2d 2×2, odd size, ties", [whole(2, 2, 7, 5, low=-1, high=1), normal(2, 2, 3, 2)], lambda x, y: F.max_unpool2d(y, F.max_pool2d(x, 2, return_indices=True)[1], 2, output_size=(7, 5)))
case("maxUnpool2d 3×3, stride 2, overlapping", [normal(2, 2, 7, 8), normal(2, 2, 4, 4)], unpool(3, 2, 1))
case("avgPool2d 2×2", [normal(2, 3, 8, 6)], lambda x: F.avg_pool2d(x, 2))
case("avgPool2d 2×2, odd size", [normal(3, 2, 7, 5)], lambda x: F.avg_pool2d(x, 2))
case("avgPool2d 3×3, stride 2, padding counted", [normal(2, 3, 9, 8)], lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=True))
case("avgPool2d 3×3, stride 2, padding not counted", [normal(2, 3, 9, 8)], lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False))
case("avgPool2d 3×2, stride 1, padding 1×0 not counted", [normal(2, 2, 6, 5)], lambda x: F.avg_pool2d(x, (3, 2), 1, (1, 0), count_include_pad=False))
case("avgPool2d 2×2, stride 3", [normal(1, 3, 9, 10)], lambda x: F.avg_pool2d(x, 2, 3))
case("globalAvgPool2d", [normal(3, 4, 5, 7)], lambda x: F.adaptive_avg_pool2d(x, 1))
case("adaptiveAvgPool2d, windows that overlap", [normal(2, 3, 7, 10)], lambda x: F.adaptive_avg_pool2d(x, (3, 4)))
case("adaptiveAvgPool2d, windows that do not overlap", [normal(2, 3, 6, 8)], lambda x: F.adaptive_avg_pool2d(x, (3, 2)))
case("adaptiveAvgPool2d to a larger size", [normal(2, 2, 3, 5)], lambda x: F.adaptive_avg_pool2d(x, (5, 5)))
case("maxPool2d 2×2, 4 channels, 8×8", [normal(2, 4, 8, 8)], max_pool(2))
case("avgPool2d 3×3, 4 channels, 8×8, padded", [normal(1, 4, 8, 8)], lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))

# ---- resize -----------------------------------------------------------------------------------------


def resize(size, mode="bilinear", corners=False):
    options = {} if mode == "nearest" else {"align_corners": corners}
    return lambda x: F.interpolate(x, size=size, mode=mode, **options)


case("resize nearest, twice", [normal(2, 3, 5, 4)], resize((10, 8), "nearest"))
case("resize nearest, up by a fraction", [normal(2, 2, 5, 4)], resize((8, 11), "nearest"))
case("resize nearest, down", [normal(2, 2, 9, 10)], resize((4, 5), "nearest"))
case("resize nearest, rows up and columns down", [normal(1, 3, 3, 11)], resize((7, 4), "nearest"))
case("resize bilinear, twice", [normal(2, 3, 5, 4)], resize((10, 8)))
case("resize bilinear, up by a fraction", [normal(2, 2, 5, 4)], resize((8, 11)))
case("resize bilinear, down", [normal(2, 2, 9, 10)], resize((4, 3)))
case("resize bilinear, rows down and columns up", [normal(1, 3, 9, 4)], resize((5, 7)))
case("resize bilinear, from one pixel", [normal(2, 2, 1, 1)], resize((3, 4)))
case("resize bilinear with aligned corners, twice", [normal(2, 3, 5, 4)], resize((10, 8), corners=True))
case("resize bilinear with aligned corners, down", [normal(2, 2, 9, 10)], resize((4, 3), corners=True))
case("resize bilinear with aligned corners, to one row", [normal(2, 2, 5, 6)], resize((1, 9), corners=True))
case("resize bilinear, twice, 4 channels, 4×4", [normal(1, 4, 4, 4)], resize((8, 8)))

# ---- normalization and dropout ----------------------------------------------------------------------


def batch_norm_eval(epsilon):
    def run(x, weight, bias, mean, variance):
        shape = (1, -1) + (1,) * (x.ndim - 2)
        scale = (weight / torch.sqrt(variance + epsilon)).reshape(shape)
        return (x - mean.reshape(shape)) * scale + bias.reshape(shape)
    return run


def batch_norm_train(x, weight, bias):
    return F.batch_norm(x, None, None, weight, bias, training=True)


def statistics(x):
    return torch.cat([x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)])


case("batchNorm in training", [normal(4, 3, 5, 4), normal(3), normal(3)], batch_norm_train)
case("batchNorm in training, batch 1", [normal(1, 5, 7, 3), normal(5), normal(5)], batch_norm_train)
case("batchNorm in training, mean far from 0", [normal(3, 2, 6, 5, shift=20), normal(2), normal(2)], batch_norm_train)
case("batchNorm in evaluation", [normal(2, 3, 5, 4), normal(3), normal(3), normal(3), positive(3)], batch_norm_eval(1e-5))
case("batchNorm in evaluation, ε of 0.001", [normal(3, 4, 3, 3), normal(4), normal(4), normal(4), positive(4)], batch_norm_eval(1e-3))
case("batchStatistics", [normal(3, 4, 5, 3, shift=2)], statistics)
case("groupNorm, two groups", [normal(3, 6, 5, 4), normal(6), normal(6)], lambda x, w, b: F.group_norm(x, 2, w, b))
case("groupNorm, mean far from 0", [normal(2, 4, 6, 5, shift=20), normal(4), normal(4)], lambda x, w, b: F.group_norm(x, 4, w, b, 1e-3))
case("groupNorm of all channels without weights", [normal(2, 8, 4, 4)], lambda x: F.group_norm(x, 1))
case("instanceNorm", [normal(2, 3, 5, 4), normal(3), normal(3)], lambda x, w, b: F.instance_norm(x, None, None, w, b))
case("dropout with a given mask", [normal(3, 4, 5, 3), mask(3, 4, 5, 3)], lambda x, m: torch.where(m, x / 0.6, torch.zeros_like(x)))
case("batchNorm in training, 8 channels, 4×4", [normal(2, 8, 4, 4), normal(8), normal(8)], batch_norm_train)
case("dropout between convolutions", [normal(2, 3, 6, 5), normal(4, 3, 3, 3), mask(2, 4, 6, 5), normal(2, 4, 3, 3)], lambda x, v, m, w: F.conv2d(torch.where(m, F.relu(F.conv2d(x, v, padding=1)) / 0.6, torch.zeros(())), w, padding=1))
case("classes after a convolution", [normal(2, 3, 6, 5), normal(4, 3, 3, 3)], lambda x, w: F.conv2d(x, w, padding=1).argmax(1).to(torch.uint8))
case("comparison after a convolution", [normal(2, 3, 6, 5), normal(2, 3, 3, 3)], lambda x, w: F.conv2d(x, w, padding=1) > 0)

# ---- element by element -----------------------------------------------------------------------------

ZEROS_TOO = whole(3, 5, 7, low=-2, high=2)
case("relu", [normal(3, 5, 7)], F.relu)
case("relu at 0", [ZEROS_TOO], F.relu)
case("relu6", [normal(3, 5, 7, scale=5)], F.relu6)
case("relu6 at its corners", [whole(3, 5, 7, low=-2, high=8)], F.relu6)
case("leakyRelu", [normal(3, 5, 7)], lambda x: F.leaky_relu(x, 0.2))
case("leakyRelu at 0", [ZEROS_TOO], F.leaky_relu)
case("sigmoid", [normal(3, 5, 7, scale=3)], torch.sigmoid)
case("sigmoid of large values", [normal(3, 5, 7, scale=200)], torch.sigmoid)
case("tanh", [normal(3, 5, 7)], torch.tanh)
case("tanh of large values", [normal(3, 5, 7, scale=200)], torch.tanh)
case("softplus", [normal(3, 5, 7, scale=3)], lambda x: F.softplus(x, threshold=1e9))
case("softplus of large values", [normal(3, 5, 7, scale=200)], lambda x: torch.logaddexp(x, torch.zeros_like(x)))
case("silu", [normal(3, 5, 7, scale=3)], F.silu)
case("silu of large values", [normal(3, 5, 7, scale=200)], F.silu)
case("gelu", [normal(3, 5, 7, scale=3)], F.gelu)
case("gelu of large values", [normal(3, 5, 7, scale=200)], F.gelu)
case("hardSwish", [normal(3, 5, 7, scale=3)], F.hardswish)
case("erf", [normal(3, 5, 7)], torch.erf)
case("exp", [normal(3, 5, 7)], torch.exp)
case("log", [positive(3, 5, 7)], torch.log)
case("log1p", [positive(3, 5, 7)], torch.log1p)
case("sqrt", [positive(3, 5, 7)], torch.sqrt)
case("abs", [ZEROS_TOO], torch.abs)
case("sign", [ZEROS_TOO], torch.sign)
case("neg", [normal(3, 5, 7)], torch.neg)
case("clip", [normal(3, 5, 7)], lambda x: torch.clamp(x, -0.5, 0.75))
case("clip at its bounds", [ZEROS_TOO], lambda x: torch.clamp(x, -1, 1))
case("clip from below", [normal(3, 5, 7)], lambda x: torch.clamp(x, min=0.25))
case("clip from above", [normal(3, 5, 7)], lambda x: torch.clamp(x, max=0.25))
case("stopGradient", [normal(3, 5)], lambda x: x * x.detach())
case("logicalNot", [mask(3, 5)], torch.logical_not)
case("cast float32 to int32 and back", [normal(3, 5, 7, scale=4)], lambda x: x.to(torch.int32).to(x.dtype))
case("cast float32 to bool and back", [ZEROS_TOO], lambda x: x.to(torch.bool).to(x.dtype))
case("cast bool to float32", [mask(3, 5), normal(3, 5)], lambda m, x: x * m.to(x.dtype))
case("cast uint8 to float32", [integers(2, 3, 5, high=255, dtype="uint8"), normal(2, 3, 5)], lambda i, x: x * i.to(x.dtype))
case("cast int32 to float32", [integers(3, 5, low=-50, high=50), normal(3, 5)], lambda i, x: x * i.to(x.dtype))
case("cast int64 to float32", [integers(3, 5, low=-50, high=50, dtype="int64"), normal(3, 5)], lambda i, x: x * i.to(x.dtype))
case("cast int32 to int64", [integers(3, 5, low=-50, high=50)], lambda i: i.to(torch.int64))
case("cast float32 to uint8", [whole(3, 5, low=0, high=255)], lambda x: x.to(torch.uint8))
case("cast int64 to uint8", [integers(3, 5, high=255, dtype="int64")], lambda i: i.to(torch.uint8))
case("abs of int32", [integers(3, 5, low=-9, high=9)], torch.abs)
case("neg of int32", [integers(3, 5, low=-9, high=9)], torch.neg)
case("sign of int32", [integers(3, 5, low=-2, high=2)], torch.sign)

# ---- arithmetic, comparison, choice -----------------------------------------------------------------

case("add, broadcasting both", [normal(3, 1, 5), normal(2, 3, 4, 1)], torch.add)
case("sub, broadcasting both", [normal(3, 1, 5), normal(2, 3, 4, 1)], torch.sub)
case("mul, broadcasting both", [normal(3, 1, 5), normal(2, 3, 4, 1)], torch.mul)
case("div, broadcasting both", [normal(3, 1, 5), positive(2, 3, 4, 1)], torch.div)
case("mul of a tensor with itself", [normal(3, 5)], lambda x: x * x)
case("add, a scalar tensor", [normal(), normal(2, 3)], torch.add)
case("arithmetic with numbers", [normal(2, 3, 5)], lambda x: 3 - (2 * x + 1) / 4)
case("pow, both tensors", [positive(3, 1, 5), normal(3, 4, 1)], torch.pow)
case("pow, exponent 3", [normal(3, 5)], lambda x: x ** 3)
case("pow, exponent 2", [normal(3, 5)], lambda x: x ** 2)
case("pow, exponent ½", [positive(3, 5)], lambda x: x ** 0.5)
case("pow, exponent −1.5", [positive(3, 5)], lambda x: x ** -1.5)
case("maximum, ties", [ZEROS_TOO, whole(5, 1, low=-2, high=2)], torch.maximum)
case("minimum, ties", [ZEROS_TOO, whole(5, 1, low=-2, high=2)], torch.minimum)
for name, function in [("greater", torch.gt), ("greaterEqual", torch.ge), ("less", torch.lt), ("lessEqual", torch.le), ("equal", torch.eq)]:
    case(name, [whole(3, 5, 1, low=-1, high=1), whole(4, low=-1, high=1)], function)
case("equal of bool", [mask(3, 5, 1), mask(4)], torch.eq)
case("equal of int32", [integers(3, 5, 1, high=2), integers(4, high=2)], torch.eq)
case("less of int32", [integers(3, 5, 1, high=2), integers(4, high=2)], torch.lt)
case("logicalAnd", [mask(3, 5, 1), mask(4)], torch.logical_and)
case("logicalOr", [mask(3, 5, 1), mask(4)], torch.logical_or)
case("where, broadcasting all", [mask(3, 1, 5), normal(2, 1, 4, 1), normal(5)], torch.where)
case("where with a number", [mask(3, 5), normal(3, 5)], lambda m, x: torch.where(m, x, torch.full_like(x, 0.25)))
case("where of int32", [mask(3, 5), integers(3, 5, high=9), integers(5, high=9)], torch.where)
case("broadcastTo", [normal(3, 1, 5)], lambda x: x.expand(2, 3, 4, 5))
for name, function in [("add", torch.add), ("div", torch.div), ("pow", torch.pow), ("maximum", torch.maximum)]:
    case(f"{name}, a column and rows of 4", [positive(3, 1), positive(3, 4)], function)
    case(f"{name}, rows of 4 and a column", [positive(2, 3, 8), positive(3, 1)], function)
    case(f"{name}, a row of 4 and a matrix", [positive(4), positive(3, 4)], function)
    case(f"{name}, a row of 4 and a column", [positive(1, 4), positive(3, 1)], function)
case("greater, a column and rows of 4", [whole(3, 1, low=-1, high=1), whole(3, 4, low=-1, high=1)], torch.gt)
case("where, rows of 4", [mask(3, 1, 4), normal(2, 4), normal(1, 2, 1)], torch.where)
case("where, a column decides rows of 4", [mask(3, 1), normal(3, 4), normal(4)], torch.where)

# ---- reductions -------------------------------------------------------------------------------------

case("sum of all", [normal(3, 4, 5)], lambda x: x.sum())
case("sum over axes", [normal(3, 4, 5, 2)], lambda x: x.sum((0, 2)))
case("sum over axes, kept", [normal(3, 4, 5, 2)], lambda x: x.sum((1, -1), keepdim=True))
case("mean of all", [normal(3, 4, 5)], lambda x: x.mean())
case("mean over the last axis", [normal(3, 4, 5)], lambda x: x.mean(-1))
case("mean over axes, kept", [normal(3, 4, 5, 2)], lambda x: x.mean((0, 2, 3), keepdim=True))
case("max over axes", [normal(3, 4, 5)], lambda x: x.amax((0, 2)))
case("max, ties, kept", [whole(3, 4, 5, low=-1, high=1)], lambda x: x.amax(1, keepdim=True))
case("min, ties", [whole(3, 4, 5, low=-1, high=1)], lambda x: x.amin((0, 1)))
case("min of all", [normal(3, 4, 5)], lambda x: x.amin())
case("sum of int32", [integers(3, 4, 5, high=9)], lambda x: x.sum((0, 2)))
case("argMax, ties", [whole(3, 4, 5, low=-1, high=1)], lambda x: (x == x.amax(1, keepdim=True)).to(torch.uint8).argmax(1))
case("argMax, compared", [normal(2, 4, 5), integers(2, 5, high=3, dtype="int64")], lambda x, i: x.argmax(1) == i)
case("argMax over the last axis", [normal(3, 4, 5)], lambda x: x.argmax(-1))
case("sum over the last axis of 8", [normal(3, 4, 8)], lambda x: x.sum(-1))
case("sum over the first axis, rows of 8", [normal(5, 8)], lambda x: x.sum(0))
case("max over the last axis of 8", [normal(3, 4, 8)], lambda x: x.amax(-1))

# ---- matrix products, softmax -----------------------------------------------------------------------

swap = lambda x: x.transpose(-1, -2)
case("matmul", [normal(3, 5), normal(5, 4)], torch.matmul)
case("matmul, first transposed", [normal(2, 5, 3), normal(2, 5, 4)], lambda a, b: swap(a) @ b)
case("matmul, second transposed", [normal(2, 3, 5), normal(2, 4, 5)], lambda a, b: a @ swap(b))
case("matmul, both transposed", [normal(2, 5, 3), normal(2, 4, 5)], lambda a, b: swap(a) @ swap(b))
case("matmul, batches broadcast", [normal(3, 1, 2, 5), normal(2, 5, 4)], torch.matmul)
case("matmul, both transposed, batches broadcast", [normal(5, 2), normal(2, 3, 4, 5)], lambda a, b: swap(a) @ swap(b))
case("matmul, 8×12 by 12×4", [normal(8, 12), normal(12, 4)], torch.matmul)
case("matmul, 33×40 by 40×36", [normal(33, 40), normal(40, 36)], torch.matmul)
case("matmul, second transposed, batches of 8×16", [normal(2, 8, 16), normal(2, 4, 16)], lambda a, b: a @ swap(b))
case("softmax over channels", [normal(2, 5, 3, 4)], lambda x: F.softmax(x, 1))
case("softmax over the last axis, large values", [normal(3, 7, scale=300)], lambda x: F.softmax(x, -1))
case("logSoftmax over channels", [normal(2, 5, 3, 4)], lambda x: F.log_softmax(x, 1))
case("logSoftmax over the last axis, large values", [normal(3, 7, scale=300)], lambda x: F.log_softmax(x, -1))
case("softmax over 4 channels, 4×8", [normal(2, 4, 4, 8)], lambda x: F.softmax(x, 1))
case("logSoftmax over 4 channels, 4×8", [normal(2, 4, 4, 8)], lambda x: F.log_softmax(x, 1))
case("logSoftmax of one class", [normal(2, 1, 3)], lambda x: F.log_softmax(x, 1))

# ---- layout -----------------------------------------------------------------------------------------

case("reshape", [normal(3, 4, 5)], lambda x: x.reshape(2, -1, 5))
case("transpose", [normal(2, 3, 4, 5)], lambda x: x.permute(2, 0, 3, 1))
case("slice", [normal(2, 5, 7)], lambda x: x[:, 1:4, 2:-1])
case("slice by steps", [normal(2, 5, 7)], lambda x: x[:, 1:5:2, 1:7:3])
case("slice by steps of 4 axes", [normal(3, 4, 9, 8)], lambda x: x[0:3:2, 1:4:2, 0:9:4, 1:8:2])
case("slice of int32", [integers(4, 5, high=99)], lambda x: x[1:3, 0:5:2])
case("pad", [normal(2, 3, 4)], lambda x: F.pad(x, (1, 2, 0, 3, 2, 0)))
case("pad with a value", [normal(2, 3, 4)], lambda x: F.pad(x, (1, 2, 0, 3), value=-1.5))
case("concat of two", [normal(2, 3, 4), normal(2, 5, 4)], lambda *t: torch.cat(t, 1))
case("concat of eleven", [normal(2, i % 3 + 1, 3) for i in range(11)], lambda *t: torch.cat(t, 1))
case("concat of int32", [integers(2, 3, high=9), integers(2, 1, high=9)], lambda *t: torch.cat(t, 1))
case("split", [normal(2, 9, 3)], lambda x: torch.cat([x[:, 5:9] * x[:, 0:4], x[:, 4:5]], 1))
case("flip", [normal(2, 3, 4, 5)], lambda x: x.flip(1, 3))
case("transpose of bool", [mask(3, 5)], lambda m: m.T)
case("transpose of int32", [integers(3, 5, high=9)], lambda i: i.T)
case("slice of bool", [mask(4, 5)], lambda m: m[1:3, 0:5:2])
case("pad of int32", [integers(3, 4, high=9)], lambda i: F.pad(i, (1, 0, 0, 2), value=255))
case("pad of bool", [mask(3, 4)], lambda m: F.pad(m, (1, 0, 0, 2), value=1))
case("concat of bool", [mask(2, 3), mask(2, 2)], lambda *t: torch.cat(t, 1))
case("flip of int32", [integers(2, 3, 4, high=9)], lambda i: i.flip(1, 2))
case("reshape and broadcast bool", [mask(6)], lambda m: m.reshape(2, 3, 1).expand(2, 3, 4))
case("slices of 4 channels, 4×8", [normal(2, 4, 4, 8)], lambda x: torch.cat([x[:, :, 1:4, 4:8], x[:, :, 0:3, 0:4]], 1))
case("concat of rows of 4", [normal(2, 4, 4), normal(2, 8, 4), normal(2, 4, 4)], lambda *t: torch.cat(t, 1))

# ---- indices ----------------------------------------------------------------------------------------


def take(axis):
    def run(x, i):
        shape = x.shape[:axis] + i.shape + x.shape[axis + 1:]
        return x.index_select(axis, i.flatten().to(torch.int64)).reshape(shape)
    return run


def one_hot(classes, axis):
    def run(i):
        planes = [(i == k) for k in range(classes)]
        return torch.stack(planes, axis).to(torch.float32)
    return run


case("gather rows, repeated", [normal(5, 3), integers(7, high=4)], take(0))
case("gather by a matrix of int64 on axis 1", [normal(2, 5, 3), integers(2, 4, high=4, dtype="int64")], take(1))
case("gather on the last axis", [normal(2, 3, 6), integers(4, high=5)], take(2))
case("oneHot of int32, some out of range", [integers(2, 3, 4, low=-1, high=5)], one_hot(5, 1))
case("oneHot of int64", [integers(2, 3, high=3, dtype="int64")], one_hot(4, -1))
case("oneHot of uint8, ignored pixels", [integers(2, 3, 4, low=250, high=255, dtype="uint8")], one_hot(253, 1))
case("oneHot weighs a tensor", [normal(2, 3, 4), integers(2, 4, high=2)], lambda x, i: (x * one_hot(3, 1)(i).to(x.dtype)).sum(1))
case("topK", [normal(3, 4, 7)], lambda x: x.topk(3, -1)[0])
case("topK of a whole row", [normal(2, 9)], lambda x: x.topk(9, -1)[0])
case("places of topK", [normal(2, 9)], lambda x: x.topk(4, -1)[1])
case("gatherElements, repeated", [normal(2, 3, 6), integers(2, 3, 9, high=5, dtype="int64")], lambda x, i: x.gather(-1, i))
case("gatherElements by topK of another", [normal(2, 8), normal(2, 8)], lambda x, y: y.gather(-1, x.topk(8, -1)[1]))
case("cumulativeSum", [normal(2, 3, 7)], lambda x: x.cumsum(-1))
case("cumulativeSum from the end, exclusive", [normal(3, 8)], lambda x: x.flip(-1).cumsum(-1).flip(-1) - x)

# ---- second derivatives -----------------------------------------------------------------------------

case("second derivative of conv2d", [normal(2, 3, 5, 6), normal(4, 3, 3, 3), normal(4)], conv(padding=1), second=True)
case("second derivative of conv2d, large plane", [normal(1, 2, 9, 9), normal(3, 2, 3, 3)], conv(padding=1), second=True)
case("second derivative of conv2d, stride 2", [normal(2, 3, 7, 6), normal(4, 3, 3, 3)], conv(padding=1, stride=2), second=True)
case("second derivative of conv2d, groups, dilation", [normal(2, 4, 6, 7), normal(4, 2, 3, 2)], conv(padding=2, dilation=2, groups=2), second=True)
case("second derivative of conv2d, depthwise", [normal(2, 3, 5, 6), normal(6, 1, 3, 3)], conv(padding=1, groups=3), second=True)
case("second derivative of convTranspose2d", [normal(2, 3, 3, 4), normal(3, 2, 3, 3)], conv_transpose(stride=2, padding=1, output_padding=1), second=True)
case("second derivative of convTranspose2d, dilation, output padding", [normal(1, 2, 4, 3), normal(2, 2, 3, 2)], conv_transpose(dilation=2, padding=1, output_padding=1), second=True)
case("second derivative of maxPool2d", [normal(2, 3, 6, 5)], max_pool(2), second=True)
case("second derivative of maxPool2d, overlapping", [normal(2, 3, 7, 6)], max_pool(3, stride=2, padding=1), second=True)
case("second derivative of maxUnpool2d", [normal(2, 2, 4, 6), normal(2, 2, 2, 3)], unpool(2, 2, 0), second=True)
case("second derivative of avgPool2d", [normal(2, 3, 7, 6)], lambda x: F.avg_pool2d(x, 3, 2, 1), second=True)
case("second derivative of resize", [normal(2, 2, 3, 4)], resize((5, 7)), second=True)
case("second derivative of batchNorm in training", [normal(3, 2, 4, 3), normal(2), normal(2)], batch_norm_train, second=True)
case("second derivative of groupNorm", [normal(2, 4, 3, 2), normal(4), normal(4)], lambda x, w, b: F.group_norm(x, 2, w, b), second=True)
case("second derivative of batchNorm in evaluation", [normal(2, 3, 3, 2), normal(3), normal(3), normal(3), positive(3)], batch_norm_eval(1e-5), second=True)
case("second derivative of logSoftmax", [normal(2, 4, 3)], lambda x: F.log_softmax(x, 1), second=True)
case("second derivative of softmax", [normal(2, 4, 3)], lambda x: F.softmax(x, 1), second=True)
case("second derivative of softplus", [normal(3, 5)], F.softplus, second=True)
case("second derivative of sigmoid", [normal(3, 5)], torch.sigmoid, second=True)
case("second derivative of silu", [normal(3, 5)], lambda x: x * torch.sigmoid(x), second=True)
case("second derivative of gelu", [normal(3, 5)], F.gelu, second=True)
case("second derivative of div", [normal(3, 1, 4), positive(2, 1)], torch.div, second=True)
case("second derivative of pow", [positive(3, 1), positive(3, 4)], torch.pow, second=True)
case("second derivative of matmul", [normal(3, 1, 2, 4), normal(2, 3, 4)], lambda a, b: a @ swap(b), second=True)
case("second derivative of slice by steps", [normal(2, 5, 7)], lambda x: x[:, 1:5:2, 1:7:3] ** 3, second=True)
case("second derivative of topK", [normal(2, 7)], lambda x: x.topk(3, -1)[0] ** 3, second=True)
case("second derivative of gather", [normal(4, 3), integers(5, high=3)], take(0), second=True)


# ---- running ----------------------------------------------------------------------------------------

TORCH = {"int32": torch.int32, "int64": torch.int64, "uint8": torch.uint8, "bool": torch.bool}


def generator(*names):
    return np.random.RandomState(zlib.crc32("/".join(names).encode()))


def evaluate(inputs, values, function, second, seed, dtype):
    """The inputs (with the first cotangent of `second` among them), the cotangent, the result and the gradients."""
    tensors = []
    for spec, value in zip(inputs, values):
        is_float = spec.dtype == "float32"
        tensor = torch.tensor(value, dtype=dtype if is_float else TORCH[spec.dtype])
        tensors.append(tensor.requires_grad_() if is_float else tensor)
    result = function(*tensors)
    if second:
        weights = generator(seed, "first cotangent").standard_normal(result.shape).astype(np.float32)
        first = torch.tensor(weights, dtype=dtype).requires_grad_()
        floats = [t for t in tensors if t.requires_grad]
        slopes = torch.autograd.grad((result * first).sum(), floats, create_graph=True, allow_unused=True)
        result = torch.cat([t.flatten() * 0 if s is None else s.flatten() for t, s in zip(floats, slopes)])
        tensors = [first, *tensors]
    floats = [t for t in tensors if t.requires_grad]
    cotangent = generator(seed, "cotangent").standard_normal(result.shape).astype(np.float32)
    gradients = []
    if result.dtype.is_floating_point and floats:
        if result.requires_grad:
            loss = (result * torch.tensor(cotangent, dtype=dtype)).sum()
            gradients = list(torch.autograd.grad(loss, floats, allow_unused=True))
        else:
            gradients = [None] * len(floats)
        gradients = [torch.zeros_like(t) if g is None else g for t, g in zip(floats, gradients)]
    to_numpy = lambda t: t.detach().to(torch.float64).numpy()
    return tensors, cotangent, to_numpy(result), result.dtype, [to_numpy(g) for g in gradients]


def relative_error(a, b):
    norm = np.linalg.norm(b)
    return float(np.linalg.norm(a - b) / norm) if norm > 0 else 0.0


def main():
    index, chunks = [], []
    assert len({name for name, *_ in CASES}) == len(CASES)
    for name, inputs, function, second in CASES:
        values = [np.asarray(spec.make(generator(name, str(i)))) for i, spec in enumerate(inputs)]
        values = [v.astype(np.float32) if s.dtype == "float32" else v for s, v in zip(inputs, values)]
        exact = evaluate(inputs, values, function, second, name, torch.float64)
        single = evaluate(inputs, values, function, second, name, torch.float32)
        tensors, cotangent, result, dtype, gradients = exact
        if not dtype.is_floating_point:
            cotangent = cotangent[..., :0] if cotangent.ndim else np.zeros(0, np.float32)
        kinds = {torch.float32: "float32", torch.float64: "float32", torch.int32: "int32", torch.int64: "int64",
                 torch.uint8: "uint8", torch.bool: "bool"}
        digits = lambda e: float(f"{e:.1e}")
        index.append({
            "name": name,
            "inputs": [{"shape": list(t.shape), "dtype": kinds[t.dtype]} for t in tensors],
            "output": {"shape": list(result.shape), "error": digits(relative_error(single[2], result))},
            "gradients": [digits(relative_error(s, g)) for s, g in zip(single[4], gradients)],
        })
        arrays = [t.detach().to(torch.float64).numpy() for t in tensors]
        if gradients:
            arrays.append(cotangent)
        chunks += [a.astype("<f4").ravel() for a in [*arrays, result, *gradients]]
    (HERE / "operators.bin").write_bytes(np.concatenate(chunks).tobytes())
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in index)
    (HERE / "operators.json").write_text("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
