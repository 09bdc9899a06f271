"""A workdir belongs to one run, is never half written, and says what is wrong with it."""

import dataclasses
import errno
import json
import os

import numpy as np
import pytest
import tensorflow as tf
import toy

import coopkeras
from coopkeras.errors import UserError
from coopkeras.jobs.workdir import Workdir
from coopkeras.task import DataSpec

SPEC = DataSpec((16, 16, 1), 10, ("cat", "dog"), 0.25)


def variables(*values):
    return [tf.Variable(value, name=f"v{n}", dtype="float32") for n, value in enumerate(values)]


def claim(workdir, task):
    with Workdir(workdir.path).claim(task):
        pass


@pytest.fixture
def begun(tmp_path):
    """A workdir in which the toy has learned for 3 updates."""
    workdir = Workdir(tmp_path / "run")
    task = toy.Toy()
    with workdir.claim(task):
        workdir.remember(task, SPEC)
        workdir.save_checkpoint(3, variables([1.0, 2.0], 3.0))
    return workdir


def test_config_json_says_what_was_run(begun):
    written = json.loads((begun.path / "config.json").read_text("utf-8"))
    assert written["task"] == "toy"
    assert written["config"]["size"] == 16
    assert begun.spec() == SPEC
    assert begun.load_config(toy.Toy) == toy.Config()


def test_a_second_run_is_refused_while_one_is_working(begun):
    with begun.claim(toy.Toy()), pytest.raises(UserError, match="another --workdir") as caught:
        claim(begun, toy.Toy())
    assert str(os.getpid()) in str(caught.value)
    claim(begun, toy.Toy())  # the lock went with the run


def test_other_settings_are_refused(begun):
    task = toy.Toy(toy.Config(size=32, seed=1))
    with pytest.raises(UserError, match=r"seed was 0, now 1; size was 16, now 32"):
        claim(begun, task)


def test_a_setting_that_is_no_more_is_named(begun):
    path = begun.path / "config.json"
    written = json.loads(path.read_text("utf-8"))
    written["config"]["stripes"] = 3
    path.write_text(json.dumps(written), "utf-8")
    with pytest.raises(UserError, match="had other settings: stripes"):
        begun.load_config(toy.Toy)
    with pytest.raises(UserError, match="had other settings: stripes"):
        claim(begun, toy.Toy())


def test_a_setting_that_is_new_had_its_default(begun):
    @dataclasses.dataclass(frozen=True)
    class Config(toy.Config):
        stripes: int = 3

    class Striped(toy.Toy):
        pass

    Striped.Config = Config
    claim(begun, Striped(Config()))
    with pytest.raises(UserError, match="stripes was 3, now 4"):
        claim(begun, Striped(Config(stripes=4)))


def test_another_task_is_refused(begun):
    class Other(toy.Toy):
        name = "other"

    with pytest.raises(UserError, match=r"made by --task=toy; received --task=other"):
        claim(begun, Other())
    with pytest.raises(UserError, match="made by --task=toy"):
        begun.load_config(Other)


def test_other_data_are_refused(begun):
    with begun.claim(toy.Toy()):
        with pytest.raises(UserError, match=r"learns from 10 examples .* has 11"):
            begun.remember(toy.Toy(), SPEC._replace(count=11))
        with pytest.raises(UserError, match=r"\(16, 16, 3\)"):
            begun.remember(toy.Toy(), SPEC._replace(shape=(16, 16, 3)))


def test_a_run_that_learned_nothing_yet_leaves_no_claim(tmp_path):
    workdir = Workdir(tmp_path)
    for task in (toy.Toy(), toy.Toy(toy.Config(size=32))):
        with workdir.claim(task):
            workdir.remember(task, SPEC)
    assert workdir.load_config(toy.Toy).size == 32


def test_where_nothing_was_trained(tmp_path):
    with pytest.raises(UserError, match="holds no trained model"):
        Workdir(tmp_path).config()


@pytest.mark.parametrize("version", ["0.1.0", "0.1.7", "1.2.0"])
def test_a_workdir_of_another_version_is_refused_by_name(begun, version):
    begun.write_json("config.json", begun.config() | {"version": version})
    for use in (lambda: begun.load_config(toy.Toy), lambda: claim(begun, toy.Toy())):
        with pytest.raises(UserError, match=f"made by coopkeras {version}, and this is") as caught:
            use()
        assert "\n" not in str(caught.value)


def test_a_workdir_of_the_same_minor_version_goes_on(begun):
    patch = coopkeras.__version__.rpartition(".")[0] + ".99"
    begun.write_json("config.json", begun.config() | {"version": patch})
    assert begun.load_config(toy.Toy) == toy.Config()
    claim(begun, toy.Toy())


