"""Video: what is known of a clip stays, of any size; synthesis of any length; and errors."""

import functools

import numpy as np
import pytest
import tensorflow as tf
import toy

from coopkeras import images, registry, testing, video
from coopkeras.errors import UserError
from coopkeras.task import DataSpec

CLS = registry.find("video")
TINY = [
    "size=16",
    "scale=0",
    "batch_size=2",
    "judged=2",
    "latent_dim=4",
    "generator_width=4",
    "descriptor_width=2",
    "steps=2",
    "infer_steps=1",
    "length=24",
    "holes=frames:4,square:6",
]


def make(*settings, channels=1):
    """A task and its model, not trained."""
    task = CLS(CLS.Config.parse(toy.read(CLS.Config, [*TINY, *settings])))
    return task, task.build(DataSpec((16, 16, 16, channels), 4))


@pytest.fixture(scope="module")
def repairer():
    return make()


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.slow
class TestSynthesis(testing.TaskConformance):
    """Synthesis by the generator with a linear dynamic; conformance_test.py has repair."""

    task_class = CLS
    settings = toy.read(CLS.Config, [*TINY, "method=generator"])
    output = "out.mkv"

    def read(self, path):
        """Return the pixels of a clip, or of an image."""
        return video.read(path).pixels if path.suffix == ".mkv" else super().read(path)


@pytest.mark.parametrize(
    ("method", "form"),
    [
        ("coopnets", "dynamic"),
        ("generator", "dynamic"),
        ("generator", "texture"),
        ("descriptor", "texture"),
    ],
)
def test_a_synthesis_has_the_length_asked_for(method, form):
    task, model = make(
        f"method={method}", "goal=synthesis", f"generator_form={form}", f"descriptor_form={form}"
    )
    make_clip = functools.partial(task.uses()[-1]._long, model)
    clip = make_clip(41, seed=0)
    assert clip.shape == (41, 16, 16, 1)
    assert np.isfinite(clip).all()
    assert abs(clip).max() <= 1
    np.testing.assert_array_equal(clip, make_clip(41, seed=0))
    assert not np.array_equal(clip, make_clip(41, seed=1))


def test_a_longer_synthesis_starts_as_a_shorter_one():
    task, model = make("method=generator")
    short, long = (task.uses()[-1]._long(model, length, seed=0) for length in (24, 48))
    np.testing.assert_allclose(long[:16], short[:16], atol=1e-4)  # far from the end of the first


def test_predict_without_a_file_synthesises(tmp_path):
    task, model = make("method=generator", "samples=2", "length=20", "frame_rate=10")
    paths = task.predict(model, None, tmp_path / "new.mkv")
    assert [path.name for path in paths] == ["new-1.mkv", "new-2.mkv"]
    one, other = (video.read(path) for path in paths)
    assert one.pixels.shape == (20, 16, 16, 1)
    assert one.rate == 10
    assert not np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("shape", [(20, 30, 21, 1), (5, 9, 40, 3)])
def test_known_pixels_of_a_clip_of_any_size_keep_their_bytes(repairer, shape, tmp_path):
    task, model = repairer
    pixels = noise(*shape)
    video.write(tmp_path / "clip.mkv", pixels, 12)
    hole = np.zeros([*shape[1:3], 1], np.uint8)
    hole[2:7, 3:9] = 255
    images.write(tmp_path / "hole.png", hole)
    for name in ("out.mkv", "frames"):
        (path,) = task.predict(model, tmp_path / "clip.mkv", tmp_path / name, tmp_path / "hole.png")
        made = video.read(path).pixels
        known = np.broadcast_to(hole < 128, shape)
        np.testing.assert_array_equal(made[known], pixels[known])
        assert (made != pixels)[~known].mean() > 0.9


