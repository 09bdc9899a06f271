"""The table says what results.json holds; the page holds everything that it shows."""

import base64
import html.parser
import re

import numpy as np
import pytest
from PIL import Image

from coopkeras import jobs

FILLED = ("samples/filled.png", "filled", "img")
VOID = {"meta", "img", "path", "use", "rect"}  # elements that stand without an end tag


def _row(method, setting="M12", ours=False, variant=None, n=100, **metrics):
    units = {"psnr": ("dB", "higher"), "error": ("share", "lower"), "diversity": ("", "higher")}
    filled = {
        name: {"value": value, "sd": sd, "unit": units[name][0], "better": units[name][1]}
        for name, (value, sd) in metrics.items()
    }
    labels = {"method": method, "ours": ours, "variant": variant, "setting": setting, "n": n}
    return labels | {"metrics": filled}


ROWS = [
    _row("coopnets", ours=True, variant="estimate", psnr=(21.0, 2.0), error=(0.0712, 0.03)),
    _row("coopnets", ours=True, variant="sample", psnr=(18.5, 2.0), diversity=(0.1, None)),
    _row("mean image", setting="M20", psnr=(17.0, 1.0), error=(0.1, 0.02)),
    _row("mean image", psnr=(19.25, 1.0), error=(0.0689, 0.02)),
]
RESULTS = {"task": "inpaint", "data": "samples:textures", "seed": 0, "seconds": 203.4, "rows": ROWS}
CURVES = [
    {"step": step, "seconds": 0.5 * step, "energy_gap": 1 / step, "val_energy_gap": 2 / step}
    for step in (50, 100, 150)
]


