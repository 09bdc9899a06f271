"""A run that was stopped, asked or killed, ends where the unbroken one ends, bit for bit."""

import dataclasses
import errno
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import toy

from coopkeras import base, jobs
from coopkeras.data.audio import windows
from coopkeras.data.examples import Examples
from coopkeras.errors import Interrupted, UserError
from coopkeras.jobs.workdir import Workdir
from coopkeras.task import DataSpec

HERE = os.path.dirname(__file__)
METHODS = ("coopnets", "generator", "descriptor")

KILLED = """
import sys, train_test
train_test.train_and_signal(*sys.argv[1:3], *map(int, sys.argv[3:]))
"""


class At(keras.callbacks.Callback):
    """Do something when an update of this session ends, in the place of TensorBoard."""

    def __init__(self, update, action):
        super().__init__()
        self.updates, self.update, self.action = 0, update, action

    def on_train_batch_end(self, batch, logs=None):
        """Count."""
        self.updates += 1
        if self.updates == self.update:
            self.action(self.model)


@pytest.fixture
def at(monkeypatch):
    """A function that plans an action for the end of an update."""

    def plan(update, action):
        monkeypatch.setattr(keras.callbacks, "TensorBoard", lambda *_, **__: At(update, action))

    return plan


def task(method="descriptor", **changes):
    return toy.Toy(toy.Config(method=method, **changes))


@dataclasses.dataclass(frozen=True)
class JudgedConfig(toy.Config):
    """One setting more, which only judging reads."""

    judged: int = 2

    def judging(self):
        """Return it."""
        return ("judged",)


class Judged(toy.Toy):
    """A toy that is judged on as many examples as asked."""

    Config = JudgedConfig


def judged(number, **changes):
    return Judged(JudgedConfig(method="descriptor", judged=number, **changes))


def state(model):
    return [np.asarray(variable) for variable in base.state(model)]


def same(model, expected):
    return all(np.array_equal(a, b) for a, b in zip(state(model), expected, strict=True))


