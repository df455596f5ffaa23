"""A small neural network by hand: 64 pixels → 48 ReLU units → 10 digits, softmax and cross-entropy.

Its weights are one flat vector, so that workers can average them. They fit scikit-learn's MLPClassifier unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackway.demo.data import Features, Labels

Vector = NDArray[np.float64]

INPUTS, HIDDEN, OUTPUTS = 64, 48, 10
_SHAPES = ((INPUTS, HIDDEN), (HIDDEN,), (HIDDEN, OUTPUTS), (OUTPUTS,))
_SIZES = tuple(int(np.prod(shape)) for shape in _SHAPES)


@dataclass(frozen=True, slots=True)
class Step:
    """What one batch says: the mean loss, the share of right answers, and the gradient of the loss."""

    loss: float
    accuracy: float
    gradient: Vector


def initial_weights(seed: int) -> Vector:
    """He initialisation (He et al. 2015, arXiv:1502.01852): normal, variance 2/fan-in; biases 0."""
    generator = np.random.default_rng(seed)
    first = generator.normal(0.0, np.sqrt(2.0 / INPUTS), _SIZES[0])
    second = generator.normal(0.0, np.sqrt(2.0 / HIDDEN), _SIZES[2])
    return np.concatenate((first, np.zeros(_SIZES[1]), second, np.zeros(_SIZES[3])))


def layers(weights: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """The flat vector as weights and biases of the two layers: views, not copies."""
    parts = np.split(weights, np.cumsum(_SIZES)[:-1])
    first, first_bias, second, second_bias = (part.reshape(shape) for part, shape in zip(parts, _SHAPES, strict=True))
    return first, first_bias, second, second_bias


def probabilities(weights: Vector, x: Features) -> Vector:
    """(n, 10) probability of each digit."""
    return _forward(weights, x)[1]


def train_step(weights: Vector, x: Features, y: Labels) -> Step:
    """Loss, accuracy and gradient on one batch."""
    hidden, chances = _forward(weights, x)
    rows = np.arange(len(y))
    loss = -float(np.log(np.maximum(chances[rows, y], 1e-300)).mean())
    accuracy = float((chances.argmax(axis=1) == y).mean())
    error = chances.copy()
    error[rows, y] -= 1.0
    error /= len(y)
    back = (error @ layers(weights)[2].T) * (hidden > 0.0)
    gradient = np.concatenate(((x.T @ back).ravel(), back.sum(axis=0), (hidden.T @ error).ravel(), error.sum(axis=0)))
    return Step(loss, accuracy, gradient)


def _forward(weights: Vector, x: Features) -> tuple[Vector, Vector]:
    first, first_bias, second, second_bias = layers(weights)
    hidden = np.maximum(x @ first + first_bias, 0.0)
    logits = hidden @ second + second_bias
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return hidden, exponents / exponents.sum(axis=1, keepdims=True)
