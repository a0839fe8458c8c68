"""Arithmetic on noise, against a model whose every pixel is known: its first pixels are the noise itself."""

import math
import sys
from pathlib import Path

import pytest
import torch

from infogan_lib import Categorical, InfoGAN, LatentSpec, Noise
from infogan_lib.course import results
from infogan_lib.course.lessons.arithmetic import Seen, combine, exemplars, kept, look, looks, restore, show, slerp
from infogan_lib.training import weights

SIZE = 8


class Mirror:
    """An image shows its latent, number by number. "glasses" if z_0 > 0, "hair" by z_1, "light" is z_2."""

    def __init__(self, *codes):
        self.spec = LatentSpec(Noise(SIZE), list(codes))

    def generate(self, latent):
        return latent.input[:, None, None, :]


def read(images):
    z = images[:, 0, 0]
    return {"glasses": (z[:, 0] > 0).long(), "hair": (z[:, 1] > 0).long() * 2, "light": z[:, 2]}


@pytest.fixture
def seen():
    return look(Mirror(), read, 3000, seed=3)


def test_what_was_looked_at_is_the_prior_and_what_was_read_is_read_off_it(seen):
    assert torch.equal(seen.noise, torch.randn(3000, SIZE, generator=torch.Generator().manual_seed(3)))
    assert torch.equal(seen.images[:, 0, 0], seen.noise)
    found = seen.where(glasses=1, hair=0)
    assert found.tolist() == [i for i, z in enumerate(seen.noise.tolist()) if z[0] > 0 and z[1] <= 0]
    with pytest.raises(KeyError, match="'hat'; there are glasses, hair, light"):
        seen.where(hat=1)


def test_codes_are_held_where_they_are_asked_to_be():
    model = Mirror(Categorical("kind", 3))
    noise = torch.randn(4, SIZE)
    assert show(model, noise, read).images[:, 0, 0, SIZE:].tolist() == [[1.0, 0.0, 0.0]] * 4
    assert show(model, noise, read, kind=2).images[:, 0, 0, SIZE:].tolist() == [[0.0, 0.0, 1.0]] * 4
    with pytest.raises(KeyError, match="unknown code 'size'"):
        show(model, noise, read, size=1)


def test_looks_counts_to_the_last_exemplar_that_is_needed():
    first, second = torch.tensor([0, 4, 9]), torch.tensor([1, 2, 3, 20])
    assert [looks(k, first, second) for k in (1, 2, 3)] == [2, 5, 10]
    assert looks(4, second) == 21
    with pytest.raises(ValueError, match="4 wanted, and only 3 found"):
        looks(4, first, second)


def test_a_draw_takes_different_ones_each_as_often():
    group = torch.tensor([2, 3, 5, 7, 11])
    found = exemplars(group, 3, 4000, torch.Generator().manual_seed(0))
    assert found.shape == (4000, 3) and all(len(set(row)) == 3 for row in found.tolist())
    share = torch.stack([(found == i).any(1).double().mean() for i in group])
    assert (share - 3 / 5).abs().max() < 5 * math.sqrt(0.24 / 4000)
    assert sorted(exemplars(group, 5, 1)[0].tolist()) == group.tolist()
    for k, says in ((6, "only 5 found"), (0, "at least 1")):
        with pytest.raises(ValueError, match=says):
            exemplars(group, k, 1)


def test_where_a_thing_is_one_direction_arithmetic_puts_it_on(seen):
    """glasses = (z_0 > 0): the difference of means points along z_0, and hair, along z_1, comes from the third."""
    g = torch.Generator().manual_seed(0)
    plus, minus, other = (seen.where(glasses=a, hair=b) for a, b in ((1, 0), (0, 0), (0, 2)))
    means = [seen.means(exemplars(group, 30, 200, g)) for group in (plus, minus, other)]
    noise = combine(*means)
    # E[z_0 | z_0 > 0] = sqrt(2 / pi): twice that from the difference, less once from the third. z_2 stays near 0.
    half = math.sqrt(2 / math.pi)
    expected = torch.tensor([half, half] + [0.0] * (SIZE - 2))
    error = math.sqrt(3 / 30) * torch.tensor([1 - half**2] * 2 + [1.0] * (SIZE - 2)).sqrt()
    assert ((noise - expected).abs().mean(0) < 1.5 * error).all()
    found = show(Mirror(), noise, read)
    assert (found.read["glasses"] == 1).all() and (found.read["hair"] == 2).all()


