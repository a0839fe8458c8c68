"""The page as a file: what is put into it, and what is refused. `tests/browser/test_page.py` opens it."""

import gzip
import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from torch import nn

from infogan_lib import cli
from infogan_lib.core import networks, views
from infogan_lib.core.codes import Categorical, Uniform
from infogan_lib.core.latent import LatentSpec, Noise
from infogan_lib.core.model import InfoGAN
from infogan_lib.show import page
from infogan_lib.show.page import build, packing
from infogan_lib.show.page.bundle import bundle
from infogan_lib.training import weights

SPEC = LatentSpec(Noise(4), [Categorical("kind", 3), Uniform("c1")])


def manifest_of(model, **fields):
    model.manifest = {"recipe": fields}
    return model


@pytest.fixture(scope="module")
def shipped():
    return page.html({name: weights.load(name) for name in ("mnist", "mnist-control")})


# -- modules into one script ---------------------------------------------------------------------


def test_modules_come_in_the_order_in_which_they_are_needed(tmp_path):
    (tmp_path / "main.js").write_text('import { twice as two } from "./math/twice.js";\nwindow.answer = two(4);\n')
    (tmp_path / "math").mkdir()
    (tmp_path / "math" / "twice.js").write_text('import { ONE } from "../one.js";\nexport function twice(x) {}\n')
    (tmp_path / "one.js").write_text("export const ONE = 1;\nconst hidden = 2;\n")
    (tmp_path / "unused.js").write_text("nobody asks for this\n")
    script = bundle(tmp_path / "main.js")
    places = [script.index(word) for word in ("ONE = 1", "function twice", "window.answer")]
    assert places == sorted(places)
    assert "const { twice: two } = $math_twice;" in script and "unused" not in script
    assert not re.search(r"^(import|export)", script, re.MULTILINE)
    assert "return { ONE };" in script  # `hidden` stays in its own function


@pytest.mark.parametrize(
    "text",
    [
        'import * as all from "./one.js";',
        'import "./one.js";',
        "export default 3;",
        "export { a };",
        'const text = "</script>";',
        'import { a } from "./main.js";\nexport const a = 1;',
    ],
)
def test_what_cannot_be_put_into_a_script_is_refused(tmp_path, text):
    (tmp_path / "main.js").write_text(text)
    (tmp_path / "one.js").write_text("export const a = 1;")
    with pytest.raises(ValueError, match=r"main\.js"):
        bundle(tmp_path / "main.js")


# -- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", [0, 1])
def test_int8_is_off_by_half_a_step_of_its_own_channel(channel):
    weight = torch.randn(6, 5, 4, 4) * torch.logspace(-3, 1, 5 if channel else 6).view(
        (1, -1, 1, 1) if channel else (-1, 1, 1, 1)
    )
    whole, scale = packing.quantised(weight, channel)
    assert whole.dtype == torch.int8 and whole.abs().max() == 127
    others = [axis for axis in range(4) if axis != channel]
    assert torch.allclose(scale, weight.abs().amax(others, keepdim=True) / 127)
    assert ((whole * scale - weight).abs() <= scale / 2 * 1.001).all()


def test_a_channel_of_zeros_stays_zero():
    whole, scale = packing.quantised(torch.zeros(2, 3), 0)
    assert (whole == 0).all() and (scale > 0).all()


def test_a_control_goes_without_q_and_nobody_takes_d():
    model = weights.load("mnist")
    both, alone = (safetensors.torch.load(gzip.decompress(packing.packed(model, reads))) for reads in (True, False))
    parts = [{name.split(".")[0] for name in tensors} for tensors in (both, alone)]
    assert parts == [{"generator", "trunk", "q_head", "statistics"}, {"generator"}]
    large = [name for name, tensor in both.items() if tensor.numel() > packing.FINE]
    assert large and all(both[name].dtype == torch.int8 for name in large)


def test_the_layers_of_every_network_are_known():
    # In a Python of its own: other tests register networks here.
    code = "from infogan_lib.core.networks import NETWORKS; from infogan_lib.show.page import packing; "
    code += "print(sorted(NETWORKS) == sorted(packing.known()['networks']))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"


def test_the_views_say_how_far_they_blur():
    known = packing.known()["views"]
    assert (known["plain"], known["nudged"], known["any-lean"]) == (0, 0, 2.0)


