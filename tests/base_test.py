"""Laws of what the three models share as Keras objects."""

import gc
import inspect
import json
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import coopkeras as ck
from coopkeras import base, networks, observation, seeds, video
from coopkeras.coopnets import CoopNets
from coopkeras.descriptor import Descriptor
from coopkeras.generator import Generator
from coopkeras.observation import Mask
from coopkeras.prior import StandardNormal


def network():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])


def coopnets(**kwargs):
    return CoopNets(Descriptor(network(), start="data"), Generator(network()), **kwargs)


MODELS = {
    Descriptor: lambda: Descriptor(network(), penalty=0.1, start="noise", seed=3),
    Generator: lambda: Generator(network(), noise_sigma=0.2, observation=Mask([[True] * 3])),
    CoopNets: lambda: coopnets(ema=0.5, observation=Mask(), seed=4),
}


def test_a_batch_is_x_or_a_dict_or_a_tuple_of_it():
    x = np.ones([2, 3])
    for batch in (x, {"x": x, "label": 1}, (x,), [{"x": x}, 0]):
        examples = base.examples(batch)
        assert examples.dtype == tf.float32
        assert np.array_equal(examples, x)
    with pytest.raises(ValueError, match=r"""entry "x"; it has \['image', 'label'\]"""):
        base.examples({"label": 1, "image": x})


def test_each_update_has_its_own_seed_and_a_run_that_goes_on_has_the_next():
    def run(start, count):
        model = Descriptor(network(), start="data", seed=5)
        model.updates.assign(start)
        return [tuple(model.next_seed().numpy()) for _ in range(count)]

    assert len(set(run(0, 6))) == 6
    assert run(4, 2) == run(0, 6)[4:]
    assert run(0, 1) == [tuple(seeds.fold(5, 0).numpy())]


def test_distance_is_the_root_mean_square():
    assert base.distance(tf.zeros([2, 2]), tf.constant([[3.0, 0], [0, 3]])) == np.sqrt(4.5)


def test_report_means_what_was_reported():
    model = Descriptor(network(), start="data")
    model.report(energy_gap=1.0)
    logs = model.report(energy_gap=3.0, movement=5.0)
    assert {name: float(value) for name, value in logs.items()} == {"energy_gap": 2, "movement": 5}
    assert {metric.name for metric in model.metrics} == {"energy_gap", "movement"}


def test_the_value_that_is_not_positive_is_named():
    base.check_positive(a=1e-9, b=2)
    with pytest.raises(ValueError, match="`b` should be greater than 0; received 0"):
        base.check_positive(a=1, b=0)


@pytest.mark.parametrize("xla", [True, False, "auto"])
def test_compiling_builds_the_optimizer_at_once(xla):
    model = Descriptor(network(), start="data")
    model.compile(keras.optimizers.Adam(), jit_compile=xla)
    assert len(model.optimizer.variables) == 2 + 2 * len(model.network.trainable_variables)
    if xla != "auto":
        assert model.jit_compile is xla
    model.compile("sgd")
    assert isinstance(model.optimizer, keras.optimizers.SGD)


@pytest.mark.parametrize("kind", [Descriptor, Generator])
def test_default_optimizers_take_a_step(kind):
    model = kind(network(), steps=1)
    model.compile()
    before = model.network.get_weights()
    model.fit(np.ones([4, 3], "float32"), verbose=0)
    assert not np.array_equal(before[0], model.network.get_weights()[0])


@pytest.mark.parametrize("state", [{"start": "persistent"}, {"num_examples": 7}])
def test_a_copy_has_the_weights_and_no_training_state(state):
    model = (Descriptor if "start" in state else Generator)(network(), **state)
    twin = base.copy(model)
    assert np.array_equal(twin.network.get_weights()[0], model.network.get_weights()[0])
    assert not twin.trainable_variables
    assert getattr(twin, "chains", None) is getattr(twin, "latents", None) is None
    twin.network.set_weights([0 * weight for weight in twin.network.get_weights()])
    assert model.network.get_weights()[0].any()


