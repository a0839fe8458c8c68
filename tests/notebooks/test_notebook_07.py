"""What notebook 07 builds is the library's: the networks, both steps, the loop, and how views are looked at."""

import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch

from infogan_lib import Categorical, InfoGAN, LatentSpec, Noise, Training, Uniform, data
from infogan_lib.core import views
from infogan_lib.core.recipe import Recipe
from infogan_lib.core.steps import d_loss, g_loss
from infogan_lib.course.exercises import check
from infogan_lib.course.lessons import own_loop
from infogan_lib.data import Images
from infogan_lib.show.widgets import TrainingMonitor
from infogan_lib.training import presets

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "07_infogan.ipynb"
CELLS = nbformat.read(NOTEBOOK, as_version=4).cells
CODE = [c for c in CELLS if c.cell_type == "code"]
AMOUNTS = [Uniform(name, sigma_floor=0.6) for name in ("c1", "c2")]
SPEC = LatentSpec(Noise(62), [Categorical("digit", 10), *AMOUNTS])
SEEN = presets.load("mnist").spec
WEIGHT_G, WEIGHT_Q = {"digit": 1.0, "c1": 0.3, "c2": 0.3}, {"digit": 0.2, "c1": 0.05, "c2": 0.05}


@pytest.fixture(scope="module")
def notebook():
    """What the setup cell, the tagged cells and the folded steps define, on 400 digits in place of 50,000."""
    whole = data.mnist("tune")
    names = {"__name__": "notebook", "spec": SPEC, "digits": Images(whole.images[:400], None, "few")}
    names |= {"latent": SPEC.sample(4, torch.Generator().manual_seed(0)), "info_term": own_loop.info_term}
    tagged = [c.source for c in CODE if "same-as-library" in c.metadata.get("tags", [])]
    for source in [CODE[0].source, *tagged, folded()]:
        exec(source, names)
    return names


def folded():
    """The code of both steps, as the page shows it to who unfolds it."""
    (found,) = [c.source for c in CELLS if c.cell_type == "markdown" and "One way to write both" in c.source]
    return re.search(r"```python\n(.*?)```", found, re.DOTALL)[1]


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


def test_the_folded_steps_pass_their_checks(notebook):
    assert check("07.2", notebook["update_d"]).state == check("07.3", notebook["update_g"]).state == "right"


def step_inputs(spec=SPEC):
    model = InfoGAN("mnist", spec, "trunk").train()
    latent = spec.sample(8, torch.Generator().manual_seed(1))
    real = data.mnist("test").batch(slice(0, 8))
    d = [p for part in (model.trunk, model.d_head, model.q_head) for p in part.parameters()]
    learners = {"d": d, "g": list(model.generator.parameters())}
    return model, latent, real, {name: torch.optim.SGD(parameters, lr=0.1) for name, parameters in learners.items()}


@pytest.mark.parametrize("spec", [SPEC, SEEN], ids=["off the image", "off views"])
@pytest.mark.parametrize("step", ["d", "g"])
def test_each_step_moves_the_weights_as_the_librarys_losses_do(notebook, step, spec):
    recipe, after = Recipe(lambda_g=WEIGHT_G, lambda_q=WEIGHT_Q), []
    for by_notebook in (True, False):
        model, latent, real, optimisers = step_inputs(spec)
        fake, draws = model.generator(latent.input), torch.Generator().manual_seed(3)
        if by_notebook:
            looking = notebook["Looking"](model, draws)
            if step == "d":
                notebook["update_d"](looking, optimisers, real, fake, latent, WEIGHT_Q)
            else:
                notebook["update_g"](looking, optimisers, fake, latent, WEIGHT_G)
        else:
            shown, target = views.look(spec, fake, latent, draws)
            losses = (
                d_loss(model, recipe, real, fake, target, shown)
                if step == "d"
                else g_loss(model, recipe, fake, target, shown)
            )
            losses[0].backward()
            optimisers[step].step()
        after.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.allclose(*after, atol=1e-7)
    assert not torch.equal(after[0], torch.cat([p.detach().flatten() for p in step_inputs(spec)[0].parameters()]))


def test_the_loop_is_training(notebook):
    """Its losses, over the end of an epoch too, and its averaged weights."""
    base = presets.load("mnist").recipe
    assert (base.lambda_g, base.lambda_q) == (WEIGHT_G, WEIGHT_Q)
    images = Images(notebook["digits"].images[:150], None, "fewer")
    library = Training(InfoGAN("mnist", SPEC, "trunk"), images, replace(base, steps=4), seed=5)
    expected = [(float(r.loss_d), float(r.loss_g), float(r.nats["c1"])) for r in library]
    model = InfoGAN("mnist", SPEC, "trunk")
    model.initialise(5)
    notebook["digits"] = images
    run = own_loop.OwnRun(notebook["train"], model, 4, weight_g=WEIGHT_G, weight_q=WEIGHT_Q, seed=5)
    found = [(float(r.loss_d), float(r.loss_g), float(r.nats["c1"])) for r in run]
    assert [v for row in found for v in row] == pytest.approx([v for row in expected for v in row], abs=1e-4)
    for ours, theirs in zip(run.averaged.parameters(), library.averaged.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-3)


def test_a_monitor_drives_the_own_loop_with_views_to_its_end(notebook):
    model = InfoGAN("mnist", SEEN, "trunk")
    looking = own_loop.Looking(model, torch.Generator().manual_seed(0))
    run = own_loop.OwnRun(notebook["train"], model, 3, look=looking, weight_g=WEIGHT_G, weight_q=WEIGHT_Q)
    monitor = TrainingMonitor(run)
    monitor.start()
    assert monitor.wait(timeout=60) and monitor.state == "finished" and run.step == 3 and len(run) == 0
    assert {"digit", "c1", "c2"} == {curve["name"] for curve in monitor.curves.panels[0]["curves"]}
    before = InfoGAN("mnist", SEEN, "trunk").generator[0].weight
    assert not torch.equal(monitor.snapshot().generator[0].weight, before)
    monitor.close()