def test_a_layer_or_view_that_a_page_cannot_run_is_named(monkeypatch):
    def odd(spec):
        parts = networks.NETWORKS["mlp"](spec)
        return replace(
            parts, generator=nn.Sequential(nn.Linear(spec.width, 784), nn.Softplus(), nn.Unflatten(1, (1, 28, 28)))
        )

    monkeypatch.setitem(networks.NETWORKS, "odd", odd)
    with pytest.raises(ValueError, match="Softplus"):
        page.html({"odd": InfoGAN("odd", SPEC)})
    assert "odd" not in packing.known()["networks"]
    monkeypatch.setitem(views.VIEWS, "upside-down", views.View(views.plain, lambda images: images.flip(2)))
    with pytest.raises(ValueError, match="upside-down"):
        page.html({"mlp": InfoGAN("mlp", LatentSpec(Noise(4), [Uniform("c1", view="upside-down")]))})


# -- the page ------------------------------------------------------------------------------------


def test_the_shipped_page_is_small_and_points_nowhere(shipped):
    assert len(shipped.encode()) < 6e6
    assert not re.search(r"@[A-Z]+@", shipped)
    allowed = ("http://www.w3.org/2000/svg", "https://webassembly.github.io/spec/core/binary/")
    found = {address for address in re.findall(r"https?://[^\s\"'`<>)]+", shipped)}
    assert found <= set(allowed)
    assert "default-src 'none'" in shipped and "connect-src" not in shipped


def test_a_control_stands_beside_its_model(shipped):
    facts = json.loads(re.search(r'id="facts">(.*?)</script>', shipped, re.DOTALL)[1])
    assert facts["models"] == [
        {"name": "mnist", "control": "mnist-control", "alone": False},
        {"name": "mnist-control", "control": None, "alone": True},
    ]


def test_only_a_model_of_the_same_codes_has_a_control():
    made = manifest_of(InfoGAN("mlp", SPEC), lambda_g={"kind": 1.0, "c1": 0.3})
    other = manifest_of(InfoGAN("mlp", LatentSpec(Noise(4), [Uniform("c1")])), lambda_g=0.0)
    control = manifest_of(InfoGAN("mlp", SPEC), lambda_g={"kind": 0.0, "c1": 0.0})
    plain = manifest_of(InfoGAN("mlp", LatentSpec(Noise(4))), lambda_g=0.0)
    assert build.control_of({"a": other, "b": plain, "c": control, "d": made}) == {"c": "d"}


def test_the_command_writes_the_page_and_says_how_large_it_is(tmp_path, capsys):
    weights.save(InfoGAN("mlp", SPEC), tmp_path / "mine.safetensors")
    out = tmp_path / "new" / "mine.html"
    course = "https://example.org/course/"
    cli.main(["page", str(tmp_path / "mine.safetensors"), "--out", str(out), "--notebooks", course])
    assert re.search(r"mine\.html written: \d\.\d MB", capsys.readouterr().out)
    text = out.read_text(encoding="utf-8")
    assert 'data-model="mine"' in text and '"notebooks":"https://example.org/course"' in text


def test_a_mistake_leaves_the_old_page(tmp_path):
    out = tmp_path / "page.html"
    out.write_text("old")
    (tmp_path / "a").mkdir()
    for folder in (tmp_path, tmp_path / "a"):
        weights.save(InfoGAN("mlp", SPEC), folder / "mine.safetensors")
    twice = [str(tmp_path / "mine.safetensors"), str(tmp_path / "a" / "mine.safetensors")]
    for arguments, word in ((twice, "two models are called 'mine'"), (["nobody"], "no model 'nobody' ships")):
        with pytest.raises(SystemExit, match=word):
            cli.main(["page", *arguments, "--out", str(out)])
    assert out.read_text() == "old"
    with pytest.raises(ValueError, match="at least one model"):
        page.html({})


def test_a_name_cannot_break_out_of_the_page():
    text = page.html({'x"></script><b>': InfoGAN("mlp", SPEC)})
    assert "<b>" not in text


# -- colours -------------------------------------------------------------------------------------


def themes():
    css = (build.HERE / "page.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root[^{]*\{([^}]*)\}", css)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", block)) for block in (light, dark)]


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("on", ["surface", "ground"])
def test_text_stands_out_by_wcags_measure(theme, on):
    colours = themes()[theme]
    for name in ("text", "muted", "accent", "code", "q", "d", "g", "control", "noise", "alarm", "zone-line"):
        one, two = sorted((luminance(colours[name]), luminance(colours[on])))
        assert (two + 0.05) / (one + 0.05) >= 4.5, name
