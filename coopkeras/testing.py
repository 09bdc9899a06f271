"""The laws that every task obeys, as a class of tests to inherit.

class TestMine(coopkeras.testing.TaskConformance):
    task_class = Mine
    settings = ["size=16", "width=4"]       # tiny: the whole takes seconds
"""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from coopkeras import base, jobs
from coopkeras.audio.files import Sound
from coopkeras.errors import UserError
from coopkeras.jobs.workdir import Workdir
from coopkeras.video.files import Clip

UPDATES = 2
ROW_TOLERANCE = 1e-4  # between a row in a batch and alone


class TaskConformance:
    """Tests of one task: inherit it and give the attributes; pytest does the rest in seconds.

    Attributes:
        task_class: a subclass of `coopkeras.Task`.
        settings: list of "name=value" that make it tiny; `updates` and `log_every` are set here.

    Example:
        >>> class TestMine(TaskConformance):  # doctest: +SKIP
        ...     task_class = Mine
        ...     settings = ["size=16", "width=4"]
    """

    task_class: type
    settings: list[str] = []

    @pytest.fixture(scope="class")
    def task(self):
        """Return the task with its tiny config."""
        config = self.task_class.Config.parse(self.settings)
        return self.task_class(config.changed([f"updates={UPDATES}", "log_every=1"]))

    @pytest.fixture(scope="class")
    def trained(self, task, tmp_path_factory):
        """Train for two updates; return `(model, split, workdir)`."""
        workdir = Workdir(tmp_path_factory.mktemp("run"))
        model, split, _ = jobs.train.fit(task, workdir.path, verbose=0)
        return model, split, workdir

    @pytest.fixture(scope="class")
    def served(self, task, trained):
        """Return the signatures as concrete functions, by name."""
        signatures = task.signatures(trained[0])
        return {name: function.get_concrete_function() for name, function in signatures.items()}

    # Config ---------------------------------------------------------------------------------

    def test_config_survives_json(self, task):
        """What config.json holds makes the same config again."""
        written = json.loads(json.dumps(dataclasses.asdict(task.config)))
        assert type(task.config)(**written) == task.config

    def test_unknown_setting_is_refused(self):
        """A setting that is not there is an error that lists those that are."""
        with pytest.raises(UserError, match="updates"):
            self.task_class.Config.parse(["no_such_setting=1"])

    def test_it_says_what_it_is(self):
        """The name is a word and the summary a line."""
        assert self.task_class.name.isidentifier()
        assert self.task_class.summary
        assert "\n" not in self.task_class.summary

    # Data -----------------------------------------------------------------------------------

    def test_batches_have_the_shape_and_the_range(self, task, trained):
        """Values are float32 in [-1, 1], of one shape in training and judging."""
        _, split, _ = trained
        batch = next(iter(split.train.batches(task.config.batch_size, seed=0)))
        assert batch["x"].shape == (task.config.batch_size, *split.train.shape)
        assert batch["index"].shape == (task.config.batch_size,)
        held_out = split.held_out.array(limit=4)
        assert held_out.shape[1:] == tuple(split.train.shape)
        for x in (batch["x"].numpy(), held_out):
            assert x.dtype == np.float32
            assert x.min() >= -1
            assert x.max() <= 1

    # Learning -------------------------------------------------------------------------------

    def test_learning_moves_the_weights_and_stays_finite(self, task, trained):
        """An update changes the weights, and every number of the log is finite."""
        model, split, workdir = trained
        fresh = jobs.train.build(task, split.train.shape, len(split.train))
        pairs = zip(model.trainable_variables, fresh.trainable_variables, strict=True)
        assert any(not np.array_equal(new, old) for new, old in pairs)
        lines = workdir.metrics()
        assert [line["step"] for line in lines] == [1, 2]
        assert all(np.isfinite(value) for line in lines for value in line.values())

    def test_a_checkpoint_holds_everything(self, task, trained):
        """A model restored from the workdir has the same state, bit for bit."""
        model, _, workdir = trained
        again = jobs.train.restore(task, workdir.path)
        pairs = zip(base.state(model), base.state(again), strict=True)
        for one, other in pairs:
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other), str(one.name))

    # Judging and drawing --------------------------------------------------------------------

    def test_it_is_judged_beside_a_baseline(self, task, trained):
        """The rows are those of results.json, ours and a baseline's among them."""
        model, split, _ = trained
        rows = task.judge(model, split)
        assert {row["ours"] for row in rows} == {True, False}
        for row in json.loads(json.dumps(rows)):
            assert set(row) == {"method", "ours", "variant", "setting", "n", "metrics"}
            assert row["n"] > 0
            assert bool(row["variant"]) == row["ours"]
            assert row["metrics"]
            for metric in row["metrics"].values():
                assert np.isfinite(metric["value"])
                assert metric["better"] in ("higher", "lower")

    def test_it_is_drawn(self, task, trained):
        """Pictures by caption, float in [-1, 1] or uint8, and clips and sounds."""
        model, split, _ = trained
        drawn = task.draw(model, split)
        assert drawn
        for caption, picture in drawn.items():
            assert isinstance(caption, str)
            if isinstance(picture, Sound):
                assert np.all(np.isfinite(picture.x))
                continue
            if isinstance(picture, Clip):
                picture = picture.pixels[0]
            assert np.ndim(picture) == 3
            assert np.shape(picture)[-1] in (1, 3)
            assert picture.dtype == np.uint8 or np.all(np.abs(picture) <= 1)

    # Serving --------------------------------------------------------------------------------

    def test_signatures_suit_a_server(self, served):
        """Names, batch dimensions and ops are what a stock TF Serving takes."""
        jobs.export.check(served)

    def test_every_output_has_a_row_for_every_row(self, served):
        """Three rows in, three rows out, and a row is the same alone."""
        for name, function in served.items():
            inputs = jobs.export.example_inputs(function, batch=3)
            outputs = _call(function, inputs)
            alone = _call(function, {key: value[1:2] for key, value in inputs.items()})
            for key, value in outputs.items():
                assert len(value) == 3, (name, key)
                if value.dtype.kind == "f":
                    close = np.allclose(value[1:2], alone[key], ROW_TOLERANCE, ROW_TOLERANCE)
                    assert close, (name, key)

    def test_the_seed_decides(self, served):
        """The same seed gives the same result, bit for bit; another seed gives another."""
        for name, function in served.items():
            inputs = jobs.export.example_inputs(function)
            first, again = _call(function, inputs), _call(function, inputs)
            assert _same(first, again), name
            if "seed" in inputs:
                other = _call(function, inputs | {"seed": inputs["seed"] + 1})
                assert not _same(first, other), name

    def test_export_and_reload(self, task, trained, tmp_path):
        """The export is proven in another process, and holds the settings."""
        path = jobs.export.write(task, trained[0], tmp_path)
        assert path == tmp_path / task.name / "1"
        written = json.loads((path / "assets.extra" / "config.json").read_text("utf-8"))
        assert written["config"] == dataclasses.asdict(task.config)
        assert set(written["signatures"]) >= {"serving_default"}


def _call(function, inputs):
    outputs = function(**{key: tf.constant(value) for key, value in inputs.items()})
    return {key: value.numpy() for key, value in outputs.items()}


def _same(outputs, others):
    return all(np.array_equal(value, others[key]) for key, value in outputs.items())
