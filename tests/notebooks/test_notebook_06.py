"""What notebook 06 builds equals what the library has, and its pictures hold over the sliders' whole range."""

from pathlib import Path

import nbformat
import pytest
import torch
import torch.distributions as D

from infogan_lib import Categorical, LatentSpec, Noise, Uniform
from infogan_lib.core.bound import calibration

ROOT = Path(__file__).resolve().parents[2] / "notebooks"
CODE = [c for c in nbformat.read(ROOT / "06_q_head.ipynb", as_version=4).cells if c.cell_type == "code"]


@pytest.fixture(scope="module")
def notebook():
    """The names that the notebook's setup cell, its tagged cells and a few functions define."""
    wanted = ("def categorical_log_q", "def nats", "def draw_q")
    sources = [CODE[0].source]
    sources += [c.source for c in CODE if "same-as-library" in c.metadata.get("tags", [])]
    sources += [c.source.split("\n\n\n")[0] for c in CODE if c.source.startswith(wanted)]
    names = {"__name__": "notebook"}
    for source in sources:
        exec(source, names)
    assert {"Knob", "Choice", "Spec", "categorical_log_q", "nats", "draw_q"} <= names.keys()
    torch.set_printoptions(profile="default")  # the setup cell changed it
    return names


def pairs(notebook):
    knob, choice = notebook["Knob"], notebook["Choice"]
    return [
        (knob("c"), Uniform("c")),
        (knob("c", 10, 50), Uniform("c", 10, 50)),
        (knob("c", -7.5, -7.0), Uniform("c", -7.5, -7.0)),
        (choice("c"), Categorical("c")),
        (choice("c", 3), Categorical("c", 3)),
    ]


@pytest.mark.parametrize("i", range(5))
def test_each_code_is_the_librarys(notebook, i):
    ours, library = pairs(notebook)[i]
    assert (ours.name, ours.width, ours.q_width) == (library.name, library.width, library.q_width)
    assert ours.entropy == pytest.approx(library.entropy)
    values = ours.sample(200, torch.Generator().manual_seed(3))
    assert torch.equal(values, library.sample(200, torch.Generator().manual_seed(3)))
    assert torch.allclose(ours.encode(values), library.encode(values))
    raw = 2 * torch.randn(200, ours.q_width, generator=torch.Generator().manual_seed(4))
    assert torch.allclose(ours.posterior(raw).log_prob(values), library.posterior(raw).log_prob(values))
    for beyond in (False, True):
        assert torch.allclose(ours.sweep(7, beyond), library.sweep(7, beyond))


def test_the_spec_is_the_librarys(notebook):
    knob, choice = notebook["Knob"], notebook["Choice"]
    ours = notebook["Spec"](62, [choice("digit", 10), knob("c1"), knob("c2", 2, 6)])
    library = LatentSpec(Noise(62), [Categorical("digit", 10), Uniform("c1"), Uniform("c2", 2, 6)])
    assert (ours.width, ours.q_width) == (library.width, library.q_width) == (74, 14)
    fed, values = ours.sample(50, torch.Generator().manual_seed(0))
    latent = library.sample(50, torch.Generator().manual_seed(0))
    assert torch.allclose(fed, latent.input)
    assert all(torch.equal(values[name], latent[name]) for name in library.names)
    raw = torch.randn(50, 14, generator=torch.Generator().manual_seed(1))
    for name, q in library.posterior(raw).items():
        assert torch.allclose(ours.posterior(raw)[name].log_prob(values[name]), q.log_prob(values[name]))


def test_the_notebooks_formulas_are_the_librarys(notebook):
    raw, c = torch.randn(50, 7), torch.randint(7, (50,))
    assert torch.allclose(notebook["categorical_log_q"](raw, c), D.Categorical(logits=raw).log_prob(c))
    marks = calibration(Uniform("c"))
    for sigma in (0.05, 0.1, 0.3, 1.0):
        for residual in (0.0, 0.1, 0.577):
            assert notebook["nats"](sigma, residual) == pytest.approx(marks.at(sigma, residual), abs=1e-6)


def test_the_table_is_the_one_in_the_notebook(notebook):
    spread = 3**-0.5
    table = [(0, 1, -0.226), (spread, 1, -0.392), (spread, spread, -0.176), (0.4839, 0.4839, 0)]
    table += [(0.3, 0.3, 0.478), (0.2, 0.2, 0.884), (0.1, 0.1, 1.577), (0, 0.1, 2.077)]
    printed = "".join(o.text for c in CODE for o in c.outputs if o.output_type == "stream")
    for residual, sigma, nats in table:
        assert notebook["nats"](sigma, residual) == pytest.approx(nats, abs=1e-3)
        assert f"{residual:8.3f} {sigma:6.3f}   {nats:+6.3f}" in printed
    assert "0.841 nats of 2.303" in printed  # a softmax too many


def test_the_slider_picture_is_true_over_its_whole_range(notebook):
    for sigma in (0.05, 0.1, 0.35, 0.8, 1.2):
        for residual in (0.0, 0.3, 0.6):
            nats = calibration(Uniform("c")).at(sigma, residual)
            assert notebook["draw_q"](sigma, residual).alt.endswith(f"= {nats:+.2f} nats.")


def test_the_slider_picture_depends_on_both_sliders_and_on_nothing_else(notebook):
    ends = [(0.05, 0.0), (0.05, 0.6), (1.2, 0.0), (1.2, 0.6)]
    pictures = [notebook["draw_q"](sigma, residual).png() for sigma, residual in ends]
    assert len(set(pictures)) == 4 and notebook["draw_q"](*ends[0]).png() == pictures[0]
