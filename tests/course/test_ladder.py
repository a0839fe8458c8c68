"""Recorded sweeps come back as they were drawn, with the code and the values of each panel."""

import pytest
import torch
from PIL import Image

from infogan_lib.course.lessons import ladder
from infogan_lib.data.images import to_float, to_uint8
from infogan_lib.training import presets


def test_what_is_recorded_is_what_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(ladder, "FOLDER", tmp_path)
    model = presets.load("mnist").build()
    matching = torch.tensor([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    panels = ladder.sweeps(model, matching)
    ladder.record("tried", panels, {"seed": "7", "command": "python tried.py"})
    assert Image.open(tmp_path / "tried.png").text == {"seed": "7", "command": "python tried.py"}
    loaded = ladder.load("tried")
    assert [code.name for code, _, _ in loaded] == ["digit", "c1", "c2"]
    for (code, values, images), (_, wanted, drawn) in zip(loaded, panels, strict=True):
        assert torch.equal(values, wanted) and torch.equal(images, to_float(to_uint8(drawn))), code.name


def test_the_columns_are_in_the_order_of_the_digits():
    model = presets.load("mnist").build()
    matching = torch.tensor([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    (_, _, sorted_images), *_ = ladder.sweeps(model, matching)
    (_, _, plain), *_ = ladder.sweeps(model, torch.arange(10))
    for digit in range(10):
        code = matching.tolist().index(digit)
        assert torch.equal(sorted_images[digit], plain[code])


@pytest.mark.parametrize("name", ["infogan", "nudge", "one-blur", "views"])
def test_the_shipped_rungs_say_how_they_were_made(name):
    text = Image.open(ladder.FOLDER / f"{name}.png").text
    assert text["variant"] == name and text["command"] == "python benchmarks/mnist.py ladder" and text["commit"]