def test_missing_frames_are_filled_and_the_rate_stays(tmp_path):
    task, model = make("missing=6-9")
    pixels = noise(24, 16, 16, 1)
    video.write(tmp_path / "clip.mkv", pixels, 12)
    task.predict(model, tmp_path / "clip.mkv", tmp_path / "out.mkv")
    made = video.read(tmp_path / "out.mkv")
    differ = (made.pixels != pixels).any((1, 2, 3))
    assert np.flatnonzero(differ).tolist() == [6, 7, 8, 9]
    assert made.rate == 12


def test_repair_is_judged_where_it_is_hidden(repairer):
    task, model = repairer
    rows = task.judge(model, task.datasets())
    assert [row["setting"] for row in rows].count("frames:4") == 7
    assert {row["variant"] for row in rows if row["ours"]} == {
        "proposed estimate",
        "estimate",
        "proposed sample",
        "sample",
    }
    values = {
        (row["setting"], row["method"]): row["metrics"]["psnr"]["value"]
        for row in rows
        if not row["ours"]
    }
    assert values["frames:4", "linear in time"] == values["frames:4", "biharmonic, each frame"]
    assert values["square:6", "linear in time"] == values["square:6", "biharmonic, each frame"]


def test_recovered_pixels_that_are_known_are_exact_when_served(repairer):
    task, model = repairer
    serve = task.signatures(model)["serving_default"]
    x = np.random.default_rng(0).uniform(-1, 1, [2, 16, 16, 16, 1]).astype(np.float32)
    visible = np.random.default_rng(1).uniform(size=x.shape) < 0.5
    seed, temperature = tf.constant([[0, 1], [0, 2]]), tf.constant([0.0, 1.0])
    given = {"seen": tf.constant(x), "visible": tf.constant(visible)}
    made = serve(**given, seed=seed, temperature=temperature)["recovered"].numpy()
    np.testing.assert_array_equal(made[visible], x[visible])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["frames=8"], "`frames` should be at least 16"),
        (["goal=both"], "`goal` should be repair or synthesis"),
        (["scale=-1"], "`scale` should be 0"),
        (["length=3"], "`length` should be at least 16; received 3"),
        (["holes=square:99"], "1 to 32 pixels"),
        (["holes=frames:15"], "1 to 14 frames"),
        (["descriptor_form=object"], "texture or dynamic"),
    ],
)
def test_wrong_settings_are_said_in_one_line(settings, words):
    with pytest.raises(UserError, match=words) as caught:
        CLS.Config.parse(settings)
    assert "\n" not in str(caught.value)


def test_methods_that_have_no_condition_bring_synthesis():
    assert CLS.Config.parse([]).goal == "repair"
    parsed = CLS.Config.parse(["method=generator"])
    assert (parsed.goal, parsed.scale) == ("synthesis", 0.0)
    assert CLS.Config.parse(["method=generator", "goal=repair"]).scale == 1.0


def test_wrong_files_are_said_in_one_line(repairer, tmp_path):
    task, model = repairer
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video")
    video.write(tmp_path / "clip.mkv", noise(3, 16, 16, 1))
    for name, out, words in [
        ("empty.mp4", "out.mkv", "not a whole clip"),
        ("text.mp4", "out.mkv", "not a whole clip"),
        ("none.mp4", "out.mkv", "no such clip"),
        ("clip.mkv", "out.wmv", "should end in one of .gif"),
        ("clip.mkv", "out.mkv", "--mask=hole.png"),
    ]:
        with pytest.raises(UserError, match=words) as caught:
            task.predict(model, tmp_path / name, tmp_path / out)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="needs --input"):
        task.predict(model, None, tmp_path / "out.mkv", tmp_path / "hole.png")
    with pytest.raises(UserError, match="3 frames, too few"):
        CLS(task.config.changed([], data=str(tmp_path / "clip.mkv"))).datasets()
    assert not (tmp_path / "out.mkv").exists()


def test_a_model_that_only_repairs_needs_a_file():
    assert CLS(CLS.Config()).takes_input
    for setting in ("method=generator", "goal=synthesis"):
        assert not CLS(CLS.Config.parse([setting])).takes_input
