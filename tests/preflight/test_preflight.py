"""What preflight promises besides its findings: it changes nothing, reports in three ways, and errors are one line."""

import contextlib
import copy
import io
import math
import random
import runpy
import subprocess
import sys

import numpy as np
import pytest
import torch
from test_preflight_table import FOREIGN, load

from infogan_lib import preflight

# -- Nothing is changed ------------------------------------------------------------------------------


def state(module, arguments):
    """All that a training depends on, as one structure."""
    optimisers = arguments["optimisers"]
    weights = [w for one in optimisers for group in one.param_groups for w in group["params"]]
    modules = [m for m in vars(module).values() if isinstance(m, torch.nn.Module)]
    generators = [g for g in vars(module).values() if isinstance(g, torch.Generator)]
    return {
        "weights": [w.detach().clone() for w in weights],
        "gradients": [None if w.grad is None else w.grad.clone() for w in weights],
        "same gradient objects": [id(w.grad) for w in weights],
        "buffers": [b.clone() for m in modules for b in m.buffers()],
        "modes": [inner.training for m in modules for inner in m.modules()],
        "asks": [w.requires_grad for w in weights],
        "optimisers": copy.deepcopy([one.state_dict() for one in optimisers]),
        "torch": torch.get_rng_state(),
        "generators": [g.get_state() for g in generators],
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "hooks": len(torch.nn.modules.module._global_forward_pre_hooks),
    }


def same(a, b):
    if isinstance(a, (torch.Tensor, np.ndarray)):
        return np.array_equal(np.asarray(a), np.asarray(b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.parametrize("style", ["keras_like", "mse", "functional"])
def test_nothing_is_changed(style):
    module = load(style)
    module.train(2)  # moments in the optimisers, statistics in the norms
    arguments = module.check()
    for one in arguments["optimisers"]:
        for group in one.param_groups:
            for weight in group["params"]:
                weight.grad = torch.randn_like(weight)
    before = state(module, arguments)
    preflight(**arguments, trained=True)
    after = state(module, arguments)
    assert [name for name in before if not same(before[name], after[name])] == []


def test_it_is_put_back_where_the_code_under_test_fails():
    module = load("mse")
    arguments = module.check() | {"loss_g": lambda fake, codes: 1 / 0}
    before = state(module, arguments)
    report = preflight(**arguments)
    assert "does-not-run" in report.names and "ZeroDivisionError" in repr(report)
    assert same(before, state(module, arguments))


# -- The report --------------------------------------------------------------------------------------


def test_the_report_in_a_terminal_and_in_a_notebook():
    report = preflight(
        **load("sliced", [("F.cross_entropy(c_logits, cat)", "F.cross_entropy(c_logits.softmax(1), cat)")]).check()
    )
    text, table = repr(report), report._repr_html_()
    assert report.failed and text.startswith("preflight: ")
    for line in (
        "[FAULT] Softmax twice",
        "seen   ",
        "means  ",
        "write  ",
        "read   notebook 11_bug_clinic",
        "[passed] ",
        "[not tested] ",
    ):
        assert line in text
    assert "Softmax twice" in table and table.count("<table>") == 1 and "<script" not in table


def test_what_is_not_given_is_not_tested_and_said():
    given = load("heads").check()
    few = {name: given[name] for name in ("generator", "discriminator", "q", "read", "sample")}
    report = preflight(**few)
    untested = dict(report.untested)
    assert not report.failed
    assert untested["one optimiser for each weight"] == "give optimisers"
    assert untested["G gets a gradient from L_I, of the right sign and size"] == "give loss_g or step"
    assert untested["G uses the codes and the noise"] == "for trained models: pass trained=True"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sample": lambda n: torch.randn(n, 4)}, "expected draw(n) -> (input of G, {name: codes}), got (1024, 4)"),
        ({"sample": lambda n: (torch.randn(9, 10), {"label": torch.zeros(9)})}, "give 1024 values of code 'label'"),
        ({"read": None}, "q: its output is (64, 4), not {name: distribution}; give read="),
        ({"read": lambda out: {}}, "read: no distribution for code 'label'"),
        ({"discriminator": lambda x: (x, x)}, "discriminator: expected one score an image"),
        ({"optimisers": [3]}, "optimisers: expected a list of torch.optim optimisers"),
        ({"loss_g": lambda a: a}, "loss_g: expected a function of (fake, codes)"),
        ({"loss_g": lambda fake, codes: (fake, codes)}, "loss_g returned"),
        ({"real": [1, 2]}, "real: expected a batch of images"),
        ({"log": {"nobody": [0.0] * 20}}, "log: 'nobody' is no code of sample's; it has 'label'"),
        ({"step": 3}, "step: expected a function or a module, got int"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_one_clear_line(change, words):
    with pytest.raises(ValueError) as caught:
        preflight(**load("keras_like").check() | change)
    assert words in str(caught.value) and "\n" not in str(caught.value)


# -- The log -----------------------------------------------------------------------------------------

CAP = math.log(4) - math.log(1 + 3 / math.e)


@pytest.mark.parametrize(
    ("curve", "named"),
    [
        ([0.1 * i for i in range(13)] + [1.36] * 20, set()),
        ([0.01] * 30, {"log-flat"}),
        ([0.05 * i for i in range(12)] + [CAP] * 20, {"log-capped"}),
        ([0.2 * i for i in range(10)] + [1.9] * 20, {"log-above"}),
        ([0.1 * i for i in range(12)] + [0.05] * 20, {"log-fell"}),
        ([0.1 * i for i in range(10)] + [1.04] * 20, {"log-entrenched"}),
    ],
)
def test_a_log_of_readings(curve, named):
    given = load("keras_like").check()
    few = {name: given[name] for name in ("generator", "discriminator", "q", "read", "sample")}
    assert preflight(**few, log={"label": curve}).names == named


# -- After a training --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    module = load("keras_like")
    torch.manual_seed(0)
    module.train(120)
    return module.check() | {"trained": True}


def test_a_trained_model_in_health(trained):
    report = preflight(**trained)
    assert report.names == set() and "the fakes vary as the data do" in dict(report.passed), report


def held(generator, columns):
    """G as it were if it did not look at these columns of its input."""

    def images(latent):
        latent = latent.clone()
        latent[:, columns] = 0
        return generator(latent)

    return images


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda g: held(g, slice(6, 10)), "code-ignored"),
        (lambda g: held(g, slice(0, 6)), "noise-ignored"),
        (lambda g: lambda latent: 0.05 * g(latent) + 0.2, "collapse"),
    ],
)
def test_a_state_that_training_led_to(trained, change, named):
    few = {k: v for k, v in trained.items() if k not in ("step", "generate")}
    few["generator"] = change(trained["generator"])
    assert named in preflight(**few).names
    assert named not in preflight(**few | {"trained": False}).names  # a fresh G looks like this, and it means nothing


