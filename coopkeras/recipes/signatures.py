"""What the models of tasks serve: functions with named inputs, and dicts of named outputs."""

import tensorflow as tf

from coopkeras import base
from coopkeras.recipes.build import parts


def seeds_spec():
    """Return the input of a seed for each row."""
    return tf.TensorSpec([None, 2], tf.int32, "seed")


def recover_signature(recovered, **known):
    """Return what is served of a recovery, `recover`, by default: a sample or an estimate by row.

    Args:
        recovered: function `(seed, temperature, **known) -> (proposed or None, recovered)`.
        **known: tf.TensorSpec of what it is given besides, each with a leading batch dimension.
    """
    temperature = tf.TensorSpec([None], tf.float32, "temperature")

    def serve(**given):
        proposed, made = recovered(**given)
        return {"recovered": made} | _if_proposed(proposed)

    recover = _concrete(serve, seed=seeds_spec(), temperature=temperature, **known)
    return {"serving_default": recover, "recover": recover}


def sample_signature(draw, **known):
    """Return what is served of a synthesis, `sample`, by default: a sample for each seed.

    Args:
        draw: function `(seed, **known) -> (proposed or None, samples)`.
        **known: tf.TensorSpec of what it is given besides, such as a label.
    """

    def serve(**given):
        proposed, samples = draw(**given)
        return {"sample": tf.clip_by_value(samples, -1, 1)} | _if_proposed(proposed)

    sample = _concrete(serve, seed=seeds_spec(), **known)
    return {"serving_default": sample, "sample": sample}


def energy_signature(model, encode=None, spec=None):
    """Return what is served of a descriptor, `{"energy": x -> {"energy": [batch]}}`, or {}.

    Args:
        model: any of the three models; a `Generator` has no energy.
        encode: function of what is sent to the x of the model, if these differ.
        spec: tf.TensorSpec of what is sent, then.
    """
    descriptor, _ = parts(model)
    if descriptor is None:
        return {}
    spec = spec or tf.TensorSpec([None, *model.x_shape], tf.float32, "x")
    encode = encode or tf.identity

    @tf.function(input_signature=[spec])
    def energy(x):
        return {"energy": descriptor.energy(encode(tf.ensure_shape(x, spec.shape)))}

    return {"energy": energy}


def energy_about_signature(energy, **known):
    """Return what is served of a descriptor about proposals, `energy` of x and what is seen.

    Args:
        energy: function `(x, **known) -> [batch]`.
        **known: tf.TensorSpec of what it is given, each with a leading batch dimension.
    """
    return {"energy": _concrete(lambda **given: {"energy": energy(**given)}, **known)}


def _if_proposed(proposed):
    return {} if proposed is None else {"proposed": proposed}


def _concrete(serve, **inputs):
    """Return a concrete function whose inputs have these names."""
    named = {name: tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in inputs.items()}
    return base.concrete(tf.function(serve, autograph=False), **named)
