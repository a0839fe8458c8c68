"""The networks, the information term, the two steps and the loop that notebook 07 writes are the library's."""

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch

from infogan_lib import Categorical, InfoGAN, LatentSpec, Noise, Training, Uniform, data
from infogan_lib.core.recipe import Recipe
from infogan_lib.core.steps import d_loss, g_loss
from infogan_lib.data import Images

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "07_infogan.ipynb"
CODE = [c for c in nbformat.read(NOTEBOOK, as_version=4).cells if c.cell_type == "code"]
SPEC = LatentSpec(Noise(62), [Categorical("digit", 10), *(Uniform(name, sigma_floor=0.3) for name in ("c1", "c2"))])


@pytest.fixture(scope="module")
def notebook():
    """What the setup cell and the tagged cells define, on 400 digits in place of 50,000."""
    whole = data.mnist("tune")
    names = {"__name__": "notebook", "spec": SPEC, "digits": Images(whole.images[:400], None, "few")}
    tagged = [c.source for c in CODE if "same-as-library" in c.metadata.get("tags", [])]
    for source in [CODE[0].source, *tagged]:
        names |= {"latent": SPEC.sample(4, torch.Generator().manual_seed(0))}
        exec(source, names)
    return names


def shapes(module):
    return [(name, tuple(p.shape)) for name, p in module.state_dict().items()]


def test_the_networks_are_the_librarys(notebook):
    library = InfoGAN("mnist", SPEC)
    pairs = {
        "generator": notebook["make_generator"](SPEC.width),
        "trunk": notebook["make_trunk"](),
        "q_head": notebook["make_q_head"](SPEC.q_width),
    }
    for part, ours in pairs.items():
        theirs = getattr(library, part)
        assert shapes(ours) == shapes(theirs) and repr(ours) == repr(theirs)


def step_inputs(q_on):
    model = InfoGAN("mnist", SPEC, q_on).train()
    latent = SPEC.sample(8, torch.Generator().manual_seed(1))
    real = data.mnist("test").batch(slice(0, 8))
    return model, latent, real


@pytest.mark.parametrize("q_on", ["frozen", "trunk", "separate"])
def test_each_step_moves_the_weights_as_the_librarys_losses_do(notebook, q_on):
    recipe = Recipe(lambda_g=notebook["WEIGHT"], lambda_q=notebook["WEIGHT"])
    for step in ("d", "g"):
        after = []
        for by_notebook in (True, False):
            model, latent, real = step_inputs(q_on)
            learners = list(model.generator.parameters()) if step == "g" else _d_and_q(model)
            optimiser = torch.optim.SGD(learners, lr=0.1)
            fake = model.generator(latent.input)
            if by_notebook and step == "d":
                notebook["update_d"](model, optimiser, real, fake, latent)
            elif by_notebook:
                notebook["update_g"](model, optimiser, fake, latent, notebook["WEIGHT"])
            else:
                if step == "d":
                    loss, _ = d_loss(model, recipe, real, fake, latent, train_trunk_by_q=q_on != "frozen")
                else:
                    loss, _ = g_loss(model, recipe, fake, latent)
                loss.backward()
                optimiser.step()
            after.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
        assert torch.allclose(*after, atol=1e-7)
        assert not torch.equal(after[0], torch.cat([p.detach().flatten() for p in step_inputs(q_on)[0].parameters()]))


def _d_and_q(model):
    parts = [model.trunk, model.d_head, model.q_head] + ([model.q_trunk] if model.q_trunk else [])
    return [p for part in parts for p in part.parameters()]


def test_the_loop_is_training(notebook):
    weight = notebook["WEIGHT"]
    recipe = replace(Recipe(), steps=3, batch=64, lambda_g=weight, lambda_q=weight)
    run = Training(InfoGAN("mnist", SPEC), notebook["digits"], recipe, seed=5)
    expected = [(float(r.loss_d), float(r.loss_g)) for r in run]
    ours = notebook["train_by_hand"](3, seed=5)
    assert [v for pair in ours for v in pair] == pytest.approx([v for pair in expected for v in pair], abs=1e-5)
