"""The laws of every task, as a class of tests to inherit.

class TestDeblur(coopkeras.testing.TaskConformance):
    task_class = Deblur
    settings = ["size=16", "width=4"]       # tiny: the whole takes seconds
"""

import copy
import dataclasses
import json
import pathlib
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from coopkeras import base, jobs, recipes
from coopkeras.errors import UserError
from coopkeras.jobs.workdir import Workdir

UPDATES = 2
ROW_TOLERANCE = 1e-4  # between a row in a batch and alone
AGREEING = 4  # examples that are recovered, to see whether they agree with what was seen
AGREEMENT = 0.1  # of the mean of what was seen; confining a model that has not learned costs some
IMAGES = (".bmp", ".gif", ".jpg", ".png", ".tif", ".webp")
UNREADABLE = {"text": b"Some words.\n", "empty": b"", "missing": None}


class Prediction(NamedTuple):
    """A call of `predict` and what it did.

    Attributes:
        sources: (input_path, mask_path).
        before: contents of the sources before the call.
        output: the path that was asked for.
        paths: the paths that were returned.
    """

    sources: tuple
    before: dict
    output: pathlib.Path
    paths: list


class TaskConformance:
    """Tests of one task: inherit it and give the attributes; pytest does the rest in seconds.

    Override `inputs` if `predict` reads no images, and `read` if it writes none.

    Attributes:
        task_class: a subclass of `coopkeras.Task`.
        settings: list of "name=value" that make it tiny; `updates` and `log_every` are set here.
        drawn: settings with which `predict` draws at random; None if it never does.
        masked: `predict` takes a mask, and fills it: all other values come back bit for bit.
        output: name of the file to predict; by default "out" with the suffix of the task.

    Example:
        >>> class TestDeblur(TaskConformance):  # doctest: +SKIP
        ...     task_class = Deblur
        ...     settings = ["size=16", "width=4"]
        ...     drawn = ["samples=2"]
    """

    task_class: type
    settings: list[str] = []
    drawn: list[str] | None = []
    masked: bool = False
    output: str = ""

    def inputs(self, task, folder):
        """Write the files to predict from.

        Args:
            task: the task with its tiny config.
            folder: an empty folder, a `pathlib.Path`.

        Returns:
            inputs: `{name: (input_path, mask_path)}`, either None where it is not given. By
                default images of 1 to 4 channels, larger and smaller than the model's; (None,
                None) for a task that takes no input.
        """
        if not task.takes_input:
            return {"nothing": (None, None)}
        if task.suffix not in IMAGES:
            pytest.fail(f"override `inputs`: what should predict read, a {task.suffix}?")
        large, small = task.config.size + 7, task.config.size - 7
        shapes = [(small, small + 4), (large, small, 2), (small, large, 3), (large, large + 18, 4)]
        pairs = [_write_image(folder, shape, self.masked) for shape in shapes]
        return {path.stem: (path, mask_path) for path, mask_path in pairs}

    def read(self, path):
        """Return the values of a file that `predict` reads or writes.

        Args:
            path: a `pathlib.Path`.

        Returns:
            values: of an image uint8 `[height, width, ...]`, of any other file its bytes.
        """
        if path.suffix not in IMAGES:
            return np.frombuffer(path.read_bytes(), np.uint8)
        with Image.open(path) as image:
            return np.asarray(image)

    @pytest.fixture(scope="class")
    @classmethod
    def task(cls):
        """Return the task with its tiny config."""
        config = cls.task_class.Config.parse(cls.settings)
        return cls.task_class(config.changed([f"updates={UPDATES}", "log_every=1"]))

    @pytest.fixture(scope="class")
    @classmethod
    def trained(cls, task, tmp_path_factory):
        """Train for two updates; return `(model, split, workdir)`."""
        workdir = Workdir(tmp_path_factory.mktemp("run"))
        model, split, _ = jobs.train.fit(task, workdir.path, verbose=0)
        return model, split, workdir

    @pytest.fixture(scope="class")
    @classmethod
    def served(cls, task, trained):
        """Return the signatures as concrete functions, by name."""
        signatures = task.signatures(trained[0])
        return {name: jobs.export.concrete(function) for name, function in signatures.items()}

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
        fresh = jobs.train.build(task, jobs.train.describe(split.train))
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
            assert set(row) - {"paired"} == {"method", "ours", "variant", "setting", "n", "metrics"}
            assert row["n"] > 0
            assert bool(row["variant"]) == row["ours"]
            assert row["metrics"]
            for metric in row["metrics"].values():
                assert np.isfinite(metric["value"])
                assert metric["better"] in ("higher", "lower")
                assert metric.get("se") is None or metric["se"] >= 0

    def test_it_is_drawn(self, task, trained, tmp_path):
        """What is drawn has a caption, and is a file for a page once it is written."""
        model, split, _ = trained
        drawn = task.draw(model, split)
        assert drawn
        for number, (caption, shown) in enumerate(drawn.items()):
            assert isinstance(caption, str)
            assert shown.element in ("img", "audio")
            path = tmp_path / f"{number}{shown.suffix}"
            shown.write(path)
            assert path.stat().st_size
            assert self.read(path).size

    def test_what_is_recovered_agrees_with_what_was_seen(self, task, trained):
        """A of what is recovered is A x, but for values that would leave [-1, 1]."""
        recoveries = [one for one in _uses(task) if isinstance(one, recipes.Recovery)]
        if not recoveries:
            pytest.skip("it is no recipes.Recovery")
        model, split, _ = trained
        x = split.held_out.array(limit=AGREEING)
        for recovery in recoveries:
            for setting in recovery.settings():
                hidden, seen = recovery.observed(setting, x)
                observation = recovery.observation().bind(hidden)
                for made in recovery.recover(model, seen, hidden, 0, 0.0):
                    if made is not None:
                        apart = np.abs(observation(made).numpy() - seen).mean()
                        assert apart <= AGREEMENT * np.abs(seen).mean(), setting

    # Predicting -----------------------------------------------------------------------------

    @pytest.fixture(scope="class")
    @classmethod
    def predicted(cls, task, trained, tmp_path_factory):
        """Return the predictions from all `inputs`, by name."""
        return cls().predictions(task, trained[0], tmp_path_factory.mktemp("predict"))

    def predictions(self, task, model, folder):
        """Predict from each of `inputs`, in an empty folder; return `{name: Prediction}`."""
        given = folder / "given"
        given.mkdir()
        inputs = self.inputs(task, given).items()
        return {name: self._predict(task, model, paths, folder / name) for name, paths in inputs}

    def _predict(self, task, model, sources, folder):
        folder.mkdir()
        output = folder / (self.output or f"out{task.suffix}")
        before = _contents(*sources)
        paths = task.predict(model, sources[0], output, sources[1])
        return Prediction(sources, before, output, [pathlib.Path(path) for path in paths])

    def test_predict_writes_what_it_returns(self, predicted):
        """Files are where they were asked for, or numbered there; they open; none is beside."""
        for name, made in predicted.items():
            assert made.paths, name
            assert made.paths in ([made.output], _numbered(made.output, len(made.paths))), name
            assert sorted(made.output.parent.iterdir()) == sorted(made.paths), name
            for path in made.paths:
                written = _contents(path)
                assert written, f"{path} is not there"
                assert all(written.values()), f"{path} is empty"
                assert self.read(path).size, f"{path} has no values"

    def test_predict_leaves_its_input_as_it_is(self, predicted):
        """The files that were given keep every byte."""
        for name, made in predicted.items():
            assert _contents(*made.sources) == made.before, name

    def test_predict_keeps_what_is_known(self, predicted):
        """Outside of its mask a result has the values given, bit for bit; inside it has others."""
        if not self.masked:
            pytest.skip("it takes no mask")
        masked = {name: made for name, made in predicted.items() if made.sources[1]}
        assert masked, "`inputs` should give a mask"
        for name, made in masked.items():
            given, mask = map(self.read, made.sources)
            for result in self._values(made):
                assert result.shape == given.shape, name
                assert np.array_equal(result[mask == 0], given[mask == 0]), name
                assert not np.array_equal(result[mask != 0], given[mask != 0]), name

    def test_the_seed_decides_what_is_predicted(self, task, trained, predicted, tmp_path):
        """The same seed predicts the same; another seed, and another number, something else."""
        for name, made in _one_of_each(predicted).items():
            runs = enumerate((0, 0, 1) if self.drawn else (0, 1))
            drawn = [
                self._drawn(task, trained[0], made, more, tmp_path / f"{name} {run}")
                for run, more in runs
            ]
            first, again, other = drawn if self.drawn else (self._values(made), *drawn)
            assert all(map(np.array_equal, first, again)), f"{name}: the same seed"
            if self.drawn is not None:
                assert not any(map(np.array_equal, first, other)), f"{name}: another seed"
                assert not any(map(np.array_equal, first, first[1:])), f"{name}: two numbers"

    def _drawn(self, task, model, made, more, folder):
        """Return the values of what is drawn from the same sources, the seed raised by `more`."""
        task = copy.copy(task)
        task.config = task.config.changed(self.drawn or [], seed=task.config.seed + more)
        return self._values(self._predict(task, model, made.sources, folder))

    def _values(self, made):
        return [self.read(path) for path in made.paths]

    def test_predict_refuses_what_it_can_not_read(self, task, trained, predicted, tmp_path):
        """A file of the wrong kind, empty or missing is named in one line; nothing is written."""
        for name, made in _one_of_each(predicted).items():
            for place in (n for n, path in enumerate(made.sources) if path):
                for kind in UNREADABLE:
                    given = list(made.sources)
                    given[place] = _unreadable(tmp_path, kind, given[place].suffix)
                    folder = tmp_path / f"{name} {place} {kind}"
                    with pytest.raises(UserError, match=given[place].name) as caught:
                        self._predict(task, trained[0], given, folder)
                    assert "\n" not in str(caught.value)
                    assert not any(folder.iterdir()), f"{folder}: something was written"

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


