"""Learning rates (and momenta) over whole runs of PyTorch's schedulers, for two groups of parameters.

Run: python3 schedules.py > schedules.json (needs torch 1.13).
"""
import json
import math
import warnings

import torch
from torch.optim.lr_scheduler import (
    ConstantLR, CosineAnnealingLR, CosineAnnealingWarmRestarts, LinearLR, MultiStepLR, OneCycleLR,
    PolynomialLR, ReduceLROnPlateau, SequentialLR, StepLR)

warnings.simplefilter("ignore")
RATES = [0.1, 0.004]


def sgd():
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in RATES]
    return torch.optim.SGD(groups, momentum=0.9)


def record(optimizer, scheduler, steps, scores=None):
    rates, momenta = [], []
    for step in range(steps):
        rates.append([group["lr"] for group in optimizer.param_groups])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        if step + 1 < steps:
            scheduler.step(scores[step]) if scores else scheduler.step()
    return rates, momenta


def entry(kind, options, steps, make, scores=None, momentum=False):
    optimizer = sgd()
    rates, momenta = record(optimizer, make(optimizer), steps, scores)
    digits = lambda x: float("%.10g" % x)
    case = {"type": kind, "options": options, "lr": [[digits(r[g]) for r in rates] for g in (0, 1)]}
    if momentum:
        case["momentum"] = [digits(m) for m in momenta]
    if scores:
        case["scores"] = scores
    return case


def one_cycle(total, momentum=True, ours=None, **theirs):
    return entry("one-cycle", {"totalSteps": total, **(ours or {})}, total,
                 lambda o: OneCycleLR(o, max_lr=RATES, total_steps=total, **theirs), momentum=momentum)


def cosine(steps, period, warmup=0, factor=1 / 3, restarts=False, mult=1, low=0.0):
    def make(optimizer):
        if warmup:
            ramp = LinearLR(optimizer, start_factor=factor, total_iters=warmup)
        main = (CosineAnnealingWarmRestarts(optimizer, period, mult, low) if restarts
                else CosineAnnealingLR(optimizer, period, low))
        return SequentialLR(optimizer, [ramp, main], [warmup]) if warmup else main
    return entry("cosine", {"period": period, "warmup": warmup, "warmupFactor": factor, "restarts": restarts,
                            "periodFactor": mult, "minLr": low}, steps, make)


def plateau(scores, ours, **theirs):
    return entry("plateau", ours, len(scores) + 1, lambda o: ReduceLROnPlateau(o, **theirs), scores)


# A noisy score that stalls, improves once more, and stalls again.
SCORES = [round(0.3 + 0.7 * math.exp(-min(e, 10) / 4) - (0.1 if e > 30 else 0) + 0.001 * math.sin(9 * e), 6)
          for e in range(59)]

cases = [
    one_cycle(60),
    one_cycle(50, ours={"annealStrategy": "linear", "pctStart": 0.25, "divFactor": 10, "finalDivFactor": 100,
                        "baseMomentum": 0.8, "maxMomentum": 0.9},
              anneal_strategy="linear", pct_start=0.25, div_factor=10, final_div_factor=100,
              base_momentum=0.8, max_momentum=0.9),
    one_cycle(47, ours={"threePhase": True}, three_phase=True),
    one_cycle(40, ours={"threePhase": True, "annealStrategy": "linear", "pctStart": 0.4},
              three_phase=True, anneal_strategy="linear", pct_start=0.4),
    one_cycle(30, momentum=False, ours={"cycleMomentum": False, "pctStart": 0.1}, cycle_momentum=False,
              pct_start=0.1),
    one_cycle(3),
    one_cycle(5, ours={"pctStart": 0}, pct_start=0.0),
    one_cycle(5, ours={"pctStart": 1}, pct_start=1.0),
    entry("step", {"stepSize": 7, "gamma": 0.7}, 40, lambda o: StepLR(o, 7, 0.7)),
    entry("step", {"stepSize": 10}, 35, lambda o: StepLR(o, 10)),
    entry("multi-step", {"milestones": [3, 8, 8, 20], "gamma": 0.5}, 30,
          lambda o: MultiStepLR(o, [3, 8, 8, 20], 0.5)),
    cosine(41, 40),
    cosine(31, 25, warmup=6, factor=0.1, low=1e-3),
    cosine(60, 10, restarts=True),
    cosine(75, 8, restarts=True, mult=2, low=5e-4),
    cosine(66, 12, warmup=5, restarts=True, mult=2),
    entry("poly", {"totalSteps": 40, "power": 0.9}, 45, lambda o: PolynomialLR(o, 40, 0.9)),
    entry("poly", {"totalSteps": 30}, 30, lambda o: PolynomialLR(o, 30)),
    entry("constant", {}, 10, lambda o: ConstantLR(o, 1.0, 0)),
    entry("constant", {"factor": 0.25, "epochs": 4}, 10, lambda o: ConstantLR(o, 0.25, 4)),
    plateau(SCORES, {"patience": 3}, patience=3),
    plateau(SCORES, {"patience": 2, "factor": 0.5, "cooldown": 4, "minLr": 1e-3, "threshold": 0.01,
                     "thresholdMode": "abs"},
            patience=2, factor=0.5, cooldown=4, min_lr=1e-3, threshold=0.01, threshold_mode="abs"),
    plateau([-s for s in SCORES], {"mode": "max", "patience": 0, "factor": 0.8, "eps": 1e-4},
            mode="max", patience=0, factor=0.8, eps=1e-4),
    plateau([1 - s for s in SCORES], {"mode": "max", "patience": 5, "threshold": 0.2},
            mode="max", patience=5, threshold=0.2),
]
print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")