def train_and_signal(workdir, method, number, update):
    """Train; the process sends itself a signal after an update."""
    action = At(update, lambda _: os.kill(os.getpid(), number))
    keras.callbacks.TensorBoard = lambda *_, **__: action
    jobs.train.fit(task(method), workdir, verbose=0)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The final state of an unbroken run of 8 updates, by method."""
    states = {}
    for method in METHODS:
        model, _, _ = jobs.train.fit(task(method), tmp_path_factory.mktemp(method), verbose=0)
        states[method] = state(model)
    return states


# An epoch is 3 updates: the 4th and the 5th are within the second one, the 8th ends a short third.


@pytest.mark.parametrize("method", METHODS)
def test_a_run_stopped_within_an_epoch_goes_on_bit_for_bit(method, unbroken, tmp_path, at):
    at(4, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted, match="Stopped after 5 updates and saved") as stop:
        jobs.train.fit(task(method), tmp_path, verbose=0)
    assert stop.value.code == 128 + signal.SIGTERM
    assert Workdir(tmp_path).checkpoints()[-1][0] == 5
    model, _, _ = jobs.train.fit(task(method), tmp_path, verbose=0)
    assert same(model, unbroken[method])
    assert [line["step"] for line in Workdir(tmp_path).metrics()] == [3, 5, 6, 8]


@pytest.mark.parametrize("method", ["coopnets"])
def test_a_run_killed_within_an_epoch_goes_on_bit_for_bit(method, unbroken, tmp_path):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path, method, str(int(signal.SIGKILL)), "5"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [HERE, *sys.path]))},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert Workdir(tmp_path).checkpoints()[-1][0] == 3
    model, _, _ = jobs.train.fit(task(method), tmp_path, verbose=0)
    assert same(model, unbroken[method])
    assert [line["step"] for line in Workdir(tmp_path).metrics()] == [3, 6, 8]


def test_an_unfinished_model_says_so_and_is_resumed_by_its_number(tmp_path, at, caplog, capsys):
    at(4, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        jobs.train.fit(task(), tmp_path, verbose=0)
    jobs.train.restore(task(), tmp_path)
    assert "has learned for 5 of 8 updates" in caplog.text
    caplog.clear()
    jobs.train.fit(task(), tmp_path, verbose=2)
    assert "resumed at update 5 of 8" in capsys.readouterr().out
    jobs.train.restore(task(), tmp_path)
    assert not caplog.text


def test_a_run_that_is_done_stays_as_it_is(unbroken, tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    _, _, seconds = jobs.train.fit(task(), tmp_path, verbose=0)
    assert signal.getsignal(signal.SIGTERM) == before
    again, split, seconds_again = jobs.train.fit(task(), tmp_path, verbose=0)
    assert same(again, unbroken["descriptor"])
    assert (len(split.train), seconds_again) == (10, seconds)
    monkeypatch.setattr(toy.Toy, "datasets", lambda self: pytest.fail("the data were opened"))
    assert same(jobs.train.restore(task(), tmp_path), unbroken["descriptor"])


def test_another_seed_is_another_model():
    one, other = (jobs.train.build(task(seed=seed), DataSpec((16, 16, 1), 10)) for seed in (0, 1))
    assert not same(one, state(other))


def test_restore_needs_a_checkpoint(tmp_path):
    with pytest.raises(UserError, match="holds no trained model"):
        jobs.train.restore(task(), tmp_path)
    with Workdir(tmp_path).claim(task()) as workdir:
        workdir.remember(task(), DataSpec((16, 16, 1), 10))
    with pytest.raises(UserError, match="no checkpoint yet"):
        jobs.train.restore(task(), tmp_path)


def test_a_second_signal_is_obeyed_at_once(tmp_path, at):
    def twice(_):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    at(4, twice)
    with pytest.raises(KeyboardInterrupt):
        jobs.train.fit(task(), tmp_path, verbose=0)
    assert Workdir(tmp_path).checkpoints()[-1][0] == 3


def test_a_full_disk_stops_the_run_and_the_same_command_goes_on(
    unbroken, tmp_path, at, monkeypatch
):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        at(4, lambda _: patch.setattr(os, "fsync", full))
        with pytest.raises(UserError, match="No space left on device.*same command again"):
            jobs.train.fit(task(), tmp_path, verbose=0)
    at(0, None)
    assert [step for step, _ in Workdir(tmp_path).checkpoints()] == [3]
    model, _, _ = jobs.train.fit(task(), tmp_path, verbose=0)
    assert same(model, unbroken["descriptor"])


def test_data_that_can_not_be_opened_leave_no_claim(tmp_path, monkeypatch):
    def missing(self):
        raise UserError("There is no such folder.")

    with monkeypatch.context() as patch:
        patch.setattr(toy.Toy, "datasets", missing)
        with pytest.raises(UserError, match="no such folder"):
            jobs.train.fit(task(data="phtos"), tmp_path, verbose=0)
    with Workdir(tmp_path).claim(task(data="photos")):
        assert not (tmp_path / "config.json").exists()


def test_the_deviation_is_that_from_the_mean_example():
    scene = np.tile(np.linspace(-0.8, 0.8, 8), 500)[:, None]
    noise = np.random.default_rng(0).normal(0, 0.1, scene.shape)
    spec = jobs.train.describe(windows(scene + noise, 8, hop=8))
    assert spec.deviation == pytest.approx(0.1, rel=0.1)
    np.testing.assert_allclose(spec.mean, scene[:8], atol=0.1)
    still = jobs.train.describe(windows(scene, 8, hop=8))
    assert still.deviation == jobs.train.LEAST_DEVIATION


def test_examples_are_described_by_shape_number_and_classes():
    x = np.zeros([5, 4, 4, 3], np.float32)
    spec = jobs.train.describe(Examples.of(x, labels=np.arange(5) % 2, names=("cat", "dog")))
    assert spec[:3] == ((4, 4, 3), 5, ("cat", "dog"))
    assert jobs.train.describe(Examples.of(x)).classes == ()


def test_what_takes_no_part_in_learning_may_change_and_is_kept(unbroken, tmp_path):
    jobs.train.fit(judged(2), tmp_path, verbose=0)
    model, _, _ = jobs.train.fit(judged(3), tmp_path, verbose=0)
    assert same(model, unbroken["descriptor"])
    assert Workdir(tmp_path).load_config(Judged).judged == 3
    with pytest.raises(UserError, match="seed was 0, now 1"):
        jobs.train.fit(judged(3, seed=1), tmp_path, verbose=0)
