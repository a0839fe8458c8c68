import ast
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

import infogan_lib
from infogan_lib import Categorical, Uniform
from infogan_lib.show import plots


def test_tiles_go_row_by_row_with_a_white_gap():
    images = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1).expand(6, 1, 4, 5) * 10
    sheet = plots.tile(images, columns=3)
    assert sheet.shape == (2 * 6 + 2, 3 * 7 + 2, 3)
    for i in range(6):
        y, x = 2 + i // 3 * 6, 2 + i % 3 * 7
        assert (sheet[y : y + 4, x : x + 5] == 10 * i).all()
    assert (sheet[:2] == 255).all() and (sheet[:, :2] == 255).all()


def test_tiles_take_floats_colours_and_an_odd_end():
    sheet = plots.tile(torch.full((5, 3, 4, 4), -1.0), columns=3)
    assert sheet.shape == (14, 20, 3) and (sheet[2:6, 2:6] == 0).all()
    assert (sheet[8:12, 14:18] == 255).all()  # the sixth place is empty


def test_a_picture_shows_itself_as_a_png_with_alt_text():
    picture = plots.grid(torch.zeros(4, 1, 8, 8), columns=2, title="samples")
    content, about = picture._repr_mimebundle_()
    assert content["image/png"].startswith(b"\x89PNG")
    assert about["image/png"]["alt"] == content["text/plain"] == "samples: 4 images in 2 rows of 2."


def tinted_columns(axes, columns):
    """Which columns of a sheet of 28-pixel tiles stand in tinted gaps; the gap above a tile tells."""
    top = axes.images[0].get_array()[0]
    return [j for j in range(columns) if tuple(top[30 * j + 16]) == plots.TINT]


def test_a_sweep_shades_the_trained_columns_and_only_those():
    code = Uniform("c1")
    values = code.sweep(5, beyond=True)  # -2 -1 0 1 2: the middle three are trained
    picture = plots.sweeps([(code, values, torch.zeros(10, 1, 28, 28))])
    (axes,) = picture.axes
    assert tinted_columns(axes, 5) == [1, 2, 3]
    (bar,) = axes.lines
    assert bar.get_xdata() == pytest.approx([1 + 30 + 1, 1 + 4 * 30 - 1])
    assert [t.get_text() for t in axes.texts] == ["trained range"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["-2.0", "-1.0", "0.0", "1.0", "2.0"]
    assert "trained on -1 to 1" in picture.alt and "2 rows" in picture.alt


def test_the_ends_of_the_trained_range_are_shaded_though_float32_rounds_them():
    code = Uniform("c1", 0.1, 0.7)  # neither end is a float32
    picture = plots.sweeps([(code, code.sweep(4), torch.zeros(4, 1, 28, 28))])
    assert tinted_columns(picture.axes[0], 4) == [0, 1, 2, 3]


def test_a_categorical_sweep_shades_nothing():
    code = Categorical("digit", 4)
    picture = plots.sweeps([(code, code.sweep(), torch.zeros(8, 1, 28, 28))])
    assert tinted_columns(picture.axes[0], 4) == [] and len(picture.axes[0].texts) == 0
    assert [t.get_text() for t in picture.axes[0].get_xticklabels()] == ["0", "1", "2", "3"]


def test_panels_of_a_real_model_stack():
    model, noise = tiny.build(), torch.zeros(3, 4)
    picture = plots.sweeps([model.sweep("kind", noise), model.sweep("c1", noise, beyond=True)], ["a", "b"])
    assert [axes.get_title(loc="left") for axes in picture.axes] == ["a", "b"]
    assert picture.png().startswith(b"\x89PNG")


def test_curves_carry_their_lines_and_say_where_they_end():
    picture = plots.curves({"InfoGAN": ([1, 2], [0.1, 2.2])}, "L_I, nats", {"ln 10": 2.3026, "nothing": 0.0})
    (axes,) = picture.axes
    assert {round(line.get_ydata()[0], 4) for line in axes.lines[1:]} == {2.3026, 0.0}
    assert "InfoGAN goes from 0.10 to 2.20" in picture.alt and "ln 10 at 2.30" in picture.alt


def test_a_confusion_matrix_is_ordered_by_label_and_in_per_cent():
    counts = torch.tensor([[0, 90], [30, 10]])
    picture = plots.confusion(counts, torch.tensor([1, 0]))
    (axes,) = picture.axes
    assert np.allclose(axes.images[0].get_array(), [[0.75, 0.25], [0, 1]])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["1", "0"]
    assert "code 1 is mostly 0 (75 %)" in picture.alt


def test_the_library_never_uses_pyplot():
    for path in Path(infogan_lib.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {a.name for a in node.names} | {getattr(node, "module", "")}
                assert not any("pyplot" in (name or "") for name in names), path


def test_the_rows_of_a_grid_can_be_named():
    picture = plots.grid(torch.zeros(6, 1, 4, 4), columns=3, title="views", labels=["image", "blurred"])
    (axes,) = picture.axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["image", "blurred"]
    assert picture.alt == "views: 6 images in 2 rows of 3: image, blurred."


def test_sweeps_stand_side_by_side_if_asked():
    code = Categorical("digit", 3)
    panel = (code, code.sweep(3), torch.zeros(6, 1, 4, 4))
    below, across = plots.sweeps([panel, panel]), plots.sweeps([panel, panel], across=True)
    assert below.get_figheight() > across.get_figheight() and below.get_figwidth() < across.get_figwidth()
    assert below.alt == across.alt
