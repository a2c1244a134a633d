"""Logistic regression by Newton's method with an L2 penalty: what the small fitted models of this project are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_STEPS = 50
_FREE = 1e-6
"""The penalty of the constant, which keeps the curvature regular."""


def newton(features: Array, labels: Array, penalty: Array) -> Array:
    """float64 [f]: weights of features [n, f] for labels [n] of 0 and 1, with a penalty [f] on each squared weight."""
    weights = np.zeros(features.shape[1])
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-features @ weights))
        curvature = features.T @ (features * (chance * (1 - chance))[:, None]) + np.diag(penalty)
        weights = weights + np.linalg.solve(curvature, features.T @ (labels - chance) - penalty * weights)
    return weights


def standardised(features: Array, labels: Array, penalty: float) -> Array:
    """As `newton`, with one penalty for all features on their standard scale but the first, which is 1; the weights are
    those of the features as they are."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    mean[0], spread[0] = 0.0, 1.0
    spread[spread == 0] = 1.0
    penalties = np.full(features.shape[1], penalty)
    penalties[0] = _FREE
    raw: Array = newton((features - mean) / spread, labels, penalties) / spread
    raw[0] -= raw[1:] @ mean[1:]
    return raw
