"""Features of a small classifier."""

import numpy as np
import pytest

from coopkeras import data, metrics


def striped(n, seed):
    """Two classes: stripes along rows and along columns, in noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    stripes = np.broadcast_to(np.where(np.arange(16) % 4 < 2, 0.5, -0.5), [16, 16])
    x = np.stack([stripes.T if label else stripes for label in labels])
    return (x + 0.2 * rng.normal(size=x.shape))[..., None].astype("float32"), labels


def test_classes_are_apart_and_a_class_is_near_itself():
    x, labels = striped(200, 0)
    examples = data.Examples.of(x, labels, names=("rows", "columns"))
    of = metrics.features.of_classifier(examples, updates=40, batch_size=32)
    assert of.accuracy > 0.95
    other, other_labels = striped(100, 1)
    means = [of(other[other_labels == label]).mean(axis=0) for label in (0, 1)]
    again = of(x[labels == 0]).mean(axis=0)
    assert np.linalg.norm(means[0] - again) < 0.3 * np.linalg.norm(means[0] - means[1])


def test_labels_are_needed():
    with pytest.raises(ValueError, match="labels"):
        metrics.features.of_classifier(data.Examples.of(striped(4, 0)[0]))
