"""A time becomes a number of updates once; from then on the run is that of the number."""

import numpy as np
import pytest
import toy

from coopkeras import base, jobs
from coopkeras.errors import UserError
from coopkeras.jobs import budget
from coopkeras.jobs.workdir import Workdir

COSTS = budget.Costs(start=20.0, update=0.7, save=0.5)


def task(**changes):
    return toy.Toy(toy.Config(method="descriptor", **changes))


def state(model):
    return [np.asarray(variable) for variable in base.state(model)]


def fit(workdir, **changes):
    return jobs.train.fit(task(**changes), workdir, verbose=0)[0]


@pytest.fixture
def costing(monkeypatch):
    """A function that makes training cost so much, whatever the machine."""

    def cost(*costs):
        monkeypatch.setattr(budget, "measure", lambda *_: budget.Costs(*costs))

    return cost


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The workdir of a run of 1 minute, which was enough for 5 updates."""
    path = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "measure", lambda *_: budget.Costs(2.0, 10.0, 0.0))
        fit(path, minutes=1)
    return path


# The number -------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [0.5, 1, 10, 300])
@pytest.mark.parametrize("log_every", [1, 50])
def test_what_a_time_is_enough_for_fits_into_it_and_one_more_does_not(minutes, log_every):
    updates = budget.affordable(COSTS, minutes, log_every)
    start, update, save = COSTS

    def seconds(number):
        return start + number * (update + save / log_every) + save

    assert seconds(updates) <= 60 * minutes < seconds(updates + 1)


def test_a_time_too_short_for_one_update_is_refused_and_the_least_is_enough():
    with pytest.raises(UserError, match="minutes=0.3 is too short.* 20 s .* 0.7 s") as caught:
        budget.affordable(COSTS, 0.3, 50)
    assert "\n" not in str(caught.value)
    least = float(str(caught.value).rpartition("minutes=")[2].rstrip("."))
    assert budget.affordable(COSTS, least, 50) >= 1


class Phased:
    """A model that costs 1 s an update, and 5 s after its warm-up."""

    warmup_updates = 6

    def __init__(self):
        self.updates = self
        self.seconds = 1.0

    def assign(self, number):
        """Be past so many updates."""
        assert number == self.warmup_updates
        self.seconds = 5.0


def test_a_warm_up_counts_by_its_share(monkeypatch, tmp_path):
    monkeypatch.setattr(budget, "_updates", lambda model, *_: (9.0, model.seconds))
    monkeypatch.setattr(budget, "_save", lambda *_: (2.0, 0.5))
    costs = budget.measure(toy.Config(updates=8), Phased, None, tmp_path)
    assert costs.update == pytest.approx((6 * 1 + 2 * 5) / 8)
    assert costs.start >= 9 - 1 + 2  # of the first update, and of the first checkpoint
    assert costs.save == 0.5


# The run ----------------------------------------------------------------------------------------


def test_measuring_changes_nothing_of_the_run(tmp_path, monkeypatch):
    """The run is that of `updates`, bit for bit, though another model has learned before."""
    measure, found = budget.measure, []

    def four(*given):
        found.append(measure(*given))
        return budget.Costs(start=0.0, update=13.0, save=0.0)

    monkeypatch.setattr(budget, "measure", four)
    measured = fit(tmp_path / "minutes", minutes=1)
    (costs,) = found
    assert costs.start >= 0
    assert min(costs.update, costs.save) > 0
    assert not list((tmp_path / "minutes").glob(".measured*"))
    given = fit(tmp_path / "updates", updates=4)
    for one, other in zip(state(measured), state(given), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_number_is_said(tmp_path, costing, capsys):
    costing(2.0, 10.0, 0.0)
    resolved = budget.resolve(task(minutes=1), None, None, Workdir(tmp_path))
    assert capsys.readouterr().out == "1 minute: 5 updates of about 10 s\n"
    assert (resolved.config.minutes, resolved.config.updates) == (1, 5)


def test_the_number_is_kept(run):
    kept = Workdir(run).load_config(toy.Toy)
    assert (kept.minutes, kept.updates) == (1, 5)
    assert Workdir(run).checkpoints()[-1][0] == 5


def test_a_run_that_is_resumed_keeps_its_number_on_any_machine(run, monkeypatch):
    monkeypatch.setattr(budget, "measure", lambda *_: pytest.fail("it was measured again"))
    resolved = budget.resolve(task(minutes=1), None, None, Workdir(run))
    assert resolved.config.updates == 5
    with Workdir(run).claim(task(minutes=1)):
        pass


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"minutes": 2}, r"\(minutes was 1, now 2\)"),
        ({}, r"\(minutes was 1, now 0.0; updates was 5, now 8\)"),
        ({"minutes": 1, "batch_size": 2}, r"\(batch_size was 4, now 2\)"),
    ],
)
def test_another_time_is_another_run(run, changes, said):
    with pytest.raises(UserError, match=said):
        fit(run, **changes)


def test_a_refused_time_leaves_a_workdir_that_others_may_use(tmp_path, costing):
    costing(90.0, 1.0, 0.0)
    with pytest.raises(UserError, match="Give at least --set=minutes=1.52"):
        fit(tmp_path, minutes=1)
    with Workdir(tmp_path).claim(task(seed=1)):
        assert not (tmp_path / "config.json").exists()


def test_without_minutes_nothing_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "measure", lambda *_: pytest.fail("it was measured"))
    one = task()
    assert budget.resolve(one, None, None, Workdir(tmp_path)) is one
