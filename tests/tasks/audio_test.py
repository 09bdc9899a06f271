"""Audio: any length, no seam, known samples untouched; and errors."""

import numpy as np
import pytest
import tensorflow as tf
import toy

import coopkeras as ck
from coopkeras import audio, data, registry
from coopkeras.errors import UserError
from coopkeras.task import DataSpec
from coopkeras.windows import overlapped

CLS = registry.find("audio")
RATE = 4000
TINY = ["latent_dim=4", "generator_width=2", "steps=2", "infer_steps=1"]
TINY += [f"sample_rate={RATE}", "size=64", "judged=2", "judged_gaps=0.05"]


def make(channels=1, settings=()):
    """A task and its model."""
    task = CLS(CLS.Config.parse(toy.read(CLS.Config, [*TINY, *settings])))
    return task, task.build(DataSpec((64, 32 * channels), 4))


@pytest.fixture(scope="module")
def small():
    """A task and model of one channel."""
    return make()


def recording(rate=RATE, channels=1, encoding="i16"):
    """A second of sound without exact zeros, as a file of that encoding holds it."""
    x = np.repeat(data.samples.crackle(rate, 1.0), channels, axis=1)
    step = 2.0 ** (1 - int(encoding[1:]))
    return audio.Sound(np.where(x == 0, step, np.rint(x / step) * step), rate, encoding)


# New sound --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["coopnets", "generator", "descriptor"])
def test_new_sound_is_as_long_as_asked(method, tmp_path):
    task, model = make(2, [f"method={method}", "seconds=0.9"])
    (path,) = task.predict(model, None, tmp_path / "out.wav")
    made = audio.read(path)
    assert made.x.shape == (round(0.9 * RATE), 2)
    assert made.rate == RATE
    assert np.abs(made.x[0]).max() == np.abs(made.x[-1]).max() == 0  # no click at the ends
    assert made.x.std() > 0


def test_windows_of_the_generator_leave_no_seam():
    task, _ = make()
    model, long = (task.build(DataSpec((length, 32), 4)) for length in (1024, 4096))
    long.set_weights(model.get_weights())
    z = np.random.default_rng(0).normal(size=[256, 4]).astype(np.float32)
    at_once = long.ema_generator.generate(z[None])[0].numpy()
    generator = model.ema_generator
    border = audio.synthesis.BORDER
    made = overlapped(lambda z, _: generator.generate(z), z, 64, border, factor=16)
    inner = slice(96, -96)
    np.testing.assert_allclose(made[inner], at_once[inner], atol=1e-5)


