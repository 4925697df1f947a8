"""Writes test/golden/weights/*.pth with torch.save, in both formats, for src/weights/pth.test.ts, which knows the
values. Run from the repository's root: python3 test/golden/make_pth.py"""

import collections
import os

import torch

FOLDER = "test/golden/weights"
os.makedirs(FOLDER, exist_ok=True)


def save(name, value):
    torch.save(value, f"{FOLDER}/{name}.pth")
    torch.save(value, f"{FOLDER}/{name}-legacy.pth", _use_new_zipfile_serialization=False)


def ramp(*shape, dtype=torch.float32):
    count = 1
    for size in shape:
        count *= size
    return (torch.arange(count, dtype=torch.float64) / 4 - 1).reshape(shape).to(dtype)


# A model's state dict: its modules' versions travel along as an attribute of the dictionary.
model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, (1, 2)), torch.nn.BatchNorm2d(3))
with torch.no_grad():
    model[0].weight.copy_(ramp(3, 2, 1, 2))
    model[0].bias.copy_(ramp(3))
    model[1].running_var.copy_(ramp(3) + 2)
    model[1].num_batches_tracked.fill_(7)
save("state-dict", model.state_dict())

# Views that share a storage, and every type of element.
base = ramp(4, 6)
views = collections.OrderedDict(
    whole=base,
    row=base[2],
    transposed=base.t(),
    window=base[1:3, 1:6:2],
    expanded=base[0, 3].expand(2, 2),
    scalar=base[3, 5],
    empty=base[:0],
    channels_last=ramp(1, 2, 2, 2).contiguous(memory_format=torch.channels_last),
)
for dtype in ["float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]:
    views[dtype] = torch.tensor([0, 1], dtype=getattr(torch, dtype))
save("views", views)

# A training checkpoint, its state dict inside, with a parameter instead of a tensor.
checkpoint = {"epoch": 3, "lr": 0.5, "state_dict": {"w": torch.nn.Parameter(ramp(2))}, "note": None}
save("checkpoint", checkpoint)

save("no-state-dict", [1, 2])


class Malicious:
    """Runs `echo` when Python loads it: harmless, but a call all the same."""

    def __reduce__(self):
        return os.system, ("echo run by a pickle",)


save("malicious", {"w": ramp(2), "payload": Malicious()})

# A number of more than 255 bytes takes the instruction LONG4, which weights never need.
save("instruction", {"w": ramp(2), "number": 2**3000})
with open(f"{FOLDER}/protocol-4.pth", "wb") as file:
    torch.save({"w": ramp(2)}, file, pickle_protocol=4)