class _Reader(html.parser.HTMLParser):
    """Collects what a page refers to and its text, and checks that its elements nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.references, self.ids, self.texts = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.references += [v for k, v in attrs if k in ("src", "href", "xlink:href")]
        self.ids += [v for k, v in attrs if k == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def workdir(tmp_path):
    (tmp_path / "samples").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, [16, 32, 3], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "samples/filled.png")
    Image.fromarray(pixels).resize((900, 300)).save(tmp_path / "samples/wide.png")
    return tmp_path


def _write(workdir, **changes):
    given = {
        "title": "Inpainting",
        "results": RESULTS,
        "curves": CURVES,
        "drawn": [FILLED, ("samples/wide.png", "all of them", "img")],
        "commands": {"Train again": "python -m coopkeras.run --task=inpaint"},
    }
    return jobs.report.write(workdir, **(given | changes))


# The table ----------------------------------------------------------------------------------


def test_table_shows_values_units_directions_and_standard_errors():
    head, first, *_ = jobs.report.table(ROWS).splitlines()
    assert head.split("  ")[0] == "method"
    assert "PSNR (dB) ↑" in head
    assert "error (share) ↓" in head
    assert "diversity ↑" in head
    assert first.split()[:4] == ["coopnets", "estimate", "M12", "100"]
    assert re.search(r"100  21\.00 ± 0\.20 \*  0\.0712 ± 0\.0030 +–$", first)


def test_table_groups_settings_and_marks_the_best_of_each():
    lines = jobs.report.table(ROWS).splitlines()[1:-1]
    assert [line.split()[0] for line in lines] == ["coopnets", "coopnets", "mean", "mean"]
    assert "M20" in lines[-1]
    assert "*" not in lines[-1]
    assert [line.count("*") for line in lines] == [1, 0, 1, 0]
    assert "0.0689 ± 0.0020 *" in lines[2]


def test_table_shows_the_standard_error_that_a_row_has_and_a_target():
    ratio = {"value": 0.93, "sd": None, "se": 0.012, "unit": "", "better": "higher", "target": 1.0}
    wide = ratio | {"value": 1.2, "se": None}
    rows = [
        _row(name) | {"metrics": {"spread_skill": m}} for name, m in (("a", ratio), ("b", wide))
    ]
    head, *lines, legend, _ = jobs.report.table(rows).splitlines()
    assert head.endswith("s/s → 1.00")
    assert [line.split()[3:] for line in lines] == [["0.93", "±", "0.01", "*"], ["1.20"]]
    assert legend == "s/s spread/skill"


def test_a_wide_table_goes_on_below_without_the_rows_that_have_nothing_there():
    names = [f"a metric of {number}" for number in range(9)]
    metric = {"value": 0.5, "sd": 0.1, "se": 0.01, "unit": "", "better": "lower"}
    rows = [_row("all") | {"metrics": dict.fromkeys(names, metric)}]
    rows += [_row("first") | {"metrics": {names[0]: metric}}]
    first, *others = jobs.report.table(rows).split("\n\n")
    assert others
    assert max(map(len, first.splitlines())) <= jobs.report.WIDTH
    assert "first" in first
    assert "first" not in "".join(others)
    assert all(sum(name in part for part in (first, *others)) == 1 for name in names)


def test_page_shows_paired_differences(workdir):
    told = {"psnr": {"to": "proposed sample", "difference": -0.31, "se": 0.04}}
    rows = [ROWS[0], ROWS[1] | {"paired": told}]
    text = _write(workdir, results={"rows": rows}).read_text("utf-8")
    assert "Δ -0.310 ± 0.040" in text
    assert "Δ: difference to proposed sample" in text
    assert "Δ" not in _write(workdir).read_text("utf-8")


def test_table_is_aligned():
    *lines, _ = jobs.report.table(ROWS).splitlines()
    ends = {line.index("±") for line in lines[1:]}
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("value", "text"), [(np.nan, "–"), (np.inf, "+∞"), (1234.56, "1235"), (0.0, "0.00")]
)
def test_table_shows_odd_values(value, text):
    line = jobs.report.table([_row("it", psnr=(value, np.nan))]).splitlines()[1]
    assert line.split()[3:] == [text]


def test_table_without_rows_is_empty():
    assert jobs.report.table([]) == ""


# The page -----------------------------------------------------------------------------------


def test_page_is_whole_and_refers_to_nothing_outside(workdir):
    path = _write(workdir, curves=[line | {"movement": line["step"]} for line in CURVES])
    text = path.read_text("utf-8")
    reader = _Reader(text)
    assert text.count("<svg") == 2
    assert path == workdir / "report.html"
    assert all(ref.startswith(("data:image/png;base64,", "#")) for ref in reader.references)
    assert not re.search(r"url\((?!#)|@import|<script|<link", text)
    assert len(reader.ids) == len(set(reader.ids))


def test_page_holds_the_pictures_byte_for_byte(workdir):
    reader = _Reader(_write(workdir).read_text("utf-8"))
    data = [ref.partition(",")[2] for ref in reader.references if ref.startswith("data:")]
    for text, name in zip(data, ("filled", "wide"), strict=True):
        assert base64.b64decode(text) == (workdir / f"samples/{name}.png").read_bytes()


def test_page_plays_the_sounds_that_it_holds(workdir):
    (workdir / "samples/hiss.wav").write_bytes(b"RIFF and so on")
    text = _write(workdir, drawn=[FILLED, ("samples/hiss.wav", "a <hiss>", "audio")]).read_text(
        "utf-8"
    )
    held = base64.b64encode(b"RIFF and so on").decode("ascii")
    assert f"data:audio/wav;base64,{held}" in _Reader(text).references
    assert "<audio controls" in text
    assert "a &lt;hiss&gt;" in text


def test_only_small_pictures_are_enlarged(workdir):
    small = jobs.page.image(workdir / "samples/filled.png", "it")
    wide = jobs.page.image(workdir / "samples/wide.png", "it")
    assert 'class="sharp" width="640" height="320"' in small
    assert 'class="sharp"' not in wide
    assert 'width="900" height="300"' in wide


def test_page_says_how_the_estimate_compares_with_the_best_baseline(workdir):
    text = _write(workdir).read_text("utf-8")
    assert "21.00<small> dB</small>" in text
    assert '<b class="better">1.75 dB better</b> than the best baseline, mean image' in text
    worse = [_row("ours", ours=True, error=(0.3, 0.0)), _row("theirs", error=(0.1, 0.0))]
    text = _write(workdir, results={"rows": worse}).read_text("utf-8")
    assert '<b class="worse">0.200 share worse</b>' in text
    floor = _row("real, other pictures", error=(0.0, 0.0))
    assert "0.200 share worse" in _write(workdir, results={"rows": [*worse, floor]}).read_text(
        "utf-8"
    )


def test_page_tells_facts_table_and_commands(workdir):
    texts = " ".join(_Reader(_write(workdir).read_text("utf-8")).texts)
    for part in (
        "samples:textures",
        "3 min 23 s",
        "19.25",
        "± 0.10",
        "Train again",
        "--task=inpaint",
    ):
        assert part in texts
    assert "export" not in texts  # not known here


def test_page_escapes_what_it_is_given(workdir):
    bad = "<script>&"
    rows = [_row(bad, setting=bad, variant=bad, psnr=(1.0, 1.0))]
    text = _write(
        workdir,
        title=bad,
        results={"data": bad, "rows": rows},
        curves=[{"step": 1, bad: 1.0}],
        drawn=[("samples/filled.png", bad, "img")],
        commands={bad: bad},
    ).read_text("utf-8")
    assert bad not in text
    assert "&lt;script&gt;&amp;" in text
    _Reader(text)


def test_page_is_the_same_for_the_same_run(workdir):
    assert _write(workdir).read_bytes() == _write(workdir).read_bytes()


def test_page_of_a_run_with_nothing_yet(workdir):
    path = jobs.report.write(workdir, title="Nothing yet", results={})
    assert "<section>" not in path.read_text("utf-8")


def test_a_failure_leaves_the_older_page(workdir):
    before = _write(workdir).read_bytes()
    with pytest.raises(FileNotFoundError, match="gone.png"):
        _write(workdir, drawn=[("samples/gone.png", "gone", "img")])
    assert (workdir / "report.html").read_bytes() == before
    assert sorted(p.name for p in workdir.iterdir()) == ["report.html", "samples"]


# Curves -------------------------------------------------------------------------------------


def test_held_out_values_are_drawn_beside_those_of_training(workdir):
    text = _write(workdir).read_text("utf-8")
    assert text.count("<svg") == 1
    assert "training 0.006667</span>" in text
    assert "held-out 0.01333</span>" in text
    assert "stroke: var(--training)" in text
    assert "stroke: var(--held-out)" in text
    assert "#0000a" not in text


def test_curves_leave_out_what_is_not_a_number(workdir):
    curves = [{"step": 1, "a": 1.0}, {"step": 2, "a": float("nan")}, {"step": 3, "b": None}]
    text = _write(workdir, curves=curves).read_text("utf-8")
    assert "training 1</span>" in text
    assert text.count("<svg") == 1


@pytest.mark.parametrize(("highest", "logarithmic"), [(1000.0, True), (20.0, False)])
def test_a_curve_over_many_sizes_is_logarithmic(highest, logarithmic):
    figure = jobs.page.curve("loss", {"training": [(0, 1.0), (1, highest)]})
    assert ("10^{2}" in figure) == logarithmic
