"""Writes weights/tiny-unet.pth, a U-Net of two levels saved by torch.save, and tiny-unet.json, an image and the
logits that PyTorch computes from it in evaluation. For test/models/state-dict.test.ts, which has the same model.

Run from the repository's root: python3 test/golden/tiny_unet.py (needs torch).
"""
import json

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(o)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class TinyUNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(Block(1, 4), Block(4, 4))
        self.bottom = Block(4, 8)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.decode = Block(8, 4)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        fine = self.down(x)
        coarse = self.bottom(F.max_pool2d(fine, 2))
        return self.head(self.decode(torch.cat([fine, self.up(coarse)], 1)))


torch.manual_seed(3)
model = TinyUNet()
# A few passes in training mode, so that the running statistics are not the initial ones.
for _ in range(3):
    model(torch.randn(2, 1, 8, 8) * 2 + 1)
torch.save(model.state_dict(), "test/golden/weights/tiny-unet.pth")
model.double().eval()
image = torch.round(torch.randn(1, 1, 6, 8) * 1000) / 1000
logits = model(image.double())
numbers = lambda t: [float("%.7g" % v) for v in t.flatten().tolist()]
with open("test/golden/tiny-unet.json", "w", encoding="utf8") as file:
    json.dump({"image": numbers(image), "logits": numbers(logits), "shape": list(logits.shape)}, file)
    file.write("\n")
