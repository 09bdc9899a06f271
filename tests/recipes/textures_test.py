"""Laws of textures: of any size, without their margin, each by its own number."""

import numpy as np
import pytest

import coopkeras as ck
from coopkeras.recipes import textures
from coopkeras.task import DataSpec

TINY = {"generator_width": 2, "descriptor_width": 2, "latent_dim": 2, "steps": 1, "infer_steps": 1}
FORMS = {"generator_form": "texture", "descriptor_form": "texture", "descriptor_layers": 2}


class Texture:
    """As much of a task as is asked for."""

    def __init__(self, config):
        self.config = config

    def build(self, spec):
        """Return the model of the method."""
        config = self.config

        def network():
            return ck.recipes.generator_network(config, spec.shape, doublings=2)

        return ck.recipes.model(config, spec.shape, network, start="noise")


def make(method):
    task = Texture(ck.recipes.ModelConfig(method=method, **TINY, **FORMS))
    return task, task.build(DataSpec((32, 32, 1)))


@pytest.mark.parametrize("method", ck.recipes.ModelConfig.METHODS)
def test_textures_have_the_size_asked_for_and_differ(method):
    task, model = make(method)
    one, other = textures.draw(task, model, 20, 2, seed=0)
    assert one.shape == other.shape == (20, 20, 1)
    assert max(abs(one).max(), abs(other).max()) <= 1
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("method", ["coopnets", "generator"])
def test_a_texture_is_its_seeds_and_numbers_alone(method):
    task, model = make(method)
    first = next(textures.draw(task, model, 20, 1, seed=3))
    again, _ = textures.draw(task, model, 20, 2, seed=3)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, next(textures.draw(task, model, 20, 1, seed=4)))


def test_the_margin_is_cut_off_on_each_side():
    task, model = make("generator")
    large = textures.larger(task, model, 20)
    x = np.arange(large.x_shape[0])[None, :, None, None] * np.ones([1, 1, large.x_shape[1], 1])
    cut = textures.inner(x)
    assert cut.shape == (1, 20, 20, 1)
    assert cut.min() == large.x_shape[0] - 1 - cut.max() == textures.MARGIN
    assert textures.inner(None) is None