def test_a_copy_has_what_the_prior_has_learned():
    prior = video.LinearDynamic()
    generator = Generator(
        keras.Sequential([keras.Input((4, 3)), keras.layers.Dense(3)]), prior=prior
    )
    prior.mean.assign([1.0, 2.0, 3.0])
    assert np.array_equal(base.copy(generator).prior.mean, prior.mean)


def test_a_model_says_its_shape_and_its_optimizers():
    with pytest.raises(TypeError, match="abstract.*optimizers.*x_shape"):
        base.Model(seed=0)


@pytest.mark.parametrize("cls", MODELS)
def test_every_argument_is_in_the_config(cls):
    model = MODELS[cls]()
    arguments = set(inspect.signature(cls).parameters) - {"kwargs"}
    assert set(model.get_config()) == arguments | {"name"}
    again = cls.from_config(model.get_config())
    assert again.get_config() == model.get_config()


def test_a_config_is_plain_and_makes_the_model_again():
    model = Generator(network(), noise_sigma=0.2, observation=Mask([[True, False, True]]), seed=3)
    again = Generator.from_config(model.get_config())
    assert (again.noise_sigma, again.seed, again.name) == (0.2, 3, model.name)
    x = np.ones([1, 3], "float32")
    assert np.array_equal(again.observation(x), model.observation(x))


def test_a_nan_is_not_hidden_by_training():
    model = Descriptor(network(), start="data", steps=1)
    model.compile()
    x = np.full([2, 3], np.nan, "float32")
    history = model.fit(x, verbose=0).history
    assert np.isnan(history["energy_gap"]).all()


# Files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("cls", MODELS)
def test_a_file_makes_the_model_again_compiled_or_not(cls, compiled, tmp_path):
    model = MODELS[cls]()
    if compiled:
        model.compile()
    model.updates.assign(7)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again) is cls
    assert again.compiled is compiled
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())
    assert again.updates.numpy() == 7
    assert all(map(np.array_equal, again.get_weights(), model.get_weights()))


def test_a_model_that_was_loaded_uncompiled_can_be_compiled(tmp_path):
    coopnets().save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    again.compile()
    again.fit(np.ones([4, 3], "float32"), verbose=0)
    assert again.updates.numpy() == 1


def saved(folder):
    """Save models that hold every class of ours; return the files."""
    statistics = ck.audio.networks.EnvelopeStatistics()
    scene = keras.Sequential([keras.Input((2, 4, 4, 1)), networks.layers.Scene()])
    recovery = networks.recovery_generator((16, 16, 1), 2, (4, 4))
    clips = video.networks.recovery_generator((4, 16, 16, 1), 2, (16, 16))
    half = observation.Downsample(2)
    models = [
        Descriptor(keras.Sequential([keras.Input((16, 3)), statistics]), start="data"),
        Generator(scene, prior=video.LinearDynamic(), observation=half),
        Generator(clips, observation=observation.Projection(4)),
        CoopNets(
            Descriptor(networks.descriptor((16, 16, 1), (4,)), start="data"),
            Generator(recovery, prior=StandardNormal()),
            observation=Mask(),
        ),
    ]
    paths = [str(folder / f"{number}.keras") for number in range(len(models))]
    for model, path in zip(models, paths, strict=True):
        model.save(path)
    return paths


@pytest.mark.parametrize(
    "imports",
    [
        "import coopkeras, keras",
        "import keras, coopkeras",
        "from coopkeras import observation; import keras",  # Keras is imported in the midst of it
    ],
)
def test_a_new_process_finds_the_classes_of_a_file(imports, tmp_path):
    code = (
        f"{imports}, sys; [print(type(keras.models.load_model(f)).__name__) for f in sys.argv[1:]]"
    )
    run = [sys.executable, "-c", code, *saved(tmp_path)]
    found = subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()
    assert found == ["Descriptor", "Generator", "Generator", "CoopNets"]


