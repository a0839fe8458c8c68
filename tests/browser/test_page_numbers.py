"""What the page computes, in a real Chromium, beside torch: G, Q, and the drawing that Q is shown."""

import random

import pytest
import torch
from paging import assert_same_reading, generate, read, with_its_weights

from infogan_lib import data
from infogan_lib.core.codes import Bernoulli, Categorical, Circular, Gaussian, Uniform
from infogan_lib.core.latent import LatentSpec, Noise
from infogan_lib.core.model import InfoGAN
from infogan_lib.data.images import to_float
from infogan_lib.show.page.packing import packed
from infogan_lib.show.widgets import strokes
from infogan_lib.training import weights

N = 300


@pytest.fixture
def page(opened):
    return opened()


# -- what it computes ----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "states"), [("mnist", "digit"), ("faces", "k3")])
def test_it_generates_and_reads_as_torch_does(opened, shown_models, name, states):
    page, model = opened(f"#model={name}"), shown_models[name]
    same = with_its_weights(model, packed(model))
    latent = model.spec.sample(N, torch.Generator().manual_seed(5))
    images = generate(page, name, latent.input)
    assert (images - same.generate(latent)).abs().max() < 1e-4  # of 2: the range of a pixel
    levels = 127.5 * (images - model.generate(latent)).abs()
    assert levels.mean() < 2 and levels.max() < 8
    shown = to_float(data.mnist("test").images[:N]) if name == "mnist" else model.generate(latent)
    found = read(page, name, shown)
    assert_same_reading(found, same.read(shown))
    answers = torch.tensor([one[states]["probs"] for one in found]).argmax(1)
    assert (answers == model.read(shown)[states].probs.argmax(1)).float().mean() >= 0.995


ALL_KINDS = [
    Categorical("k", 3),
    Uniform("u", low=0.0, high=3.0, view="blurred"),
    Gaussian("g", mean=2.0, std=0.5, sigma=0.3),
    Bernoulli("b", p=0.3),
    Circular("a", view="any-lean"),
    Uniform("v", sigma_floor=0.4),
]


def random_model(network, q_on="trunk", codes=ALL_KINDS):
    """Weights and statistics drawn so that every layer counts, and a norm left out or mixed up would show."""
    model = InfoGAN(network, LatentSpec(Noise(6, "uniform"), codes), q_on)
    generator = torch.Generator().manual_seed(len(network))
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.ndim > 1:
                tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=generator)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 2, generator=generator)
            elif tensor.is_floating_point():
                tensor.add_(torch.empty_like(tensor).normal_(0, 0.2, generator=generator))
    return model.eval()


OWN = {
    "mnist": "separate",
    "mnist-paper": "frozen",
    "dcgan-32-narrow": "trunk",
    "dcgan-28-no-norm": "trunk",
    "own-16-colour": "separate",
    "paper-32": "trunk",
    "mlp": "trunk",
}


def test_a_file_of_ones_own_shows_its_knobs_and_is_computed_rightly(page, tmp_path):
    for network, q_on in OWN.items():
        path = weights.save(random_model(network, q_on), tmp_path / f"my {network}.safetensors")
        page.set_input_files("input[type=file]", path)
        page.wait_for_selector(f".notice:has-text('{path.name} is open: 6 codes')", timeout=120_000)
        assert page.locator("#knobs .states").count() == 2 and page.locator("#knobs .slider").count() == 4
        model = weights.load(path)
        latent = model.spec.sample(13, torch.Generator().manual_seed(3))
        images = generate(page, path.stem, latent.input)
        assert (images - model.generate(latent)).abs().max() < 1e-4, network
        assert_same_reading(read(page, path.stem, images), model.read(images), 1e-3)


