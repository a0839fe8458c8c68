"""What notebooks 04 and 05 define equals the library; what they claim holds; their pages are in order."""

import ast
import json
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from infogan_lib.core.bound import lower_bound
from infogan_lib.core.codes import Bernoulli, Categorical, Uniform
from infogan_lib.core.latent import LatentSpec, Noise
from infogan_lib.course.lessons.toys import Toy
from infogan_lib.measure import information
from infogan_lib.show.plots import LINES, Picture

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = ("04_mutual_information", "05_variational_bound")


def cells(name, kind="code"):
    page = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    return [cell for cell in page["cells"] if cell["cell_type"] == kind]


def defined(name, *wanted, **given):
    """The functions and classes of that name as the notebook writes them, the first definition of each."""
    space = {
        "math": math,
        "torch": torch,
        "F": F,
        "nn": torch.nn,
        "Picture": Picture,
        "LINES": LINES,
        "Toy": Toy,
    } | given
    found = {}
    for cell in cells(name):
        for node in ast.parse("".join(cell["source"])).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in wanted:
                found.setdefault(node.name, node)
    assert set(found) == set(wanted)
    for node in found.values():
        exec(compile(ast.Module([node], []), name, "exec"), space)
    return [space[each] for each in wanted]


def tables(n=20):
    for seed in range(n):
        g = torch.Generator().manual_seed(seed)
        yield torch.softmax(2 * torch.randn(24, generator=g).double(), 0).view(4, 6)


def test_04_the_notebooks_functions_are_the_librarys():
    names = ("entropy", "conditional_entropy", "mutual_information")
    entropy, conditional, mutual = defined(NAMES[0], *names, kl=information.kl)
    for joint in tables():
        assert torch.allclose(entropy(joint.flatten()), information.entropy(joint.flatten()))
        assert torch.allclose(
            entropy(joint / joint.sum(1, keepdim=True)).sum(), entropy(joint / joint.sum(1)[:, None]).sum()
        )
        assert torch.allclose(conditional(joint), information.conditional_entropy(joint))
        assert torch.allclose(mutual(joint), information.mutual_information(joint))
    assert entropy(torch.tensor([1.0, 0.0])) == 0


def test_04_counting_is_the_librarys():
    (counted,) = defined(NAMES[0], "counted", mutual_information=information.mutual_information)
    g = torch.Generator().manual_seed(0)
    a = torch.randn(3000, generator=g)
    for b in (a**2, torch.rand(3000, generator=g), a + torch.randn(3000, generator=g)):
        assert counted(a, b) == pytest.approx(information.histogram_information(a, b, permutations=0).nats, abs=1e-5)


def test_04_the_channel_over_its_whole_range():
    (channel,) = defined(NAMES[0], "channel")
    space = {"channel": channel, "mutual_information": information.mutual_information}
    (nats,) = defined(NAMES[0], "information_in_channel", **space)
    (draw,) = defined(NAMES[0], "channel_picture", information_in_channel=nats, **space)
    for noise in torch.linspace(0, 1, 21).tolist():
        h = sum(-p * math.log(p) for p in (1 - noise, *[noise / 3] * 3) if p > 0)
        assert nats(noise) == pytest.approx(math.log(4) - h, abs=1e-6)
    assert nats(0.75) == pytest.approx(0, abs=1e-12) and nats(1.0) == pytest.approx(math.log(4 / 3))
    pictures = [draw(noise) for noise in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert all(picture.alt for picture in pictures) and len({picture.png() for picture in pictures}) == 5


def test_04_only_the_discrete_code_stops_at_ln_2():
    two = Toy(Bernoulli("b"), lambda c: 2 * c[:, None] - 1, 0.05).mutual_information()
    one, half = (Toy(Uniform("u"), lambda c: c[:, None], s, nodes=400).mutual_information() for s in (0.04, 0.02))
    assert two == pytest.approx(math.log(2), abs=1e-6)
    assert one > 2 and half - one == pytest.approx(math.log(2), abs=0.05)


def test_04_grid_and_closed_form_agree_in_any_unit():
    (integrated,) = defined(NAMES[0], "integrated", mutual_information=information.mutual_information)
    for sigma in (1.0, 0.5, 0.25):
        for unit in (1.0, 100.0):
            assert integrated(sigma, unit) == pytest.approx(0.5 * math.log(1 + 1 / sigma**2), abs=1e-3)


def test_05_the_notebooks_functions_are_the_librarys():
    (bound,) = defined(NAMES[1], "bound")
    spec = LatentSpec(Noise(1), [Categorical("c", 5)])
    latent = spec.sample(64, torch.Generator().manual_seed(0))
    posterior = spec.posterior(torch.randn(64, 5, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(bound(spec["c"], posterior["c"], latent["c"]), lower_bound(spec, posterior, latent)["c"])
    (gap,) = defined(NAMES[1], "kl_gap", kl=information.kl)
    for joint in tables():
        q = torch.softmax(joint.roll(1, 0) * 30, 0)
        assert torch.allclose(gap(joint, q), information.kl_gap(joint, q))


def test_05_the_three_roads_agree_at_every_step_while_q_and_g_learn():
    code = Categorical("c", 3)
    torch.set_default_dtype(torch.float64)
    try:
        (bound,) = defined(NAMES[1], "bound")
        generator_class, learn = defined(NAMES[1], "Generator", "learn", bound=bound, code=code)
        torch.manual_seed(5)
        generator = generator_class()
        q_net = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
        alone = learn(generator, q_net, 100, generator_learns=False, seed=3)
        together = learn(generator, q_net, 100, generator_learns=True, seed=4)
    finally:
        torch.set_default_dtype(torch.float32)
    for rows in (alone, together):
        assert (rows[:, 1] - rows[:, 2] - rows[:, 3]).abs().max() <= 2e-3
        assert (rows[:, 2] <= rows[:, 1] + 1e-9).all()
    assert alone[:, 1].std() < 1e-9 and alone[-1, 3] < alone[0, 3]  # I stays, the gap shrinks
    assert together[-1, 1] > alone[-1, 1] + 0.2 and together[-1, 2] > alone[-1, 2] + 0.2  # I grows, the bound follows


def test_05_the_discriminators_loss_is_the_same_bound():
    game = Toy(Bernoulli("real"), lambda y: torch.tensor([-0.3, 0.7])[y.long()][:, None], 0.5)
    table = game.table()
    fake, real = table[0] * 2, table[1] * 2
    middle = (fake + real) / 2
    jsd = ((information.kl(real, middle) + information.kl(fake, middle)) / 2).item()
    assert game.mutual_information() == pytest.approx(jsd, abs=1e-6)
    logit = torch.linspace(-3, 3, table.shape[1]).double()  # any D at all
    bce = (table[1] * F.softplus(-logit) + table[0] * F.softplus(logit)).sum().item()
    assert math.log(2) - bce <= jsd
