"""Laws of the settings that tasks share: which are read, when, and what is refused."""

import numpy as np
import pytest

import coopkeras as ck

CONFIGS = [
    ck.recipes.ModelConfig,
    ck.recipes.ImageConfig,
    ck.recipes.RecoveryConfig,
    ck.recipes.ImageRecoveryConfig,
]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("method", ck.recipes.ModelConfig.METHODS)
def test_what_a_method_does_not_read_is_refused_and_the_rest_is_taken(config, method):
    parsed = config.parse([f"method={method}"])
    unread = parsed.unread()
    for name in config._kinds():
        setting = [f"method={method}", f"{name}={getattr(parsed, name)}"]
        if name not in unread:
            assert config.parse(setting) == parsed
            continue
        with pytest.raises(ck.UserError, match=f"^`{name}` is not read with {unread[name]}") as one:
            config.parse(setting)
        assert "\n" not in str(one.value)


def test_each_method_leaves_the_other_parts_settings_unread():
    unread = {m: ck.recipes.ModelConfig(method=m).unread() for m in ck.recipes.ModelConfig.METHODS}
    assert not unread["coopnets"]
    assert {"steps", "descriptor_width", "ema"} <= unread["generator"].keys()
    assert {"latent_dim", "generator_width", "ema"} <= unread["descriptor"].keys()
    assert not {"latent_dim"} & unread["generator"].keys()
    assert not {"steps"} & unread["descriptor"].keys()


def test_only_a_generator_without_a_condition_has_a_form():
    conditional, plain = (ck.recipes.RecoveryConfig(method=m) for m in ("coopnets", "generator"))
    assert (conditional.conditional(), plain.conditional()) == (True, False)
    assert "generator_form" in conditional.unread()
    assert "generator_form" not in plain.unread()


def test_a_method_implies_defaults_that_settings_come_before():
    assert ck.recipes.RecoveryConfig.parse(["method=descriptor"]).steps == 30
    assert ck.recipes.RecoveryConfig.parse(["method=descriptor", "steps=7"]).steps == 7
    assert ck.recipes.RecoveryConfig.parse(["method=generator"]).latent_dim == 100


def test_judging_and_predicting_read_what_takes_no_part_in_learning():
    config = ck.recipes.ImageRecoveryConfig()
    drawn = ("samples", "temperature")
    assert ck.recipes.RecoveryConfig().predicting() == drawn
    assert (config.judging(), config.predicting()) == (("judged",), (*drawn, "uncertainty"))
    assert config.free() == {"judged", *drawn, "uncertainty"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["method=gan"], "`method` should be one of coopnets, generator, descriptor"),
        (["descriptor_form=scene"], "`descriptor_form` should be texture or object"),
        (["latent_dim=0"], "`latent_dim` should be at least 1; received 0"),
        (["step_size=-1"], "`step_size` should be 0 or more"),
        (["generator_learning_rate=0"], "`generator_learning_rate` should be greater than 0"),
        (["observed_weight=2"], "`observed_weight` should be between 0 and 1"),
        (["warmup_share=1"], "`warmup_share` should be at least 0 and less than 1"),
        (["ema=1"], "`ema` should be at least 0 and less than 1"),
        (["denoise_steps=-1"], "`denoise_steps` should be 0 or more"),
        (["judged=1"], "`judged` should be at least 2; received 1"),
        (["samples=-1"], "`samples` should be 0 or more; received -1"),
        (["temperature=-0.5"], "`temperature` should be 0 or more; received -0.5"),
        (["uncertainty=much"], "`uncertainty` should be of type bool; received 'much'"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(settings, words):
    with pytest.raises(ck.UserError, match=words) as caught:
        ck.recipes.ImageRecoveryConfig.parse(settings)
    assert "\n" not in str(caught.value)


def test_one_image_is_always_learned_at_its_own_scale(tmp_path):
    for name in ("a.png", "b.png"):
        ck.images.write(tmp_path / name, np.zeros([80, 80, 1], np.uint8))

    def at_own_scale(**settings):
        return ck.recipes.ImageConfig(**settings).at_own_scale()

    assert at_own_scale(data=str(tmp_path / "a.png"))
    assert not at_own_scale(data=str(tmp_path))
    assert at_own_scale(data=str(tmp_path), patches=True)
