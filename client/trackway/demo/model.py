"""The trained network as a scikit-learn model, and how good it is on what it has never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trackway.demo.data import Digits
from trackway.demo.failure import DemoFailure
from trackway.demo.network import HIDDEN, OUTPUTS, Vector, layers, probabilities

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def as_classifier(weights: Vector, digits: Digits) -> Any:
    """An MLPClassifier with these weights. It computes what the network computes, which is checked here.

    Raises DemoFailure where the two differ.
    """
    from sklearn.neural_network import MLPClassifier

    classifier = MLPClassifier(hidden_layer_sizes=(HIDDEN,), activation="relu", random_state=0)
    # One step gives it its shapes and classes; its weights are then replaced by the trained ones.
    classifier.partial_fit(digits.train_x, digits.train_y, classes=np.arange(OUTPUTS))
    first, first_bias, second, second_bias = (part.copy() for part in layers(weights))
    classifier.coefs_ = [first, second]
    classifier.intercepts_ = [first_bias, second_bias]
    if not np.allclose(classifier.predict_proba(digits.held_out_x), probabilities(weights, digits.held_out_x)):
        raise DemoFailure("the model does not compute what was trained")
    return classifier


def confusion(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> NDArray[np.int64]:
    """(10, 10) counts: row, the digit it is; column, the digit it was taken for."""
    counts = np.zeros((OUTPUTS, OUTPUTS), np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def confusion_figure(counts: NDArray[np.int64], accuracy: float) -> Figure:
    """The counts as a picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues")
    for truth, predicted in np.ndindex(*counts.shape):
        if counts[truth, predicted]:
            colour = "white" if counts[truth, predicted] > counts.max() / 2 else "black"
            axes.text(predicted, truth, str(counts[truth, predicted]), ha="center", va="center", color=colour)
    axes.set(xticks=range(OUTPUTS), yticks=range(OUTPUTS), xlabel="taken for", ylabel="digit")
    axes.set_title(f"Held-out digits: {accuracy:.1%} right")
    return figure
