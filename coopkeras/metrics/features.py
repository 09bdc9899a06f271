"""Features to compare images by: those of a small classifier of the same data."""

import keras
import numpy as np
from keras import layers

FEATURES = 64


def of_classifier(examples, updates=600, batch_size=128, seed=0):
    """Train a small classifier on labelled examples and return its last hidden layer.

    Distances in these features compare models of the same data, size and version only: they
    are not the Inception features of published tables.

    Args:
        examples: a `coopkeras.data.Examples` with labels.
        updates: length of the training.
        batch_size: examples of one update.
        seed: int.

    Returns:
        features: function `x [n, height, width, channels] -> float32 [n, 64]`. Its attribute
        `classify` is the function `x -> int [n]`, the likeliest class of each, and `accuracy` the
        share of the last 20 batches that was classified rightly.

    Raises:
        ValueError: if the examples have no labels.
    """
    if not examples.names:
        raise ValueError("`examples` should have labels; these have none.")
    keras.utils.set_random_seed(seed)
    body = _body(examples.shape)
    model = keras.Sequential([body, layers.Dense(len(examples.names), dtype="float32")])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"], jit_compile=False)
    batches = examples.batches(batch_size, seed=seed)
    pairs = batches.map(lambda batch: (batch["x"], batch["label"]))
    model.fit(pairs, steps_per_epoch=updates, epochs=1, shuffle=False, verbose=0)

    def features(x):
        return np.asarray(body.predict(x, batch_size=256, verbose=0))

    def classify(x):
        return np.argmax(model.predict(x, batch_size=256, verbose=0), axis=1)

    features.classify = classify
    features.accuracy = float(model.evaluate(pairs, steps=20, verbose=0)[1])
    return features


def _body(shape):
    """Return a convolutional network from an image to its features, in float32."""
    convolutions = [
        layers.Conv2D(filters, 3, 2, padding="same", activation="relu", dtype="float32")
        for filters in (32, 64, 128)
    ]
    return keras.Sequential(
        [
            keras.Input(shape),
            *convolutions,
            layers.GlobalAveragePooling2D(dtype="float32"),
            layers.Dense(FEATURES, activation="relu", dtype="float32", name="features"),
        ]
    )
