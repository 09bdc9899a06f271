"""Laws of the settings of every built-in task: who reads one, and who refuses it."""

import dataclasses

import pytest

import coopkeras as ck
from coopkeras import registry
from coopkeras.jobs import settings
from coopkeras.jobs.workdir import Workdir
from coopkeras.task import DataSpec

CHOICES = {  # what decides which settings are read
    "audio": [["method=coopnets"], ["method=generator"], ["method=descriptor"]],
    "inpaint": [["method=coopnets"], ["method=generator"], ["method=descriptor"]],
    "super_resolution": [["method=coopnets"], ["method=generator"], ["method=descriptor"]],
    "synthesis": [
        *([method] for method in ("method=coopnets", "method=generator", "method=descriptor")),
        ["data=samples:faces"],
        ["data=samples:faces", "generator_form=texture"],
        ["data=samples:faces", "method=descriptor"],
    ],
    "video": [
        *([method] for method in ("method=coopnets", "method=generator", "method=descriptor")),
        ["goal=synthesis"],
        ["method=generator", "goal=repair"],
        ["method=descriptor", "goal=repair"],
    ],
}
LEARNING, ALL_OF_INPAINT = 15, 25  # settings at most
CASES = [(name, choice) for name, choices in CHOICES.items() for choice in choices]


@pytest.fixture(autouse=True)
def unchecked(monkeypatch):
    """Leave out drawing the holes of each config, which takes long and is tested elsewhere."""
    monkeypatch.setattr(ck.recipes.HolesConfig, "check_holes", lambda *_: None)


def config_of(name, choice=()):
    return registry.find(name).Config.parse(choice)


def names_of(config):
    return [field.name for field in dataclasses.fields(config)]


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_every_setting_has_a_meaning_of_one_sentence(name):
    kind = registry.find(name).Config
    meanings = settings.meanings(kind)
    assert set(meanings) == set(names_of(kind))
    for field, meaning in meanings.items():
        assert 5 < len(meaning) < 200, (field, meaning)


@pytest.mark.parametrize(("name", "choice"), CASES)
def test_a_task_shows_few_settings_for_learning_and_experts_see_all_that_are_read(name, choice):
    config = config_of(name, choice)
    assert {"data", "seed", "minutes"} <= set(settings.names(config, "learning"))
    assert len(settings.names(config, "learning")) <= LEARNING
    shown = [one for group in settings.GROUPS for one in settings.names(config, group, True)]
    assert sorted(shown) == sorted(set(names_of(config)) - set(config.unread()))


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_settings_for_experts_are_settings_of_learning_or_of_sampling(name):
    config = config_of(name)
    assert config.expert() <= set(names_of(config))
    assert not config.expert() & set(config.judging())


def test_inpaint_has_few_settings_in_all():
    assert len(names_of(config_of("inpaint"))) <= ALL_OF_INPAINT


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_every_setting_is_described_where_it_is_declared(name):
    kind = registry.find(name).Config
    for field in dataclasses.fields(kind):
        homes = [cls for cls in kind.__mro__ if field.name in vars(cls).get("__annotations__", {})]
        assert any(f"{field.name}: " in (cls.__doc__ or "") for cls in homes), field.name


@pytest.mark.parametrize(("name", "choice"), CASES)
def test_a_setting_that_nothing_reads_is_refused_and_all_others_are_taken(name, choice):
    config, kind = config_of(name, choice), registry.find(name).Config
    unread = config.unread()
    assert set(unread) <= set(names_of(config))
    assert not set(unread) & {one.partition("=")[0] for one in choice}
    given = {field: f"{field}={getattr(config, field)}" for field in names_of(config)}
    assert kind.parse([one for field, one in given.items() if field not in unread]) == config
    for field in unread:
        with pytest.raises(ck.UserError) as caught:
            kind.parse([*choice, given[field]])
        assert str(caught.value) == f"`{field}` is not read with {unread[field]}; leave it out."


@pytest.mark.parametrize("name", sorted(CHOICES))
@pytest.mark.parametrize("method", ["generator", "descriptor"])
def test_a_method_reads_nothing_of_the_part_that_it_lacks(name, method):
    unread = config_of(name, [f"method={method}"]).unread()
    if name == "inpaint":
        dead = {"generator": ("levels",), "descriptor": ("latent_dim", "width")}
        assert {*dead[method], "descriptor_updates", "learning_rate"} <= set(unread)
        return
    dead = {"generator": ("steps", "step_size"), "descriptor": ("latent_dim", "noise_sigma")}
    assert {*dead[method], "ema", "denoise_steps"} <= set(unread)
    assert not set(dead["descriptor" if method == "generator" else "generator"]) & set(unread)