def test_what_was_derived_from_the_data_stays_when_they_are_described_again(begun):
    """Deviation and classes are those that were learned, whatever is counted later."""
    with begun.claim(toy.Toy()):
        begun.remember(toy.Toy(), SPEC._replace(deviation=0.3, classes=("cow",)))
    assert begun.spec() == SPEC


# Checkpoints ------------------------------------------------------------------------------------


def test_a_checkpoint_comes_back(begun):
    restored = variables([0.0, 0.0], 0.0)
    assert begun.restore(restored) == 3
    np.testing.assert_array_equal(restored[0], [1, 2])
    assert Workdir(begun.path / "other").restore(restored) == 0


def test_the_last_two_are_kept(begun):
    for step in (5, 1000000000, 7):
        begun.save_checkpoint(step, variables(float(step)))
    assert [step for step, _ in begun.checkpoints()] == [7, 1000000000]


@pytest.mark.parametrize("others", [([1.0, 2.0, 3.0], 0.0), ([1.0, 2.0], 0.0, 1.0)])
def test_a_checkpoint_of_another_model_is_refused(begun, others):
    others = variables(*others)
    before = others[0].numpy()
    with pytest.raises(UserError, match="does not fit this model"):
        begun.restore(others)
    np.testing.assert_array_equal(others[0], before)


def test_a_broken_checkpoint_is_named_and_the_one_before_is_used(begun, caplog):
    begun.save_checkpoint(5, variables([1.0, 2.0], 3.0), rollbacks=2)
    assert begun.resume(variables([0.0, 0.0], 0.0)) == (5, 2)
    paths = [path for _, path in begun.checkpoints()]
    paths[1].write_bytes(paths[1].read_bytes()[:100])
    restored = variables([0.0, 0.0], 0.0)
    assert begun.restore(restored) == 3
    np.testing.assert_array_equal(restored[0], [1, 2])
    assert "000000005.npz can't be read" in caplog.text
    paths[0].write_bytes(b"")
    with pytest.raises(UserError, match="000000003.npz can't be read.*none before"):
        begun.restore(restored)


def test_the_last_checkpoint_of_whole_epochs_is_kept_to_go_back_to(begun):
    for step in (4, 5, 7):
        begun.save_checkpoint(step, variables([1.0, 2.0], 3.0), epoch=3)
    assert [step for step, _ in begun.checkpoints()] == [3, 5, 7]
    assert begun.go_back(3) == 3
    assert [step for step, _ in begun.checkpoints()] == [3]


def test_the_same_model_made_twice_in_a_process_is_the_same(tmp_path):
    workdir = Workdir(tmp_path)
    workdir.save_checkpoint(1, toy.Toy().build(DataSpec((16, 16, 1), 10)).variables)
    assert workdir.restore(toy.Toy().build(DataSpec((16, 16, 1), 10)).variables) == 1


def test_what_a_killed_write_left_is_not_a_checkpoint(begun):
    (begun.path / "checkpoints" / ".000000009.npz.123").write_bytes(b"half")
    assert begun.restore(variables([0.0, 0.0], 0.0)) == 3


# Files that can't be written --------------------------------------------------------------------


def test_a_full_disk_leaves_the_old_checkpoint(begun, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        begun.save_checkpoint(4, variables([5.0, 5.0], 5.0))
    with pytest.raises(UserError, match="No space left on device"):
        begun.write_json("config.json", {})
    assert [step for step, _ in begun.checkpoints()] == [3]
    assert begun.config()["task"] == "toy"
    assert not [path for path in begun.path.rglob(".*") if path.name != ".lock"]


def test_a_device_that_is_full(begun):
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    begun.path.joinpath(f".results.json.{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(UserError, match="No space left on device"):
        begun.write_json("results.json", {})
    assert begun.results() == {}


def test_a_folder_that_can_not_be_made(tmp_path):
    file = tmp_path / "file"
    file.write_text("a file")
    for path in (file, file / "run"):
        with pytest.raises(UserError, match="can't be written"):
            claim(Workdir(path), toy.Toy())
    assert file.read_text() == "a file"


def test_metrics_stop_where_the_checkpoint_stands(tmp_path):
    workdir = Workdir(tmp_path)
    workdir.write_metrics([{"step": 3, "gap": 1.0}, {"step": 6, "gap": 0.5}])
    assert [line["step"] for line in workdir.metrics()] == [3, 6]
    assert [line["step"] for line in workdir.metrics(up_to=5)] == [3]
    assert Workdir(tmp_path / "none").metrics() == []
