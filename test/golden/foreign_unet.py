"""Writes weights/foreign-unet.pth, a U-Net with the layer names of the PyTorch U-Net for brain MRI (Buda et al. 2019),
and foreign-unet.json, an image and the logits that PyTorch computes from it in evaluation. For
src/jobs/initial-weights.test.ts, which loads it into `unet` of width 3 and depth 2 by the order of the layers.

Run from the repository's root: python3 test/golden/foreign_unet.py (needs torch).
"""
import json
from collections import OrderedDict

import torch
from torch import nn


def block(i, o, name):
    layers = []
    for n, channels in ((1, i), (2, o)):
        layers += [(f"{name}conv{n}", nn.Conv2d(channels, o, 3, padding=1, bias=False)),
                   (f"{name}norm{n}", nn.BatchNorm2d(o)), (f"{name}relu{n}", nn.ReLU(inplace=True))]
    return nn.Sequential(OrderedDict(layers))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder1 = block(1, 3, "enc1")
        self.pool1 = nn.MaxPool2d(2)
        self.bottleneck = block(3, 6, "bottleneck")
        self.upconv1 = nn.ConvTranspose2d(6, 3, 2, stride=2)
        self.decoder1 = block(6, 3, "dec1")
        self.conv = nn.Conv2d(3, 1, 1)

    def forward(self, x):
        enc1 = self.encoder1(x)
        dec1 = self.upconv1(self.bottleneck(self.pool1(enc1)))
        return self.conv(self.decoder1(torch.cat((dec1, enc1), dim=1)))


torch.manual_seed(5)
model = UNet()
# A few passes in training mode, so that the running statistics are not the initial ones.
for _ in range(3):
    model(torch.randn(2, 1, 8, 8) * 2 + 1)
torch.save({"epoch": 3, "model_state_dict": model.state_dict()}, "test/golden/weights/foreign-unet.pth")
model.double().eval()
image = torch.round(torch.randn(1, 1, 6, 8) * 1000) / 1000
numbers = lambda t: [float("%.7g" % v) for v in t.flatten().tolist()]
with open("test/golden/foreign-unet.json", "w", encoding="utf8") as file:
    json.dump({"image": numbers(image), "logits": numbers(model(image.double()))}, file)
    file.write("\n")
