"""Laws of the recipes: settings reach the models that are made from them."""

import numpy as np
import pytest

import coopkeras as ck

SHAPE = (16, 16, 1)


def make(**settings):
    settings = {"updates": 100, "generator_width": 2, "descriptor_width": 2} | settings
    config = ck.recipes.ModelConfig(**settings)
    return ck.recipes.coopnets(config, SHAPE, ck.recipes.generator_network(config, SHAPE))


def rate(optimizer, updates):
    optimizer.iterations.assign(updates)
    return float(optimizer.learning_rate)


def test_without_a_warm_up_both_rates_fall_to_0_together():
    model = make(generator_rate=0.03, descriptor_rate=0.01)
    assert rate(model.generator.optimizer, 50) == pytest.approx(0.015)
    assert rate(model.generator.optimizer, 100) == pytest.approx(0)
    assert rate(model.descriptor.optimizer, 50) == pytest.approx(0.005)
    assert rate(model.descriptor.optimizer, 100) == pytest.approx(0)


def test_after_the_warm_up_the_generator_learns_slowly():
    model = make(generator_rate=0.03, warmup=0.4)
    assert model.warmup == 40
    assert rate(model.generator.optimizer, 0) == pytest.approx(0.03)
    for updates in (40, 70, 100):
        assert rate(model.generator.optimizer, updates) == pytest.approx(0.001)
    assert rate(model.descriptor.optimizer, 60) == pytest.approx(0)  # it learns in 60 updates


def test_scale_and_penalty_reach_the_descriptor():
    model = make(descriptor_scale=1e3, penalty=2.0)
    assert model.descriptor.penalty == pytest.approx(2e-3)
    assert model.descriptor.network.layers[-1].scale == 1e3


@pytest.mark.parametrize("flip", [False, True])
def test_pictures_are_those_the_settings_ask_for(tmp_path, flip):
    for number in range(20):
        picture = np.full([24, 20, 1], 10 * number, np.uint8)
        ck.images.write(tmp_path / f"{number}.png", picture)
    config = ck.recipes.ImageConfig(
        data=str(tmp_path), held_out="last:5", size=16, judged=3, channels=3, flip=flip
    )
    split = ck.recipes.images(config)
    assert split.train.shape == (16, 16, 3)
    assert (len(split.train), len(split.held_out)) == (30 if flip else 15, 3)


def test_one_picture_is_always_learned_at_its_own_scale(tmp_path):
    for name in ("a.png", "b.png"):
        ck.images.write(tmp_path / name, np.zeros([80, 80, 1], np.uint8))

    def at_own_scale(**settings):
        return ck.recipes.ImageConfig(**settings).at_own_scale()

    assert at_own_scale(data=str(tmp_path / "a.png"))
    assert not at_own_scale(data=str(tmp_path))
    assert at_own_scale(data=str(tmp_path), patches=True)


def test_fewer_than_two_judged_pictures_are_refused():
    with pytest.raises(ck.UserError, match="`judged` should be at least 2; received 1"):
        ck.recipes.ImageConfig(judged=1)


def test_noise_goes_with_the_deviation_and_the_scale_with_the_number_of_values():
    config = ck.recipes.ModelConfig(descriptor_scale=0.0, step_size=0.0, noise_sigma=0.0)
    grey = ck.recipes.derive(config, (8, 8, 1), 0.2)
    colour = ck.recipes.derive(config, (8, 8, 3), 0.4)
    assert colour.descriptor_scale == pytest.approx(3 * grey.descriptor_scale)
    assert colour.step_size == pytest.approx(2 * grey.step_size)
    assert colour.noise_sigma == pytest.approx(2 * grey.noise_sigma)
    calm = ck.recipes.derive(config, (8, 8, 1), 0.2, noise=0.5)
    assert calm.step_size == pytest.approx(grey.step_size / 2)
    drifts = [one.step_size**2 * one.descriptor_scale for one in (grey, calm)]
    assert drifts[0] == pytest.approx(drifts[1])
    given = ck.recipes.ModelConfig(descriptor_scale=7.0, step_size=0.1, noise_sigma=0.2)
    assert ck.recipes.derive(given, (8, 8, 1), 0.5) == given
    with pytest.raises(ck.UserError, match="greater than 0; received 0.0"):
        ck.recipes.descriptor(config, (16, 16, 1))
    with pytest.raises(ck.UserError, match="`noise_sigma` should be greater than 0; received 0.0"):
        ck.recipes.generator(config, ck.recipes.generator_network(config, (16, 16, 1)))