@pytest.mark.parametrize(("name", "choice"), CASES)
def test_what_is_free_is_a_setting_and_nothing_that_decides_what_is_learned(name, choice):
    config = config_of(name, choice)
    assert config.free() <= set(names_of(config))
    assert not config.free() & {"method", "goal", "updates", "seed", "batch_size", "data"}


def read_by(config, mode):
    """Return the names of the settings that a job reads."""
    names = {
        "evaluate": ("data", "held_out", "seed", *config.judging()),
        "predict": ("seed", *config.predicting()),
        "export": config.serving(),
    }[mode]
    return [name for name in names if name not in config.unread()]


def other(value):
    """Return another value of the type of a setting."""
    if isinstance(value, bool):
        return not value
    return f"{value}x" if isinstance(value, str) else value + 16


@pytest.mark.parametrize("name", sorted(CHOICES))
@pytest.mark.parametrize("mode", ["evaluate", "predict", "export"])
def test_a_trained_model_refuses_what_the_job_does_not_read_and_says_what_it_reads(name, mode):
    config = config_of(name)
    reads = read_by(config, mode)
    for field in names_of(config):
        same, changed = (
            f"{field}={value}" for value in (getattr(config, field), other(getattr(config, field)))
        )
        assert config.in_use(mode, [same]) == config, field
        if field in reads:
            continue
        with pytest.raises(ck.UserError) as caught:
            config.in_use(mode, [changed])
        message = str(caught.value)
        assert message.startswith(f"`{field}` is {getattr(config, field)!r} in this model")
        assert message.partition("it reads ")[2] == (
            f"{', '.join(reads)}." if reads else "no setting."
        )


@pytest.mark.parametrize(
    ("name", "mode", "setting", "value"),
    [
        ("audio", "evaluate", "judged_gaps=0.1", "0.1"),
        ("audio", "predict", "seconds=3", 3.0),
        ("audio", "predict", "gap=1-2", "1-2"),
        ("inpaint", "evaluate", "judged_holes=square:9", "square:9"),
        ("inpaint", "predict", "samples=3", 3),
        ("inpaint", "predict", "uncertainty=true", True),
        ("super_resolution", "predict", "temperature=0.25", 0.25),
        ("super_resolution", "evaluate", "judged=7", 7),
        ("synthesis", "predict", "size=128", 128),
        ("synthesis", "predict", "label=cat", "cat"),
        ("video", "predict", "missing=3-5", "3-5"),
    ],
)
def test_a_job_takes_what_it_reads(name, mode, setting, value):
    used = config_of(name).in_use(mode, [setting])
    assert getattr(used, setting.partition("=")[0]) == value


@pytest.mark.parametrize("name", ["audio", "synthesis", "video"])
def test_uncertainty_is_that_of_recovered_images_alone(name):
    with pytest.raises(ck.UserError, match="no setting 'uncertainty'") as caught:
        config_of(name).in_use("predict", ["uncertainty=true"])
    assert "\n" not in str(caught.value)


# Resuming ---------------------------------------------------------------------------------------

FREE = {
    "audio": ["judged=2", "judged_gaps=0.1", "seconds=2"],
    "inpaint": ["judged=9", "judged_holes=square:4", "samples=2", "temperature=0.5"],
    "super_resolution": ["judged=9", "samples=2", "uncertainty=true"],
    "synthesis": ["judged=9", "samples=2", "size=300", "sampling_steps=3"],
    "video": ["judged=9", "judged_holes=square:4", "samples=2"],
}


@pytest.fixture
def begun(tmp_path):
    """A function that makes a workdir in which a task has learned."""

    def begin(task):
        workdir = Workdir(tmp_path)
        with workdir.claim(task):
            workdir.remember(task, DataSpec((16, 16, 1), 4))
            workdir.save_checkpoint(1, [])
        return workdir

    return begin


@pytest.mark.parametrize("name", sorted(FREE))
def test_what_takes_no_part_in_learning_is_free_on_resume_and_kept(name, begun):
    cls = registry.find(name)
    workdir = begun(cls(config_of(name)))
    task = cls(config_of(name, FREE[name]))
    with workdir.claim(task):
        workdir.remember(task, DataSpec((16, 16, 1), 4))
    assert workdir.load_config(cls) == task.config
    assert task.config != config_of(name)


@pytest.mark.parametrize("name", sorted(FREE))
@pytest.mark.parametrize("setting", ["batch_size=3", "seed=2", "updates=7", "latent_dim=3"])
def test_what_was_learned_can_not_change_on_resume(name, setting, begun):
    cls = registry.find(name)
    workdir = begun(cls(config_of(name)))
    field, _, value = setting.partition("=")
    changed = workdir.claim(cls(config_of(name, [setting])))
    with pytest.raises(ck.UserError, match=f"{field} was .*, now {value}") as caught, changed:
        pass
    assert "\n" not in str(caught.value)
