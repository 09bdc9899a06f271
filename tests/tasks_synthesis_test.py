"""Synthesis: the sheets that predict draws."""

import numpy as np
import pytest

import coopkeras as ck
from coopkeras import task as tasks

CLS = tasks.find("synthesis")
TINY = ["size=16", "latent_dim=4", "generator_width=2", "descriptor_width=2", "steps=1"]
SIDE = 16 + 2  # of a picture with its margin


def drawn(method, *settings):
    """The samples of a sheet, and the task's model."""
    task = CLS(CLS.Config.parse([*TINY, "infer_steps=1", f"method={method}", *settings]))
    model = task.build((16, 16, 1), 4)
    z, columns = task._latents(model, task.config.sheet, task.config.samples, 0)
    return task, model, z, columns


@pytest.mark.parametrize(
    ("sheet", "rows", "columns"), [("samples", 4, 4), ("line", 1, 12), ("sphere", 1, 12)]
)
@pytest.mark.parametrize("method", ["coopnets", "generator"])
def test_a_sheet_has_its_rows_and_columns(method, sheet, rows, columns, tmp_path):
    task, model, *_ = drawn(method, f"sheet={sheet}", "samples=14")
    (path,) = task.predict(model, None, tmp_path / "sheet.png")
    sheet = ck.media.read_picture(path)
    assert sheet.shape[:2] == (rows * SIDE + 2, columns * SIDE + 2)


@pytest.mark.parametrize("form", ["object", "texture"])
def test_a_map_is_square(form, tmp_path):
    task, model, z, columns = drawn("coopnets", "sheet=map", "samples=11", f"generator_form={form}")
    assert (len(z), columns) == (9, 3)
    (path,) = task.predict(model, None, tmp_path / "map.png")
    assert ck.media.read_picture(path).shape[:2] == (3 * SIDE + 2, 3 * SIDE + 2)


def test_what_is_drawn_follows_its_z():
    task, model, z, _ = drawn("generator", "sheet=line", "samples=24")
    samples = task._sample(model, 24, 0, z)[1]
    np.testing.assert_allclose(samples, model.generate(z), atol=1e-6)
    assert not np.allclose(samples[0], samples[11])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["sheet=circle"], "one of samples, line, sphere, map; received 'circle'"),
        (["sheet=map", "samples=3"], "at least 4; received 3"),
        (["sheet=line", "samples=11"], "at least 12; received 11"),
        (["sheet=map", "method=descriptor"], "method=descriptor has no z"),
        (["sheet=map", "latent_dim=1"], "`latent_dim` should be at least 2 for a map; received 1"),
    ],
)
def test_an_impossible_sheet_is_refused(settings, message):
    with pytest.raises(ck.UserError, match=message):
        CLS.Config.parse(settings)