def test_another_seed_makes_another_sound(small):
    task, model = small
    one, again, other = (
        audio.synthesis.synthesise(task.config, model, 3000, seed)[1] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-3


def test_nothing_repeats(small):
    task, model = small
    made = audio.synthesis.synthesise(task.config, model, 8192, 0)[0]
    apart = np.abs(made.reshape(32, 1, 256) - made.reshape(1, 32, 256)).max(axis=2)
    assert apart[~np.eye(32, dtype=bool)].min() > 1e-4


def test_a_long_sound_has_no_seams_no_dc_and_no_hum():
    flat = np.full([6000, 32], 0.1, np.float32)  # equal envelopes for ever
    x = audio.synthesis.carry(flat, RATE, seed=0)[:, 0]
    assert abs(x.mean()) < 0.01 * x.std()
    power = np.abs(np.fft.rfft(x.reshape(-1, 500) * np.hanning(500), axis=1)) ** 2
    power = power.mean(axis=0)[8:-8]  # frames come at a multiple of its lines' spacing, 8 Hz
    around = np.array([np.median(power[max(0, i - 8) : i + 9]) for i in range(len(power))])
    assert (power / around).max() < 3
    steps = np.abs(np.diff(x))
    assert steps.max() < 8 * steps.mean()


def test_loud_envelopes_make_a_quieter_sound_and_cut_nothing_off():
    both = np.stack([audio.synthesis.carry(np.full([500, 32], u), RATE, 0) for u in (0.6, 0.9)])
    assert np.abs(both[0]).max() > 1
    loud, louder = audio.bands.without_overload(both).numpy()
    assert np.abs(loud).max() == pytest.approx(0.95)
    np.testing.assert_allclose(loud, louder, atol=1e-4)


# Gaps -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gapped():
    """A task that is told where its gap is, and its model."""
    return make(settings=["gap=0.4-0.6"])


@pytest.mark.parametrize(
    ("rate", "channels", "encoding"), [(RATE, 1, "i16"), (8000, 2, "i24"), (RATE, 1, "i24")]
)
def test_known_samples_keep_their_bytes(gapped, rate, channels, encoding, tmp_path):
    task, model = gapped
    given = recording(rate, channels, encoding)
    audio.write(tmp_path / "in.wav", given)
    (path,) = task.predict(model, tmp_path / "in.wav", tmp_path / "out.wav")
    filled = audio.read(path)
    assert filled[1:] == given[1:]
    known = np.ones(rate, bool)
    known[round(0.4 * rate) : round(0.6 * rate)] = False
    np.testing.assert_array_equal(filled.x[known], given.x[known])
    assert np.mean(filled.x[~known] != given.x[~known]) > 0.9


def test_lost_samples_are_found_and_filled(small, tmp_path):
    task, model = small
    given = recording()
    x = given.x.copy()
    x[1000:1300] = 0
    audio.write(tmp_path / "in.wav", given._replace(x=x))
    (path,) = task.predict(model, tmp_path / "in.wav", tmp_path / "out.wav")
    filled = audio.read(path).x
    np.testing.assert_array_equal(filled[:1000], x[:1000])
    np.testing.assert_array_equal(filled[1300:], x[1300:])
    assert np.mean(filled[1000:1300] != 0) > 0.9


@pytest.mark.parametrize("method", ["generator", "descriptor"])
def test_the_other_methods_fill_gaps_too(method, tmp_path):
    task, model = make(settings=[f"method={method}", "gap=0.4-0.6"])
    audio.write(tmp_path / "in.wav", recording())
    (path,) = task.predict(model, tmp_path / "in.wav", tmp_path / "out.wav")
    filled = audio.read(path).x
    assert np.isfinite(filled).all()
    assert not np.array_equal(filled, recording().x)


def test_a_descriptor_alone_fills_a_gap_at_the_level_of_what_is_known():
    task, model = make(settings=["method=descriptor"])
    gaps = task.uses()[1]  # of a model that has learned nothing: it keeps the level
    noise = np.random.default_rng(0).normal(size=[1, 512, 1]).astype(np.float32)
    visible = (np.abs(np.arange(512) - 256) > 100)[None, :, None]
    for level in (0.01, 0.2):
        start = level * noise * visible
        filled = gaps._recovered(model, start, visible, ck.seeds.as_seed(0), 0.0)[1].numpy()
        assert 0.5 < filled[~visible].std() / filled[visible].std() < 2


def test_served_sounds_keep_what_is_seen(small):
    task, model = small
    served = task.signatures(model)
    x = np.random.default_rng(0).uniform(-0.5, 0.5, [2, 512, 1]).astype("float32")
    visible = np.abs(np.arange(512) - 250)[None, :, None] > np.array([50, 100])[:, None, None]
    seeds = tf.constant([[0, 1], [0, 2]])
    made = served["recover"](
        seen=tf.constant(x),
        visible=tf.constant(visible),
        seed=seeds,
        temperature=tf.constant([0.0, 1.0]),
    )
    for result in made.values():
        np.testing.assert_array_equal(result.numpy()[visible], x[visible])
    assert served["sample"](seed=seeds)["sample"].shape == (2, 512, 1)


# Errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["size=1000"], "`size` should be a multiple of 16, 64 or more; received 1000"),
        (["channels=3"], "`channels` should be 1, 2, or 0 for what the data have; received 3"),
        (["generator_form=object"], "`generator_form` should be texture"),
        (["sample_rate=0"], "`sample_rate` should be a multiple of 500 between 4000 and 192000"),
        (["seconds=0"], "`seconds` should be more than 0"),
        (["judged_gaps=long"], "`judged_gaps` should be 0.05,0.25 or the like; received 'long'"),
        (["gap=now"], "`gap` should be from-to in seconds"),
    ],
)
def test_wrong_settings_are_said_in_one_line(settings, words):
    with pytest.raises(UserError, match=words) as caught:
        CLS.Config.parse(settings)
    assert "\n" not in str(caught.value)


def test_wrong_files_are_said_in_one_line(small, tmp_path):
    task, model = small
    (tmp_path / "empty.wav").write_bytes(b"")
    audio.write(tmp_path / "whole.wav", recording())
    out = tmp_path / "out.wav"
    for given, output, mask, words in [
        (tmp_path / "empty.wav", out, None, "0 bytes"),
        (tmp_path / "whole.wav", out, None, "has no gap to fill"),
        (tmp_path / "whole.wav", tmp_path / "out.mp3", None, "should end in .wav"),
        (None, out, "mask.wav", "give --input=in.wav"),
    ]:
        with pytest.raises(UserError, match=words) as caught:
            task.predict(model, given, output, mask)
        assert "\n" not in str(caught.value)
    assert not out.exists()


def test_a_clip_that_is_too_short_for_the_gaps_of_judging_is_refused(tmp_path):
    audio.write(tmp_path / "short.wav", recording())
    config = CLS.Config.parse([*TINY, "judged_gaps=0.5"], data=str(tmp_path / "short.wav"))
    with pytest.raises(UserError, match="too short"):
        CLS(config).datasets()