def test_without_webassembly_it_computes_the_same(page, shown_models):
    worker = page.evaluate("document.querySelector('#worker').textContent")
    plain = worker.replace("plain = false", "plain = true")
    assert plain != worker
    latent = shown_models["mnist"].spec.sample(7, torch.Generator().manual_seed(0))
    fast = generate(page, "mnist", latent.input)
    slow = page.evaluate(
        """async ([source, file, rows]) => {
            const worker = new Worker(URL.createObjectURL(new Blob([source])));
            const ask = question => new Promise((done, fail) => {
                worker.onmessage = ({data}) => data.error ? fail(new Error(data.error)) : done(data.answer);
                worker.postMessage({id: 1, ...question});
            });
            await ask({ask: 'know', known: JSON.parse(document.querySelector('#facts').textContent).known});
            await ask({ask: 'load', name: 'm', file: {data: Uint8Array.from(file).buffer, gzip: true}});
            return [...(await ask({ask: 'generate', latents: {m: Float32Array.from(rows)}})).images.m];
        }""",
        [plain, list(packed(shown_models["mnist"], reads=False)), latent.input.flatten().tolist()],
    )
    assert torch.allclose(torch.tensor(slow).view(-1, 1, 28, 28), fast, atol=1e-5)


# -- drawings ------------------------------------------------------------------------------------


def in_python(drawn, base):
    shown = strokes.picture(drawn, base)
    return [] if shown is None else shown.flatten().tolist()


def test_a_drawing_is_centred_as_the_notebooks_widget_centres_it(page):
    chance = random.Random(0)
    cases = [([], []), ([[[14.0, 14.0]]], []), ([[[0.0, 0.0], [28.0, 28.0]], []], []), ([[[3, 3], [3, 3]]], [])]
    for _ in range(60):
        spread = chance.choice([1, 6, 14])
        drawn = [
            [[14 + chance.uniform(-spread, spread) for _ in "xy"] for _ in range(chance.randint(1, 9))]
            for _ in range(chance.randint(1, 4))
        ]
        cases.append((drawn, []))
    digits = data.mnist("tune").images[:20]
    cases += [(chance.choice(cases[4:])[0], digit.flatten().tolist()) for digit in digits]
    cases += [([], digits[0].flatten().tolist())]
    small = torch.zeros(28, 28, dtype=torch.uint8)
    small[3:8, 20:23] = 200  # enlarged, not shrunk
    cases.append(([[[21.0, 4.0], [21.5, 6.0]]], small.flatten().tolist()))
    found = page.evaluate(
        "cases => cases.map(([drawn, base]) => [...(infogan.picture(drawn, base.length ? base : null) ?? [])])", cases
    )
    for (drawn, base), picture in zip(cases, found, strict=True):
        wanted = in_python(drawn, base)
        assert len(picture) == len(wanted)
        assert max((abs(a - b) for a, b in zip(picture, wanted, strict=True)), default=0) < 1e-4, (drawn, bool(base))


def test_100_test_digits_drawn_pixel_by_pixel_are_read_as_in_python(page, shown_models):
    """Every run of ink in a row of pixels is one short stroke, as a careful hand would fill the digit in."""
    model = with_its_weights(shown_models["mnist"], packed(shown_models["mnist"]))
    digits = data.mnist("test").images[:100, 0]
    page.click("#tab-draw")
    pixels, drawings = [], []
    for digit in digits:
        drawn = []
        for y, row in enumerate((digit > 127).tolist()):
            start = None
            for x, ink in enumerate([*row, False]):
                if ink and start is None:
                    start = x
                elif not ink and start is not None:
                    drawn.append([[start + 0.5, y + 0.5], [x - 0.5, y + 0.5]])
                    start = None
        drawings.append(drawn)
        pixels.append(digit.flatten().tolist())
    for cases in ([[drawn, []] for drawn in drawings], [[[], base] for base in pixels]):
        shown = torch.cat([strokes.picture(drawn, base) for drawn, base in cases])
        found = page.evaluate(
            """async cases => {
                const readings = [];
                for (const [drawn, base] of cases) {
                    const painted = new Promise(done => {
                        const one = ({detail}) => detail.what === 'draw' && done(one);
                        window.addEventListener('infogan-painted', one);
                    });
                    infogan.draw(drawn, base.length ? base : null);
                    window.removeEventListener('infogan-painted', await painted);
                    readings.push(infogan.reading);
                }
                return readings;
            }""",
            cases,
        )
        posterior = model.read(shown)
        assert_same_reading(found, posterior, 2e-3)
        answers = torch.tensor([one["digit"]["probs"] for one in found]).argmax(1)
        assert (answers == posterior["digit"].probs.argmax(1)).all()