def test_a_sure_d_under_a_loss_that_goes_flat():
    scale = "class Scale(nn.Module):\n    def forward(self, x):\n        return 30 * x\n\n\nclass InfoGAN"
    flat = [("adversarial = self.bce(self.validity(features), torch.ones(batch_size, 1))",
             "adversarial = -self.bce(self.validity(features), torch.zeros(batch_size, 1))"),
            ("self.validity = nn.Linear(64, 1)", "self.validity = nn.Sequential(nn.Linear(64, 1), Scale())"),
            ("class InfoGAN", scale)]  # fmt: skip
    module = load("keras_like", flat)
    torch.manual_seed(0)
    module.train(20)
    model = module.model
    for _ in range(150):  # and then D alone, until it is sure
        real, fake = module.data[:64], model.generator(model.sample_latent(64)[0]).detach()
        score = model.validity(model.features(torch.cat([real, fake])))
        model.d_optimizer.zero_grad()
        model.bce(score, torch.cat([torch.ones(64, 1), torch.zeros(64, 1)])).backward()
        model.d_optimizer.step()
    assert "d-saturated" in preflight(**module.check(), trained=True).names


# -- The command -------------------------------------------------------------------------------------


def run(*arguments):
    """The command in this process: (exit status, what it printed)."""
    out, old = io.StringIO(), sys.argv
    sys.argv = ["infogan_lib", "preflight", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as end:
            runpy.run_module("infogan_lib", run_name="__main__")
    finally:
        sys.argv = old
    return end.value.code, out.getvalue()


def test_the_command(tmp_path):
    code, text = run(f"{FOREIGN / 'functional.py'}:check")
    assert code == 0 and text.startswith("preflight: 0 faults")
    sick = tmp_path / "sick.py"
    source = (FOREIGN / "functional.py").read_text(encoding="utf-8")
    sick.write_text(source.replace("mean() - sum(lower", "mean() + sum(lower"), encoding="utf-8")
    code, text = run(f"{sick}:check")
    assert code == 1 and "[FAULT] The sign of the term is wrong" in text
    assert run(f"{tmp_path / 'no.py'}:check") == (f"error: no file {tmp_path / 'no.py'}", "")
    assert run(f"{sick}:nothing")[0] == f"error: {sick} has no function 'nothing'"


def test_it_needs_torch_alone():
    code = "import sys, infogan_lib; infogan_lib.preflight; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"scipy", "matplotlib", "ipywidgets", "sklearn", "torchvision", "IPython"} & set(eval(loaded))
