"""Weights after five steps of each optimizer on given gradients, by PyTorch; of Lion and LAMB, which PyTorch
lacks, by the algorithms of their papers.

Run: python3 optim.py > optim.json (needs torch). The weights and gradients are dyadic fractions made by a
formula that the test repeats, so both sides start from the same bits. Reference values are float64; for
each tensor the relative error of PyTorch's own float32 stands beside them.
"""
import json

import torch

LENGTHS = {"a": 7, "b": 12}
STEPS = 5

# name of the class, options of the optimizer, options of group b (empty: one group), options per step
CASES = [
    ("SGD", {"lr": 0.1}, {}, []),
    ("SGD", {"lr": 0.05, "weight_decay": 0.02}, {}, []),
    ("SGD", {"lr": 0.1, "momentum": 0.9}, {"lr": 0.01, "weight_decay": 0.1}, []),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}, {}, []),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}, {"momentum": 0.5}, []),
    ("SGD", {"lr": 0.1}, {}, [{"momentum": m, "lr": l} for m, l in
                              [(0, 0.1), (0.5, 0.2), (0.9, 0.05), (0, 0.3), (0.8, 0.1)]]),
    ("Adam", {}, {}, []),
    ("Adam", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.05}, {"lr": 0.003}, []),
    ("Adam", {"lr": 0.1}, {}, [{"betas": (b, 0.999), "lr": l} for b, l in
                               [(0.95, 0.01), (0.9, 0.05), (0.85, 0.1), (0.9, 0.05), (0.95, 0.01)]]),
    ("AdamW", {}, {}, []),
    ("AdamW", {"lr": 0.05, "betas": (0.85, 0.98), "weight_decay": 0.3}, {"lr": 0.5, "weight_decay": 0}, []),
    ("RMSprop", {}, {}, []),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "eps": 1e-7}, {"lr": 1e-5}, []),
    ("RMSprop", {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.05}, {}, []),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9, "centered": True, "eps": 1e-3}, {}, []),
    ("RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.5, "weight_decay": 0.1}, {"alpha": 0.8}, []),
    ("Lion", {}, {}, []),
    ("Lion", {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.3}, {"lr": 0.003}, []),
    ("LAMB", {}, {}, []),
    ("LAMB", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.3}, {"weight_decay": 0}, []),
]


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for theta in group["params"]:
                m = self.state[theta].get("m", torch.zeros_like(theta))
                c = beta1 * m + (1 - beta1) * theta.grad
                theta -= group["lr"] * (torch.sign(c) + group["weight_decay"] * theta)
                self.state[theta]["m"] = beta2 * m + (1 - beta2) * theta.grad


class LAMB(torch.optim.Optimizer):
    """You et al. 2020, algorithm 2, with the identity as phi."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for x in group["params"]:
                state = self.state[x]
                t = state["t"] = state.get("t", 0) + 1
                m = state["m"] = beta1 * state.get("m", torch.zeros_like(x)) + (1 - beta1) * x.grad
                v = state["v"] = beta2 * state.get("v", torch.zeros_like(x)) + (1 - beta2) * x.grad ** 2
                r = (m / (1 - beta1 ** t)) / ((v / (1 - beta2 ** t)).sqrt() + group["eps"])
                update = r + group["weight_decay"] * x
                x -= group["lr"] * x.norm() / update.norm() * update


def values(dtype):
    weights = [((i * 37) % 101 - 50) / 64 for i in range(sum(LENGTHS.values()))]
    gradients = [[((i * 53 + s * 29) % 97 - 48) / 32 for i in range(len(weights))] for s in range(STEPS)]
    split = lambda flat: torch.tensor(flat, dtype=dtype).split(list(LENGTHS.values()))
    return split(weights), [split(g) for g in gradients]


def run(name, options, second, per_step, dtype):
    weights, gradients = values(dtype)
    a, b = [w.clone().requires_grad_() for w in weights]
    groups = [{"params": [a]}, {"params": [b], **second}] if second else [a, b]
    optimizer = {"Lion": Lion, "LAMB": LAMB}.get(name) or getattr(torch.optim, name)
    optimizer = optimizer(groups, **options)
    for step in range(STEPS):
        if per_step:
            for group in optimizer.param_groups:
                group.update(per_step[step])
        a.grad, b.grad = (g.clone() for g in gradients[step])
        optimizer.step()
    return [a.detach().double(), b.detach().double()]


def camel(options):
    return {k.replace("_d", "D"): list(v) if isinstance(v, tuple) else v for k, v in options.items()}


cases = []
for name, options, second, per_step in CASES:
    exact = run(name, options, second, per_step, torch.float64)
    single = run(name, options, second, per_step, torch.float32)
    cases.append({
        "optimizer": name,
        "options": camel(options),
        "second": camel(second),
        "perStep": [camel(o) for o in per_step],
        "weights": [[float("%.9g" % x) for x in w.tolist()] for w in exact],
        "float32Error": [float("%.3g" % ((s - e).norm() / e.norm())) for s, e in zip(single, exact)],
    })

clipping = []
for norm in (0.5, 1000.0):
    _, gradients = values(torch.float64)
    parameters = [torch.zeros_like(g).requires_grad_() for g in gradients[0]]
    for parameter, gradient in zip(parameters, gradients[0]):
        parameter.grad = gradient.clone()
    total = torch.nn.utils.clip_grad_norm_(parameters, norm)
    clipping.append({
        "maxNorm": norm,
        "norm": float("%.12g" % total),
        "gradients": [float("%.9g" % x) for p in parameters for x in p.grad.tolist()],
    })

print("{")
print('"cases": [\n' + ",\n".join(json.dumps(c) for c in cases) + "\n],")
print('"clipping": [\n' + ",\n".join(json.dumps(c) for c in clipping) + "\n]")
print("}")
