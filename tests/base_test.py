"""Laws of what the three models share as Keras objects."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from coopkeras import base, seeds
from coopkeras.descriptor import Descriptor
from coopkeras.generator import Generator
from coopkeras.observation import Mask


def network():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])


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
        return [tuple(base.next_seed(model).numpy()) for _ in range(count)]

    assert len(set(run(0, 6))) == 6
    assert run(4, 2) == run(0, 6)[4:]
    assert run(0, 1) == [tuple(seeds.fold(5, 0).numpy())]


def test_distance_is_the_root_mean_square():
    assert base.distance(tf.zeros([2, 2]), tf.constant([[3.0, 0], [0, 3]])) == np.sqrt(4.5)


def test_report_means_what_was_reported():
    model = Descriptor(network(), start="data")
    base.report(model, energy_gap=1.0)
    logs = base.report(model, energy_gap=3.0, movement=5.0)
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
