"""Synthesis: the sheets that predict draws."""

import numpy as np
import pytest
import toy

import coopkeras as ck
from coopkeras import registry
from coopkeras.task import DataSpec

CLS = registry.find("synthesis")
TINY = ["latent_dim=4", "generator_width=2", "descriptor_width=2", "steps=1", "infer_steps=1"]
FACES = ["data=samples:faces", "size=16"]
SIDE = 16 + 2  # of a picture with its margin


def make(method, *settings, classes=()):
    """A task of whole images, and its model."""
    settings = [*TINY, *FACES, f"method={method}", *settings]
    task = CLS(CLS.Config.parse(toy.read(CLS.Config, settings)))
    return task, task.build(DataSpec((16, 16, 1), 4, classes))


@pytest.mark.parametrize(
    ("sheet", "rows", "columns"), [("samples", 4, 4), ("line", 1, 12), ("sphere", 1, 12)]
)
@pytest.mark.parametrize("method", ["coopnets", "generator"])
def test_a_sheet_has_its_rows_and_columns(method, sheet, rows, columns, tmp_path):
    task, model = make(method, f"sheet={sheet}", "samples=14")
    (path,) = task.predict(model, None, tmp_path / "sheet.png")
    sheet = ck.images.read(path)
    assert sheet.shape[:2] == (rows * SIDE + 2, columns * SIDE + 2)


@pytest.mark.parametrize("form", ["object", "texture"])
def test_a_map_is_square(form, tmp_path):
    task, model = make("coopnets", "sheet=map", "samples=11", f"generator_form={form}")
    (path,) = task.predict(model, None, tmp_path / "map.png")
    assert ck.images.read(path).shape[:2] == (3 * SIDE + 2, 3 * SIDE + 2)


def test_what_is_drawn_follows_its_z():
    task, model = make("generator", "sheet=line", "samples=24")
    z, columns = ck.recipes.latents.sheet("line", model, 24, 0, 12)
    drawn = task._sheet(model, "line", 24, 0)
    made = model.generate(z).numpy()
    np.testing.assert_allclose(drawn, ck.images.grid(made, columns), atol=1e-6)
    assert not np.allclose(made[0], made[11])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["sheet=circle"], "one of samples, line, sphere, map; received 'circle'"),
        (["sheet=map", "samples=3"], "at least 4; received 3"),
        (["patch=8"], "`patch` should be at least 16; received 8"),
        (["size=5000"], "`size` should be at most 4096; received 5000"),
        (["sheet=line", "samples=11"], "at least 12; received 11"),
        (["sheet=map", "method=descriptor"], "method=descriptor has no z"),
        (["sheet=map", "latent_dim=1"], "`latent_dim` should be at least 2 for a map; received 1"),
    ],
)
def test_an_impossible_sheet_is_refused(settings, message):
    with pytest.raises(ck.UserError, match=message):
        CLS.Config.parse(settings)


@pytest.mark.parametrize("method", ["coopnets", "generator", "descriptor"])
def test_a_texture_is_drawn_at_any_size_from_small_patches(method, tmp_path):
    settings = [*TINY, "patch=32", "size=50", "samples=2", "generator_width=8", f"method={method}"]
    task = CLS(CLS.Config.parse(toy.read(CLS.Config, settings)))
    split = task.datasets()
    assert split.train.shape == (32, 32, 1)
    model = task.build(DataSpec(split.train.shape, len(split.train)))
    paths = task.predict(model, None, tmp_path / "texture.png")
    first, second = (ck.images.read(path) for path in paths)
    assert first.shape == second.shape == (50, 50, 1)
    assert (first != second).any()
    again = next(ck.recipes.textures.draw(task, model, 50, 1, seed=0))
    np.testing.assert_array_equal(ck.images.to_uint8(again), first)


def test_a_texture_is_served_at_its_size():
    settings = [*TINY, "patch=32", "size=50", "generator_width=8"]
    task = CLS(CLS.Config.parse(settings))
    model = task.build(DataSpec((32, 32, 1), 4))
    served = task.signatures(model)["sample"](seed=[[0, 1], [2, 3]])
    assert served["sample"].shape == served["proposed"].shape == (2, 50, 50, 1)
    assert (served["sample"][0] != served["sample"][1]).numpy().any()


