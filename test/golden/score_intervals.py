"""Bootstrap intervals and calibration, from their definitions, by NumPy: python3 score_intervals.py > score_intervals.json"""
import json
import numpy as np

rng = np.random.RandomState(3)
K, N = 3, 12
# Confusion matrices of images: rows are true classes.
images = rng.randint(0, 60, (N, K, K)) + np.diag([300, 120, 40])
images[5, 2] = images[5, :, 2] = 0
groups = [0, 0, 1, 1, 1, 2, 3, 3, 4, 4, 5, 5]


def scores(matrix):
    tp = np.diag(matrix).astype(float)
    truth, predicted = matrix.sum(1), matrix.sum(0)
    iou = tp / (truth + predicted - tp)
    return dict(pixelAccuracy=tp.sum() / matrix.sum(), meanIoU=iou.mean(), meanDice=(2 * tp / (truth + predicted)).mean(), iou=list(iou))


def group_dice(matrix):
    front = np.array([matrix[k, k] for k in range(1, K)]).sum()
    return 2 * front / (matrix.sum(1)[1:].sum() + matrix.sum(0)[1:].sum())


of_group = np.array([images[np.array(groups) == g].sum(0) for g in range(6)])
draws = [[int(v) for v in rng.randint(0, N, N)] for _ in range(4)]
drawn = [scores(images[d].sum(0)) for d in draws]
group_draws = [[int(v) for v in rng.randint(0, 6, 6)] for _ in range(4)]
group_drawn = [dict(meanIoU=scores(of_group[d].sum(0))["meanIoU"], meanGroupDice=np.mean([group_dice(of_group[g]) for g in d])) for d in group_draws]


def interval(values):
    return [float(v) for v in np.percentile(values, [2.5, 97.5])]


R = 20000
many = [scores(images[rng.randint(0, N, N)].sum(0)) for _ in range(R)]
many_groups = [rng.randint(0, 6, 6) for _ in range(R)]
intervals = dict(
    meanIoU=interval([s["meanIoU"] for s in many]), pixelAccuracy=interval([s["pixelAccuracy"] for s in many]),
    classes=[interval([s["iou"][k] for s in many]) for k in range(K)],
    meanGroupDice=interval([np.mean([group_dice(of_group[g]) for g in d]) for d in many_groups]))
quantiles = [dict(values=v, q=q, quantile=float(np.percentile(v, 100 * q))) for v in ([1.0], [1.0, 4.0], [0.5, 1.0, 2.0, 7.0]) for q in (0.025, 0.5, 0.975)]

# Calibration by the definition of the expected calibration error, 15 bins of equal width.
B = 15


def calibration(probability, hit):
    bins = np.minimum((probability * B).astype(int), B - 1)
    out = []
    for b in range(B):
        inside = bins == b
        out.append([int(inside.sum())] + ([float(probability[inside].mean()), float(hit[inside].mean())] if inside.any() else [None, None]))
    error = sum(n * abs(f - p) for n, p, f in out if n) / len(probability)
    return dict(bins=out, error=float(error))


n = 40
one = np.round(rng.beta(0.5, 0.5, n), 3).astype(np.float32)
target = (rng.rand(n) < one ** 2).astype(int)
target[::9] = 255
counted = target != 255
three = rng.dirichlet([0.6] * 3, n).T.astype(np.float32).round(3)
classes = rng.randint(0, 3, n)
member = rng.randint(0, 4, n)
two = rng.rand(2, n).astype(np.float32).round(3)
flat = lambda a: [round(float(v), 3) for v in a.reshape(-1)]
cal = dict(
    foreground=dict(planes=flat(one), target=[int(t) for t in target], **calibration(one[counted].astype(float), target[counted] == 1)),
    choice=dict(planes=flat(three), target=[int(t) for t in classes], **calibration(three.max(0).astype(float), three.argmax(0) == classes)),
    **{"class": dict(planes=flat(two), target=[int(t) for t in member],
                     **calibration(two.reshape(-1).astype(float), np.concatenate([(member >> k) & 1 for k in range(2)]) == 1))})
print(json.dumps(dict(images=images.tolist(), groups=groups, draws=draws, drawn=drawn, groupDraws=group_draws, groupDrawn=group_drawn,
                      intervals=intervals, quantiles=quantiles, calibration=cal), separators=(",", ":")))