def _uses(task):
    return task.uses() if isinstance(task, recipes.Composite) else [task]


def _call(function, inputs):
    outputs = function(**{key: tf.constant(value) for key, value in inputs.items()})
    return {key: value.numpy() for key, value in outputs.items()}


def _same(outputs, others):
    return all(np.array_equal(value, others[key]) for key, value in outputs.items())


def _write_image(folder, shape, masked):
    """Write a random image and, if it has one, a mask with a white box; return both paths."""
    name = "x".join(map(str, shape))
    path, mask_path = folder / f"{name}.png", folder / f"{name}-mask.png"
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(path)
    if not masked:
        return path, None
    mask = np.zeros(shape[:2], np.uint8)
    mask[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 255
    Image.fromarray(mask).save(mask_path)
    return path, mask_path


def _one_of_each(predicted):
    """Return the first prediction from a file, and the first from none."""
    kinds = {bool(made.sources[0]): name for name, made in reversed(predicted.items())}
    return {name: predicted[name] for name in kinds.values()}


def _unreadable(folder, kind, suffix):
    """Return the path of a file that holds nothing of its suffix."""
    path = folder / f"{kind}{suffix}"
    if UNREADABLE[kind] is not None:
        path.write_bytes(UNREADABLE[kind])
    return path


def _contents(*paths):
    """Return the bytes of each file, and of each file of a folder, by path."""
    files = [file for path in paths if path for file in (path, *path.rglob("*"))]
    return {file: file.read_bytes() for file in files if file.is_file()}


def _numbered(path, count):
    return [path.with_stem(f"{path.stem}-{number + 1}") for number in range(count)]
