"""What notebook 02 writes equals the library, what it claims holds, and its page is in order."""

import ast
import statistics
import sys
from pathlib import Path

import nbformat
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from infogan_lib import InfoGAN, LatentSpec, Noise
from infogan_lib.course import results
from infogan_lib.course.lessons import arithmetic

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import dcgan

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = ("02_dcgan", "solutions/02_dcgan")


def cells(name, kind="code"):
    return [c for c in nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells if c.cell_type == kind]


def defined(name, **given):
    """The function of that name, as the notebook's last cell that defines it has it."""
    space = {"torch": torch, "F": F, "nn": nn} | given
    for cell in reversed(cells(NAMES[0])):
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                exec(compile(ast.Module([node], []), name, "exec"), space)
                return space[name]
    raise LookupError(name)


def test_slerp_is_the_librarys():
    slerp = defined("slerp")
    (cell,) = [c for c in cells(NAMES[0]) if "same-as-library" in c.metadata.get("tags", [])]
    assert "def slerp" in cell.source
    t = torch.linspace(-0.5, 1.5, 9)
    for seed in range(5):
        a, b = torch.randn(2, 20, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(slerp(a, b, t), arithmetic.slerp(a, b, t))
        assert torch.equal(slerp(a, 3 * a, t), arithmetic.slerp(a, 3 * a, t))


def test_the_arithmetic_by_hand_is_the_librarys():
    by_hand, noise = defined("arithmetic"), torch.randn(50, 20)
    groups = [torch.tensor([group]) for group in ([1, 2, 3], [4, 5, 6], [7, 8, 9])]
    means = [noise[group].mean(1) for group in groups]
    assert torch.allclose(by_hand(noise, *(group[0] for group in groups)), arithmetic.combine(*means)[0])


@pytest.mark.parametrize(
    ("height", "width", "size", "stride"), [(2, 2, 3, 2), (3, 5, 4, 2), (1, 4, 2, 3), (4, 4, 5, 1)]
)
def test_stamping_is_a_transposed_convolution(height, width, size, stride):
    x, kernel = torch.randn(height, width), torch.randn(size, size)
    want = F.conv_transpose2d(x[None, None], kernel[None, None], stride=stride)[0, 0]
    assert torch.allclose(defined("stamp")(x, kernel, stride), want, atol=1e-5)


def test_batch_norm_keeps_the_size_of_the_signal_and_without_it_it_shrinks():
    sizes = defined("sizes", InfoGAN=InfoGAN, spec=LatentSpec(Noise(20), []))
    with_norm, without = sizes("dcgan-28"), sizes("dcgan-28-no-norm")
    assert with_norm[0] == pytest.approx(with_norm[1], rel=0.1)
    assert without[0] > 2 * without[1] > 4 * without[2]


def ablation(variant):
    """Of the better pair of rates: the last Frechet distances, one a seed."""
    found = [r for r in results.read("dcgan_ablation", variant=variant) if r["step"] == "400"]
    rates = [[float(r["frechet"]) for r in found if r["rates"] == rates] for rates in ("uneven", "even")]
    assert all(len(values) == 3 for values in rates)
    return min(rates, key=statistics.median)


def test_the_ablation_says_what_the_page_says_of_it():
    dense, bare, larger, dcgan = (
        ablation(v) for v in ("fully connected", "convolution", "convolution, larger start", "convolution, batch norm")
    )
    assert min(dense) > max(bare) and min(bare) > max(dcgan)
    assert min(dense) > max(larger) and min(larger) > max(dcgan)


def test_hidden_layers_do_best_late_at_one_pair_of_rates_and_may_fail_at_the_other():
    last = ablation("with hidden layers")
    assert max(last) < min(ablation("convolution, batch norm"))
    rows = results.read("dcgan_ablation", variant="with hidden layers", rates="even", step=400)
    even = sorted(float(row["frechet"]) for row in rows)
    assert even[0] < min(last) and even[1] > max(ablation("convolution"))


def test_the_larger_start_keeps_the_size_of_the_signal():
    model = InfoGAN("dcgan-28-no-norm", LatentSpec(Noise(20), []))
    sizes = {}
    for name in ("before", "after"):
        signal, amplitudes = torch.randn(300, 20, generator=torch.Generator().manual_seed(0)), []
        for layer in model.generator[:-1]:
            signal = layer(signal)
            if any(True for _ in layer.parameters()):
                amplitudes.append(signal.square().mean().sqrt().item())
        sizes[name] = amplitudes[-1] / amplitudes[0]
        dcgan.enlarge(model)
    assert sizes["before"] < 0.1 and 0.5 < sizes["after"] < 2


def test_the_ablation_gets_its_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(dcgan, "FEW", 60)
    options = ["ablation", "--variants", "convolution", "--seeds", "100", "--steps", "2", "--every", "1"]
    monkeypatch.setattr(sys, "argv", ["dcgan.py", *options])
    dcgan.main()
    rows = results.read("dcgan_ablation")
    assert {(row["rates"], row["step"]) for row in rows} == {(r, s) for r in ("uneven", "even") for s in "12"}
    assert len(rows) == 4
    assert all(float(row["frechet"]) > float(row["floor"]) > 0 for row in rows)


def measured(**wanted):
    return [float(row["both"]) for row in results.read("arithmetic", hair_from="none", hair_to="long", **wanted)]


def test_the_arithmetic_beats_chance_until_averaging_shortens_it():
    chance = measured(what="untouched")
    as_it_is = {k: measured(what="averaged", k=k, length="as it is") for k in (1, 3, 10, 30)}
    restored = {k: measured(what="averaged", k=k, length="restored") for k in (1, 3, 10, 30)}
    assert len(chance) == 10 and all(len(rates) == 10 for rates in (*as_it_is.values(), *restored.values()))
    assert all(min(as_it_is[k]) > max(chance) and max(as_it_is[k]) < 0.65 for k in (1, 3, 10))
    assert max(as_it_is[30]) < min(chance) < max(chance) < min(restored[30])
    assert statistics.median(as_it_is[1]) < statistics.median(as_it_is[3]) > statistics.median(as_it_is[10])
    assert min(restored[10]) > max(restored[1])


def test_thirty_exemplars_point_at_glasses_and_one_does_not():
    def glasses(what, k):
        same = {"what": what, "k": k, "length": "as it is", "hair_from": "none", "hair_to": "long"}
        return [float(row["glasses"]) for row in results.read("arithmetic", **same)]

    assert min(glasses("one face", 30)) > max(glasses("random move", 30))
    assert max(glasses("random move", 1)) > statistics.median(glasses("one face", 1))