def test_a_folder_of_whole_pictures_is_no_texture():
    config = CLS.Config.parse(["data=samples:faces"])
    assert (config.is_texture(), config.size, config.samples) == (False, 32, 64)
    assert config.unread()["patch"] == "whole images"
    config = CLS.Config.parse(["data=wall.png", "size=1024", "samples=3"])
    assert (config.is_texture(), config.size, config.patch, config.samples) == (True, 1024, 64, 3)


def test_only_a_texture_is_predicted_and_served_at_another_size():
    texture, whole = CLS.Config.parse(["data=wall.png"]), CLS.Config.parse(["data=samples:faces"])
    assert texture.in_use("predict", ["size=300"]).size == 300
    assert texture.in_use("export", ["size=300"]).size == 300
    for mode in ("predict", "export"):
        with pytest.raises(ck.UserError, match=f"`size` is 32 in this model, and --mode={mode}"):
            whole.in_use(mode, ["size=64"])


def by_class(method="coopnets", *settings):
    return make(method, *settings, classes=("cat", "dog", "owl"))


@pytest.mark.parametrize("method", ["coopnets", "generator"])
def test_classes_are_columns_and_a_label_draws_one(method, tmp_path):
    task, model = by_class(method, "samples=6")
    task.predict(model, None, tmp_path / "all.png")
    assert ck.images.read(tmp_path / "all.png").shape[1] == 3 * SIDE + 2
    one, _ = by_class(method, "label=owl", "samples=6")
    one.predict(model, None, tmp_path / "owls.png")
    all_in_turn, owls = (ck.images.read(tmp_path / name) for name in ("all.png", "owls.png"))
    third = all_in_turn.shape[1] - 2 - 16
    np.testing.assert_allclose(owls[:, third:], all_in_turn[:, third:], atol=1)
    assert (owls[:, :third] != all_in_turn[:, :third]).any()
    assert "label" in ck.jobs.export.inputs_of(task.signatures(model)["sample"])


@pytest.mark.parametrize(("sheet", "classes"), [("line", [0, 1]), ("map", [0])])
def test_all_images_of_a_way_have_one_class(sheet, classes, monkeypatch):
    task, model = by_class("coopnets", f"sheet={sheet}", "samples=25")
    given = {}

    def sample(model, count, seed, z, label):
        given["label"] = label.tolist()
        return None, np.zeros([count, 16, 16, 1])

    monkeypatch.setattr(task, "_sample", sample)
    task._sheet(model, sheet, 25, 0)
    each = len(given["label"]) // len(classes)
    assert given["label"] == [label for label in classes for _ in range(each)]


def test_an_unknown_class_is_refused_and_so_is_one_where_none_were_learned():
    task, model = by_class("coopnets", "label=cow")
    with pytest.raises(ck.UserError, match="one of cat, dog, owl; received 'cow'"):
        task.predict(model, None, "sheet.png")
    task, model = make("coopnets", "label=cat")
    with pytest.raises(ck.UserError, match="no classes were learned; received 'cat'"):
        task.predict(model, None, "sheet.png")


@pytest.mark.parametrize("settings", [["by_class=false"], ["generator_form=texture"]])
def test_classes_are_left_out_where_they_are_not_asked_for(settings):
    _, model = by_class("generator", *settings)
    assert not model.class_names


def test_a_class_is_learned_from_labels_and_decides_what_is_drawn():
    """Dark is one class, light the other: after learning each label draws its own."""
    labels = np.arange(64) % 2
    noise = np.random.default_rng(0).normal(0, 0.05, [64, 16, 16, 1])
    x = (noise + np.where(labels, 0.6, -0.6)[:, None, None, None]).astype("float32")
    network = ck.networks.generator((16, 16, 1), 2, (8,), classes=("dark", "light"))
    model = ck.Generator(network, noise_sigma=0.3, steps=5, step_size=0.1)
    model.compile("adam")
    model.fit({"x": x, "label": labels}, batch_size=16, epochs=60, verbose=0)
    drawn = model.sample(20, label=[0, 1] * 10, seed=0).numpy().mean(axis=(1, 2, 3))
    assert drawn[::2].max() < 0 < drawn[1::2].min()
    with pytest.raises(ValueError, match="give `label`"):
        model.sample(2)
