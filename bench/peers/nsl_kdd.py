# What scikit-learn reaches on the split of bench/tables/nsl-kdd.ts: fitted on half of the normal connections, area under the ROC
# curve of the attacks against the other normals. Words one-hot, all columns standardised.
import gzip
import os

import numpy as np
from sklearn.covariance import EmpiricalCovariance
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

path = os.path.join(os.path.dirname(__file__), "..", "data", "nsl-kdd", "train-20-percent.csv.gz")
with gzip.open(path, "rt") as file:
    names, *rows = [line.strip().split(",") for line in file]
attack = np.array([row[names.index("attack")] for row in rows])
columns = []
for c, name in enumerate(names):
    if name in ("attack", "difficulty"):
        continue
    cells = [row[c] for row in rows]
    if name in ("protocol_type", "service", "flag"):
        levels = sorted(set(cells))
        columns += [np.array([cell == level for cell in cells], dtype=float) for level in levels]
    else:
        columns.append(np.array(cells, dtype=float))
x = np.stack(columns, 1)
normal = np.flatnonzero(attack == "normal")
for seed in (1, 2, 3):
    order = np.random.default_rng(seed).permutation(normal)
    half, rest = order[: len(order) // 2], order[len(order) // 2 :]
    test = np.concatenate([rest, np.flatnonzero(attack != "normal")])
    labels = attack[test] != "normal"
    mean, std = x[half].mean(0), x[half].std(0)
    z = np.clip((x - mean) / np.where(std > 0, std, 1), -10, 10)
    scores = {
        "IsolationForest": -IsolationForest(random_state=seed).fit(z[half]).score_samples(z[test]),
        "Mahalanobis": EmpiricalCovariance().fit(z[half] + 1e-3 * np.random.default_rng(0).normal(size=z[half].shape)).mahalanobis(z[test]),
        "squared distance": (z[test] ** 2).sum(1),
        "5 nearest": NearestNeighbors(n_neighbors=5).fit(z[half]).kneighbors(z[test])[0].mean(1),
    }
    print(f"seed {seed}: " + ", ".join(f"{name} {roc_auc_score(labels, score):.4f}" for name, score in scores.items()))