def test_keras_is_told_of_every_class():
    pattern = r'^@keras.saving.register_keras_serializable\("coopkeras"\)\nclass (\w+)'
    folder, registered = pathlib.Path(ck.__file__).parent, {}
    for path in folder.rglob("*.py"):
        if names := re.findall(pattern, path.read_text("utf-8"), re.MULTILINE):
            registered[".".join(path.relative_to(folder).with_suffix("").parts)] = tuple(names)
    told = {module: sorted(names) for module, names in ck._SERIALIZABLE.items()}
    assert told == {module: sorted(names) for module, names in registered.items()}


def test_what_is_served_keeps_its_variables():
    def served():
        weight = tf.Variable(2.0)
        return base.concrete(tf.function(lambda x: weight * x), x=tf.TensorSpec([], tf.float32))

    function = served()
    gc.collect()
    assert len(function.variables) == 1
    assert function(tf.constant(3.0)).numpy() == 6


def test_the_deviation_is_about_the_mean_example_and_of_what_is_known():
    x = np.random.default_rng(0).normal([100, -5, 0], 2.0, size=(4000, 3)).astype("float32")
    np.testing.assert_allclose(base.deviation(x), 2, rtol=0.03)
    np.testing.assert_allclose(base.deviation(x[:1]), x[0].std(), rtol=1e-4)
    assert base.deviation(np.ones([4, 3], "float32")) == 1  # no scale to find: any will do
    visible = np.random.default_rng(1).random((4000, 3)) < 0.5
    known = tf.cast(visible, tf.float32)
    np.testing.assert_allclose(base.deviation(np.where(visible, x, 0.0), known), 2, rtol=0.05)


UNTUNED = {
    Descriptor: lambda: Descriptor(network()),
    Generator: lambda: Generator(network()),
    CoopNets: coopnets,
}


def derived(model):
    parts = [model, *(layer for layer in model.layers if isinstance(layer, base.Model))]
    return [weight.numpy() for part in parts for weight in part.derived.values()]


@pytest.mark.parametrize("kind", UNTUNED)
def test_what_is_derived_is_of_the_first_batch_and_is_saved(kind, tmp_path):
    x, model = 3 * seeds.normal(0, [64, 3]), UNTUNED[kind]()
    model.compile()
    before = derived(model)
    model.fit(x, batch_size=64, verbose=0)
    first = derived(model)
    model.fit(9 * x, batch_size=64, verbose=0)
    assert first == derived(model) != before
    model.adapt(2 * x)
    assert first != derived(model)
    model.save(tmp_path / "model.keras")
    assert derived(keras.saving.load_model(tmp_path / "model.keras")) == derived(model)
    path, again = tf.train.Checkpoint(model=model).write(str(tmp_path / "c")), UNTUNED[kind]()
    again.compile()
    tf.train.Checkpoint(model=again).read(path).expect_partial()
    assert derived(again) == derived(model)
    if kind is not CoopNets:  # it makes such copies itself
        assert derived(base.copy(model)) == derived(model)


def test_what_is_derived_is_in_proportion_to_the_data():
    x, generator = 3 * seeds.normal(0, [640, 3]), UNTUNED[Generator]()
    generator.adapt(x)
    np.testing.assert_allclose(generator.value("noise_sigma"), 1, rtol=0.05)
    descriptor = UNTUNED[Descriptor]()
    descriptor.adapt(x)
    small = descriptor.value("step_size").numpy()
    descriptor.adapt(10 * x)
    np.testing.assert_allclose(descriptor.value("step_size"), 10 * small, rtol=1e-4)


def test_numbers_that_are_given_stay():
    descriptor = Descriptor(network(), step_size=0.25)
    generator = Generator(network(), noise_sigma=0.2)
    for model in (descriptor, generator):
        model.compile()
        model.fit(seeds.normal(0, [8, 3]), verbose=0)
        assert not model.derived
    assert (descriptor.value("step_size"), generator.value("noise_sigma")) == (0.25, 0.2)