def test_restored_noise_has_the_length_of_a_sample_and_its_direction():
    noise = torch.randn(5, SIZE) * torch.tensor([0.1, 0.5, 1, 3, 20])[:, None]
    back = restore(noise)
    assert torch.allclose(back.norm(dim=1), torch.full((5,), math.sqrt(SIZE)))
    assert torch.allclose(torch.cosine_similarity(noise, back), torch.ones(5))


def test_slerp_turns_evenly_and_keeps_the_length():
    a, b = torch.randn(2, SIZE, generator=torch.Generator().manual_seed(1)).double()
    a, b = 3 * a / a.norm(), 3 * b / b.norm()
    way = slerp(a, b, torch.linspace(0, 1, 6).double())
    assert torch.allclose(way[0], a) and torch.allclose(way[-1], b)
    assert torch.allclose(way.norm(dim=1), torch.full((6,), 3.0).double())
    turns = torch.arccos((way[1:] * way[:-1]).sum(1) / 9)
    assert torch.allclose(turns, torch.arccos(a @ b / 9).expand(5) / 5)
    assert torch.allclose(slerp(a, 2 * a, torch.tensor([0.5]).double())[0], 1.5 * a)


def test_kept_is_the_same_state_or_a_small_move():
    before = Seen(torch.zeros(3, 1), torch.zeros(3, 1), {"hair": torch.tensor([0, 1, 2]), "light": torch.zeros(3)})
    after = Seen(before.noise, before.images, {"hair": torch.tensor([0, 2, 2]), "light": torch.tensor([9.0, -4.9, 0])})
    still = kept(before, after, ("hair", "light"), {"light": 10.0})
    assert still.tolist() == [[True, False], [False, True], [True, True]]
    assert kept(before, after, ("light",), {"light": 9.0})[:, 0].tolist() == [False, False, True]
    assert kept(before, after, ("light",), {"light": 9.0}, far=1.1)[:, 0].tolist() == [True, True, True]


def test_the_benchmark_writes_a_row_for_each_k_pair_and_control(tmp_path, monkeypatch):
    weights.save(InfoGAN("dcgan-32", LatentSpec(Noise(20), [])), tmp_path / "young.safetensors")
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import notebooks as benchmark

    everything = look(Mirror(), read, 300, seed=0)

    def rich(model, reader, n, seed):  # an untrained G makes no faces to pick from
        z = torch.randn(300, 20, generator=torch.Generator().manual_seed(seed))
        states = {"glasses": torch.arange(300) % 2, "hair": torch.arange(300) // 2 % 3}
        return Seen(z, everything.images, states | {n: z[:, i] for i, n in enumerate(benchmark.CONTINUOUS)})

    monkeypatch.setattr(benchmark, "look", rich)
    arguments = ["--weights", str(tmp_path / "young.safetensors"), "--seeds", "5", "--exemplars", "1", "3"]
    monkeypatch.setattr(sys, "argv", ["notebooks.py", "arithmetic", *arguments, "--tries", "4"])
    benchmark.main()
    rows = results.read("arithmetic")
    assert len(rows) == 6 * (1 + 2 * 3 * 2) and {row["seed"] for row in rows} == {"5"}
    for row in rows:
        assert 0 <= float(row["both"]) <= min(float(row["glasses"]), float(row["hair"]))
        assert (row["kept_all"] == "") == (row["what"] in ("untouched", "averaged"))
