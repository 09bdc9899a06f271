"""Laws of the models that recipes make: settings reach them, or are derived from the data."""

import numpy as np
import pytest

import coopkeras as ck
from coopkeras.task import DataSpec

SHAPE = (16, 16, 1)
TINY = {"updates": 100, "generator_width": 2, "descriptor_width": 2, "latent_dim": 2}


def make(method="coopnets", **settings):
    """Return the compiled model of a method."""
    config = ck.recipes.ModelConfig(method=method, **{**TINY, **settings})
    return ck.recipes.model(
        config, SHAPE, lambda: ck.recipes.generator_network(config, SHAPE), num_examples=5
    )


def rate(optimizer, updates):
    optimizer.iterations.assign(updates)
    return float(optimizer.learning_rate)


# Models -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "kind"),
    [("coopnets", ck.CoopNets), ("generator", ck.Generator), ("descriptor", ck.Descriptor)],
)
def test_each_method_has_its_model(method, kind):
    model = make(method)
    assert isinstance(model, kind)
    assert model.x_shape == SHAPE


def test_a_descriptor_makes_no_network_of_a_generator():
    config = ck.recipes.ModelConfig(method="descriptor", **TINY)
    made = []
    ck.recipes.model(config, SHAPE, lambda: made.append("a network"))
    assert not made


def test_the_parts_that_draw_are_the_averaged_ones():
    both = make()
    assert ck.recipes.parts(both) == (both.ema_descriptor, both.ema_generator)
    generator, descriptor = make("generator"), make("descriptor")
    assert ck.recipes.parts(generator) == (None, generator)
    assert ck.recipes.parts(descriptor) == (descriptor, None)


def test_without_a_warm_up_both_rates_fall_to_0_together():
    model = make(generator_learning_rate=0.03, descriptor_learning_rate=0.01)
    assert rate(model.generator.optimizer, 50) == pytest.approx(0.015)
    assert rate(model.generator.optimizer, 100) == pytest.approx(0)
    assert rate(model.descriptor.optimizer, 50) == pytest.approx(0.005)
    assert rate(model.descriptor.optimizer, 100) == pytest.approx(0)


def test_after_the_warm_up_the_generator_learns_slowly():
    model = make(generator_learning_rate=0.03, warmup_share=0.4)
    assert model.warmup_updates == 40
    assert rate(model.generator.optimizer, 0) == pytest.approx(0.03)
    for updates in (40, 70, 100):
        assert rate(model.generator.optimizer, updates) == pytest.approx(0.001)
    assert rate(model.descriptor.optimizer, 60) == pytest.approx(0)  # it learns in 60 updates


def test_scale_and_relative_penalty_reach_the_descriptor():
    model = make(descriptor_scale=1e3, relative_penalty=2.0)
    assert model.descriptor.penalty == pytest.approx(2e-3)
    assert model.descriptor.network.layers[-1].scale == 1e3


def test_a_generator_draws_by_the_names_of_its_classes():
    config = ck.recipes.ModelConfig(method="generator", **TINY)
    network = ck.recipes.generator_network(config, SHAPE, classes=("cat", "dog"))
    assert list(ck.recipes.generator(config, network).class_names) == ["cat", "dog"]
    assert not make("generator").class_names


@pytest.mark.parametrize(
    ("shape", "widths"),
    [((16, 16, 1), [4, 8]), ((32, 40, 3), [4, 8, 8]), ((16, 64, 64, 1), [4, 8, 8, 8])],
)
def test_an_encoder_halves_down_to_about_4_pixels(shape, widths):
    assert ck.recipes.encoder_widths(4, shape) == widths


# What is derived from the data ------------------------------------------------------------------


def derive(config, channels, deviation, **noise):
    return ck.recipes.derive(config, DataSpec((8, 8, channels), deviation=deviation), **noise)


DERIVED = {"descriptor_scale": 0.0, "step_size": 0.0, "noise_sigma": 0.0}


def test_noise_goes_with_the_deviation_and_the_scale_with_the_number_of_values():
    config = ck.recipes.ModelConfig(**DERIVED)
    grey, colour = derive(config, 1, 0.2), derive(config, 3, 0.4)
    assert colour.descriptor_scale == pytest.approx(3 * grey.descriptor_scale)
    assert colour.step_size == pytest.approx(2 * grey.step_size)
    assert colour.noise_sigma == pytest.approx(2 * grey.noise_sigma)
    calm = derive(config, 1, 0.2, noise=0.5)
    assert calm.step_size == pytest.approx(grey.step_size / 2)
    drifts = [one.step_size**2 * one.descriptor_scale for one in (grey, calm)]
    assert drifts[0] == pytest.approx(drifts[1])


def test_what_is_given_is_not_derived():
    given = ck.recipes.ModelConfig(descriptor_scale=7.0, step_size=0.1, noise_sigma=0.2)
    assert derive(given, 1, 0.5) == given


def test_what_should_have_been_derived_is_named():
    config = ck.recipes.ModelConfig(**DERIVED)
    with pytest.raises(ck.UserError, match="greater than 0; received 0.0"):
        ck.recipes.descriptor(config, SHAPE)
    with pytest.raises(ck.UserError, match="`noise_sigma` should be greater than 0; received 0.0"):
        ck.recipes.generator(config, ck.recipes.generator_network(config, SHAPE))


@pytest.mark.parametrize("method", ck.recipes.ModelConfig.METHODS)
def test_a_model_tells_what_was_derived(method):
    config = ck.recipes.ModelConfig(method=method, **TINY, **DERIVED)
    derived = ck.recipes.derive(config, DataSpec(SHAPE, deviation=0.2))
    model = make(method, **{name: getattr(derived, name) for name in DERIVED})
    learned = ck.recipes.as_learned(config, model)
    for name in DERIVED.keys() - derived.unread().keys():
        assert getattr(learned, name) == pytest.approx(getattr(derived, name))
    for name in DERIVED.keys() & derived.unread().keys():
        assert getattr(learned, name) == 0


# Images -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mirror", [False, True])
def test_images_are_those_the_settings_ask_for(tmp_path, mirror):
    for number in range(20):
        image = np.full([24, 20, 1], 10 * number, np.uint8)
        ck.images.write(tmp_path / f"{number}.png", image)
    config = ck.recipes.ImageConfig(
        data=str(tmp_path), held_out="last:5", size=16, judged=3, channels=3, mirror=mirror
    )
    split = ck.recipes.images(config)
    assert split.train.shape == (16, 16, 3)
    assert (len(split.train), len(split.held_out)) == (30 if mirror else 15, 3)
