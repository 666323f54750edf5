"""10,000 patient-clustered resamples of every metric, against the plain loop over resamples.

    python -m benchmarks.bootstrap                    # 21 classes, 10,000 images, 3,000 patients
    python -m benchmarks.bootstrap --resamples 1000   # quicker

The loop draws patients, gathers their rows, and asks scikit-learn for the same metrics; it is timed
on a few dozen resamples and scaled, because all 10,000 take hours. A second loop does the same in
plain numpy. Both and `skinlab.stats` see the same table, one thread, in one run. Goal: >= 50x.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn import metrics

from skinlab.stats.cases import Cases, repetitions
from skinlab.stats.statistics import Statistics, replicates
from skinlab.tables.predictions import Predictions

Rows = NDArray[np.int64]


def table(images: int, patients: int, k: int, seed: int = 0) -> Predictions:
    """Return predictions of patients with one label each and correlated images."""
    rng = np.random.default_rng(seed)
    patient = np.append(np.arange(patients), rng.integers(0, patients, images - patients))
    target = rng.integers(0, k, patients)[patient]
    logits = rng.normal(size=(images, k)) + 0.7 * rng.normal(size=(patients, k))[patient]
    logits[np.arange(images), target] += 2
    probabilities = np.exp(logits)
    classes = tuple(f"class {i}" for i in range(k))
    columns = {
        "sample_id": [f"s{i}" for i in range(images)],
        "patient_id": [f"p{i}" for i in patient],
        "target": [classes[t] for t in target],
    }
    total = probabilities.sum(axis=1, keepdims=True)
    return Predictions(pd.DataFrame(columns), probabilities / total, classes)


def with_scikit_learn(cases: Cases, rows: Rows) -> None:
    """Compute the metrics of some rows as most scripts do."""
    target, answer, table = cases.target[rows], cases.answer[rows], cases.probabilities[rows]
    k = len(cases.classes)
    metrics.confusion_matrix(target, answer, labels=range(k))
    metrics.precision_recall_fscore_support(target, answer, labels=range(k), zero_division=0)
    metrics.balanced_accuracy_score(target, answer)
    metrics.matthews_corrcoef(target, answer)
    metrics.cohen_kappa_score(target, answer)
    metrics.log_loss(target, table, labels=range(k))
    metrics.roc_auc_score(target, table, multi_class="ovo", average="macro", labels=range(k))
    for top in (2, 3, 5):
        metrics.top_k_accuracy_score(target, table, k=top, labels=range(k))
    for c in range(k):
        metrics.roc_auc_score(target == c, table[:, c])
        metrics.average_precision_score(target == c, table[:, c])


def with_numpy(cases: Cases, rows: Rows) -> None:
    """Compute confusion counts, areas (also of pairs) and average precision in plain numpy."""
    target, answer, table = cases.target[rows], cases.answer[rows], cases.probabilities[rows]
    k = len(cases.classes)
    counts = np.bincount(target * k + answer, minlength=k * k).reshape(k, k)
    _ = counts.diagonal() / counts.sum(axis=1), counts.diagonal() / counts.sum(axis=0)
    for c in range(k):
        positive = target == c
        m = positive.sum()
        _ = (rankdata(table[:, c])[positive].sum() - m * (m + 1) / 2) / (m * (len(rows) - m))
        for other in range(k):  # Hand & Till
            pair = positive | (target == other)
            _ = rankdata(table[pair, c])[positive[pair]].sum()
        hits = np.cumsum(positive[np.argsort(-table[:, c])])
        _ = (hits / np.arange(1, len(rows) + 1))[np.diff(hits, prepend=0) > 0].mean()


def loop(cases: Cases, compute: Callable[[Cases, Rows], None], resamples: int) -> float:
    """Return seconds a resample of the plain loop."""
    rng = np.random.default_rng(0)
    order = np.argsort(cases.patient, kind="stable")
    rows_of = np.split(order, np.cumsum(np.bincount(cases.patient))[:-1])
    start = time.perf_counter()
    for _ in range(resamples):
        drawn = rng.integers(0, cases.patients, cases.patients)
        compute(cases, np.concatenate([rows_of[p] for p in drawn]))
    return (time.perf_counter() - start) / resamples


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--patients", type=int, default=3_000)
    parser.add_argument("--classes", type=int, default=21)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--loop", type=int, default=24, help="resamples of the timed loops")
    args = parser.parse_args()
    predictions = table(args.images, args.patients, args.classes)
    start = time.perf_counter()
    cases = Cases.of(predictions, repetitions(predictions)[0])
    replicates(cases, [Statistics(cases)], args.resamples, 0, stratified=True)
    ours = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{args.classes} classes, {args.images} images, {args.patients} patients, "
        f"{args.resamples} resamples, every metric, plain and stratified"
    )
    print(f"skinlab.stats           {ours:9.1f} s   peak memory {peak:.0f} MiB")
    for name, compute in (("scikit-learn", with_scikit_learn), ("plain numpy", with_numpy)):
        whole = loop(cases, compute, args.loop) * args.resamples
        print(
            f"loop with {name:13s} {whole:9.1f} s   {whole / ours:6.1f}x "
            f"(scaled from {args.loop} resamples)"
        )


if __name__ == "__main__":
    main()
