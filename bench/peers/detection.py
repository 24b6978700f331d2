# What scikit-learn reaches on the tables and splits of bench/tables/detection.ts: `detection.ts --write folder`, then
# `python3 bench/peers/detection.py folder`. Numbers standardised, words one-hot, holes at the mean.
import glob
import json
import sys

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors


def number(cell):
    try:
        return float(cell)
    except (TypeError, ValueError):
        return np.nan


def coded(rows, fit):
    columns = []
    for name in rows[0]:
        cells = [row.get(name) for row in rows]
        known = [cells[r] for r in fit if cells[r] not in (None, "", "?")]
        if all(np.isfinite(number(cell)) for cell in known):
            column = np.array([number(cell) for cell in cells])
            middle = np.nanmean(column[fit]) if known else 0.0
            columns.append(np.where(np.isnan(column), middle, column))
        else:
            columns += [np.array([cell == level for cell in cells], float) for level in sorted(set(map(str, known)))]
    x = np.stack(columns, 1)
    std = x[fit].std(0)
    return (x - x[fit].mean(0)) / np.where(std > 1e-9, std, 1)


def nearest(fitted, tested, own):
    distances = NearestNeighbors(n_neighbors=6).fit(fitted).kneighbors(tested)[0]
    return distances[:, 1:].mean(1) if own else distances[:, :5].mean(1)


areas = {}
for path in sorted(glob.glob(sys.argv[1] + "/*.json")):
    with open(path) as file:
        table = json.load(file)
    odd = np.array(table["odd"])
    everything = list(range(len(odd)))
    for kind, fit, test in (("usual", table["usual"]["fit"], table["usual"]["test"]), ("all", everything, everything)):
        z = coded(table["rows"], fit)
        fitted, tested, own = z[fit], z[test], kind == "all"
        spread = np.linalg.pinv(np.cov(fitted.T) + 1e-6 * np.eye(z.shape[1]), hermitian=True)
        scores = {
            "isolation forest": np.mean([-IsolationForest(random_state=s).fit(fitted).score_samples(tested) for s in (1, 2, 3)], 0),
            "Mahalanobis": np.einsum("ij,jk,ik->i", tested, spread, tested),
            "LOF": -LocalOutlierFactor().fit(fitted).negative_outlier_factor_
            if own
            else -LocalOutlierFactor(novelty=True).fit(fitted).score_samples(tested),
            "5 nearest": nearest(fitted, tested, own),
        }
        for name, score in scores.items():
            areas.setdefault((name, kind), []).append(100 * roc_auc_score(odd[test], score))
for name in ("isolation forest", "Mahalanobis", "LOF", "5 nearest"):
    print(f"{name}: fitted to usual rows {np.mean(areas[name, 'usual']):.2f}, to all rows {np.mean(areas[name, 'all']):.2f}")
