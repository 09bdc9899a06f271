"""Laws of the guard: what runs away is noticed, undone and, in the end, refused."""

import os
import signal

import keras
import numpy as np
import pytest
import toy

import coopkeras as ck
from coopkeras import base, jobs
from coopkeras.errors import Interrupted, UserError
from coopkeras.jobs import guard
from coopkeras.jobs.workdir import Workdir
from coopkeras.task import DataSpec

TASK = toy.Toy(toy.Config(method="descriptor"))  # 8 updates, a checkpoint every 3


class Poison(keras.callbacks.Callback):
    """Ruins the weights after update 6, until learning has gone back so often."""

    def __init__(self, value, attempts=1, stop=None):
        super().__init__()
        self.value, self.attempts, self.stop = value, attempts, stop

    def on_train_batch_end(self, batch, logs=None):
        """Do it, or ask to stop."""
        updates, attempt = int(self.model.updates), self.model.attempt
        if updates == 6 and attempt < self.attempts:
            self.model.network.weights[0].assign_add(self.value * np.ones([256, 4]))
        if (updates, attempt) == self.stop:
            os.kill(os.getpid(), signal.SIGTERM)


def learn(workdir, *args, **kwargs):
    """Train with a poison in the place of TensorBoard."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.callbacks, "TensorBoard", lambda *_, **__: Poison(*args, **kwargs))
        return jobs.train.fit(TASK, workdir, verbose=2)[0]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A run that was ruined once: its model and workdir."""
    workdir = tmp_path_factory.mktemp("unbroken")
    return learn(workdir, 1e12), Workdir(workdir)


def state(model):
    return [np.asarray(variable) for variable in base.state(model)]


def generator(**kwargs):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(5, **kwargs)])
    model = ck.Generator(network, steps=1)
    model.compile()
    return model


def test_what_the_last_update_of_an_epoch_ruined_is_undone_and_never_saved(unbroken):
    model, workdir = unbroken
    assert all(np.isfinite(one).all() for one in state(model))
    assert np.abs(model.network.weights[0]).max() < 10
    assert [step for step, _ in workdir.checkpoints()] == [6, 8]
    assert [line["step"] for line in workdir.metrics()] == [3, 6, 8]
    assert workdir.resume(base.state(model)) == (8, 1)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.25e-3)


def test_a_run_that_goes_back_and_is_stopped_ends_as_the_unbroken_one(unbroken, tmp_path):
    for stop in [(4, 0), (6, 1)]:  # saved an update later
        with pytest.raises(Interrupted):
            learn(tmp_path, 1e12, stop=stop)
    for one, other in zip(state(unbroken[0]), state(learn(tmp_path, 1e12)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_learning_that_keeps_running_away_stops_with_a_good_checkpoint(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(jobs.train, "ROLLBACKS", 1)
    with pytest.raises(UserError, match=r"update 6: .*inf, after 1 roll-back.*000000003\.npz"):
        learn(tmp_path, np.nan, attempts=9)
    said = [line for line in capsys.readouterr().out.splitlines() if "ran away" in line]
    assert len(said) == 1
    assert "back to update 3, with other random numbers and 0.25 of the learning rate" in said[0]
    assert [step for step, _ in Workdir(tmp_path).checkpoints()] == [3]
    jobs.train.restore(TASK, tmp_path)


@pytest.mark.parametrize("value", [np.nan, 1e12])
def test_a_ruined_model_is_not_used(value, tmp_path):
    with Workdir(tmp_path).claim(TASK) as workdir:
        workdir.remember(TASK, DataSpec((16, 16, 1), 10))
    model = jobs.train.build(TASK, DataSpec((16, 16, 1), 10))
    model.network.weights[0].assign(np.full([256, 4], value))
    workdir.save_checkpoint(8, base.state(model))
    with pytest.raises(UserError, match="is ruined"):
        jobs.commands.predict(TASK, tmp_path, input_path="in.png", output_path="out.png")


def test_proposals_all_alike_or_huge_and_huge_z_are_noticed():
    batch = np.random.default_rng(0).uniform(-1, 1, [8, 5])
    guard.Guard(generator(), batch).check()
    with pytest.raises(guard.Runaway, match="how much proposals differ is 0"):
        guard.Guard(generator(kernel_initializer="zeros"), batch).check()
    keeps = ck.Generator(generator().network, steps=1, num_examples=4)
    keeps.latents.assign(100 * keeps.latents)
    assert "the size of the kept z" in guard.Sign(*keeps.vital_signs(batch)[-1]).fault()
    huge = keras.initializers.RandomNormal(stddev=100)
    with pytest.raises(guard.Runaway, match="the size of proposals is .* more than 5"):
        guard.Guard(generator(kernel_initializer=huge), batch).check()


def test_a_drift_that_no_data_can_ask_for_is_noticed():
    network = keras.Sequential([keras.Input((5,)), keras.layers.Dense(8, "relu")])
    batch = np.random.default_rng(0).uniform(-1, 1, [8, 5])
    for step_size, sound in ((0.05, True), (2.0, False)):
        model = ck.Descriptor(network, start="data", step_size=step_size)
        model.compile()
        faults = [guard.Sign(*sign).fault() for sign in model.vital_signs(batch)]
        assert (faults == [None]) == sound


def test_one_update_is_told_from_the_mean_of_its_epoch():
    watching = guard.Guard(generator(), np.ones([2, 5]))
    for number in range(40):
        watching.watch(1, {"reconstruction": 1.0}, number)
    with pytest.raises(guard.Runaway, match="reconstruction is 42, more than 5"):
        watching.watch(1, {"reconstruction": 2.0}, 40)


def test_a_schedule_and_a_number_are_scaled_and_saved(tmp_path):
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 100)
    for rate in (schedule, 0.1):
        model = generator()
        model.compile(keras.optimizers.Adam(rate))
        guard.slow_down(model, 2)
        model.save(tmp_path / "model.keras")
        for each in (model, keras.saving.load_model(tmp_path / "model.keras")):
            assert float(each.optimizer.learning_rate) == pytest.approx(0.1 / 16)


def test_another_attempt_draws_other_numbers():
    model, seeds = generator(), []
    for model.attempt in (0, 1, 2):
        model.updates.assign(3)
        seeds.append(tuple(model.next_seed().numpy()))
    assert len(set(seeds)) == 3
    assert seeds[0] == tuple(ck.seeds.fold(0, 3).numpy())
