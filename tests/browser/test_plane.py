"""The plane, where an InfoGAN learns in the page: its gradients beside torch's, its buttons, and what it shows."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from paging import until

from infogan_lib import Categorical, LatentSpec, Noise, Uniform, lower_bound
from infogan_lib.core import objectives
from infogan_lib.core.bound import weighted
from infogan_lib.show.page.build import PLANE
from infogan_lib.show.page.bundle import bundle

K, N = 3, 64
SPEC = LatentSpec(Noise(8), [Categorical("state", k=K), Uniform("c1")])
WEIGHTS = {"state": 1.0, "c1": 0.1}
GAME = """([view, lambda, warm]) => {
  const made = new game.Game({ seed: 3, distribution: data.DISTRIBUTIONS.rings, states: 3, view, batch: 64 });
  for (let i = 0; i < warm; i++) { made.dStep(); made.gStep(lambda); }
  const latent = made.latent(64), real = made.real(64), fakes = [...made.fakes(latent)];
  const shown = { input: [...latent.input], state: [...latent.state], c1: [...latent.amount], real: [...real], fakes };
  const before = { D: [...made.D.weights], G: [...made.G.weights], sizes: { D: made.D.sizes, G: made.G.sizes } };
  const d = made.dStep(real, latent);
  const left = () => ({ D: [...made.D.weights], G: [...made.G.weights] });
  const dStep = { ...d, seen: [...made.D.values[0].slice(0, 4 * 64)], slopes: [...made.D.slopes], ...left() };
  const g = made.gStep(lambda, latent);
  const gStep = { ...g, seen: [...made.D.values[0].slice(0, 2 * 64)], slopes: [...made.G.slopes], ...left() };
  return { shown, before, dStep, gStep };
}"""
BARE = """<!doctype html><html lang="en" data-ready data-theme="light"><title>The plane</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ margin: 0 }} {style}</style>
<section id="learn"></section><script type="module">{script}
Object.assign(window, {{ game: $plane_game, nets: $plane_nets, data: $plane_data }});
$plane_plane.mount(document.querySelector("#learn"), {{ seed: 0 }});
</script></html>"""
PLAY = "n => learn.plane.play(n)"
STATE = "({ D: [...learn.plane.game.D.weights], G: [...learn.plane.game.G.weights] })"
ROUNDS = "[learn.plane.game.stepsD, learn.plane.game.stepsG]"
PURITY = "learn.plane.numbers.map(part => part.pure)"


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    path = tmp_path_factory.mktemp("plane") / "plane.html"
    style = (PLANE / "plane.css").read_text(encoding="utf-8")
    path.write_text(BARE.format(style=style, script=bundle(PLANE / "plane.js")), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def plane(opened, bare):
    """plane(**context): the part alone in a page, from its file, with the network cut; a fault fails the test."""

    def open_it(**options):
        page = opened(address=bare, **options)
        until(page, "document.querySelector('#learn').plane !== undefined")
        return page

    return open_it


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def set_lambda(page, value):
    page.locator(".plane-lambda input").fill(str(value))


# -- beside torch --------------------------------------------------------------------------------


def mlp(flat, sizes, x):
    """The network of `nets.js` with its weights in one row: linear layers, a leaky ReLU between them."""
    start = 0
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        weight = flat[start : start + inputs * outputs].view(outputs, inputs)
        start += inputs * outputs
        x = F.linear(F.leaky_relu(x, 0.2) if i else x, weight, flat[start : start + outputs])
        start += outputs
    assert start == len(flat)
    return x


def look(x, view):
    """A view, written again: the point moved onto the unit circle, or turned onto the first axis."""
    r = (x.square().sum(1, keepdim=True) + 0.01).sqrt()
    return {"point": x, "angle": x / r, "radius": torch.cat([r, torch.zeros_like(r)], 1)}[view]


def read(out_plain, out_view):
    return out_plain[:, 0], {
        "state": SPEC.codes[0].posterior(out_view[:, 1 : 1 + K]),
        "c1": SPEC.codes[1].posterior(out_view[:, 1 + K :]),
    }


def close(found, expected, tolerance=1e-4):
    found, expected = torch.as_tensor(found, dtype=torch.float64), torch.as_tensor(expected, dtype=torch.float64)
    assert expected.abs().max() > 0
    assert (found - expected).abs().max() <= tolerance * expected.abs().max()


@pytest.mark.parametrize("warm", [0, 20])
@pytest.mark.parametrize("view", ["point", "angle", "radius"])
def test_both_steps_have_the_gradients_that_torch_has(plane, view, warm):
    lam = 0.7
    found = plane().evaluate(GAME, [view, lam, warm])
    shown, before, d_step, g_step = found["shown"], found["before"], found["dStep"], found["gStep"]
    tensor = {k: torch.tensor(v, dtype=torch.float64) for k, v in shown.items()}
    latent = {"state": tensor["state"].long(), "c1": tensor["c1"]}
    game = objectives.get("non_saturating")

    def nats(posterior):
        return lower_bound(SPEC, posterior, latent)

    def told(step, found_nats):
        close([step["nats"]["state"], step["nats"]["amount"]], [v.mean().item() for v in found_nats.values()])

    # D's step, on the points as D saw them: the fakes are numbers there, so nothing reaches G.
    d = torch.tensor(before["D"], dtype=torch.float64, requires_grad=True)
    seen = torch.tensor(d_step["seen"], dtype=torch.float64).view(2, N, 2)
    moved = (seen - torch.stack([tensor["real"], tensor["fakes"]]).view(2, N, 2)).std()
    assert 0.15 < moved < 0.25  # instance noise
    run = lambda flat, x: mlp(flat, before["sizes"]["D"], x)  # noqa: E731
    score, posterior = read(run(d, seen[1]), run(d, look(seen[1], view)))
    loss = game.d_loss(run(d, seen[0])[:, 0], score)
    (loss - weighted(nats(posterior), WEIGHTS)).backward()
    close(d_step["loss"], loss.item())
    told(d_step, nats(posterior))
    close(d_step["slopes"], d.grad)
    assert d_step["G"] == before["G"] and d_step["D"] != before["D"]

    # G's step, through the D that D's step left; the same instance noise, as a number.
    g = torch.tensor(before["G"], dtype=torch.float64, requires_grad=True)
    d = torch.tensor(d_step["D"], dtype=torch.float64)
    fakes = mlp(g, before["sizes"]["G"], tensor["input"].view(N, -1))
    close(shown["fakes"], fakes.detach().flatten())
    x = fakes + (torch.tensor(g_step["seen"], dtype=torch.float64).view(N, 2) - fakes.detach())
    score, posterior = read(run(d, x), run(d, look(x, view)))
    loss = game.g_loss(score)
    (loss - weighted(nats(posterior), {name: lam * weight for name, weight in WEIGHTS.items()})).backward()
    close(g_step["loss"], loss.item())
    told(g_step, nats(posterior))
    close(g_step["slopes"], g.grad)
    assert g_step["D"] == d_step["D"] and g_step["G"] != d_step["G"]


def test_adam_moves_the_weights_as_torch_does(plane):
    slopes = torch.randn(5, 40, generator=torch.Generator().manual_seed(0)) * torch.logspace(-4, 1, 40)
    found = plane().evaluate(
        """rows => {
          const net = new nets.Net([4, 8], new nets.Random(1)), adam = new nets.Adam(net, 0.003);
          const start = [...net.weights];
          return { start, after: rows.map(row => { net.slopes.set(row); adam.step(); return [...net.weights]; }) };
        }""",
        slopes.tolist(),
    )
    weights = torch.nn.Parameter(torch.tensor(found["start"]))
    adam = torch.optim.Adam([weights], lr=0.003, betas=(0.5, 0.999))
    for row, after in zip(slopes, found["after"]):
        weights.grad = row
        adam.step()
        close(torch.tensor(after) - torch.tensor(found["start"]), (weights.detach() - torch.tensor(found["start"])))


def test_random_numbers_have_the_moments_of_their_kind(plane):
    uniform, normal, below = plane().evaluate(
        "() => { const r = new nets.Random(5), many = f => Array.from({ length: 20000 }, f);"
        " return [many(() => r.uniform()), many(() => r.normal()), many(() => r.below(8))]; }"
    )
    assert min(uniform) >= 0 and max(uniform) < 1
    for values, mean, var in ((uniform, 0.5, 1 / 12), (normal, 0.0, 1.0), (below, 3.5, 63 / 12)):
        values = torch.tensor(values, dtype=torch.float64)
        assert abs(values.mean() - mean) < 0.03 * max(var, 1) and abs(values.var() / var - 1) < 0.05
    assert abs(torch.tensor(normal).pow(4).mean() - 3) < 0.3


# -- what it shows -------------------------------------------------------------------------------


def test_colours_stay_mixed_at_lambda_0_and_take_a_mode_each_once_lambda_leaves_it(plane):
    page = plane()
    assert "plain GAN" in page.inner_text(".plane-lambda")
    page.evaluate(PLAY, 500)
    (mixed,) = page.evaluate(PURITY)
    assert mixed < 0.35
    assert page.inner_text(".plane-number output") == f"{mixed:.2f}"
    set_lambda(page, 1)
    assert "InfoGAN" in page.inner_text(".plane-lambda")
    page.evaluate(PLAY, 900)
    (pure,) = page.evaluate(PURITY)
    assert pure >= 0.9
    assert 1.7 < page.evaluate("learn.plane.nats.state") < 2.08
    assert "1400 rounds" in page.get_attribute("canvas", "aria-label")


def test_what_q_sees_decides_what_a_code_means_on_two_rings(plane):
    page = plane()
    set_lambda(page, 1)
    page.click("text=two rings")
    assert page.evaluate("learn.plane.game.states") == 2
    found = {}
    for view in ("direction", "distance"):
        page.locator("label", has_text=view).click()
        page.evaluate(PLAY, 700)
        found[view] = page.evaluate(PURITY)  # by ring, by direction
    assert found["direction"][0] < 0.75 < 0.95 < found["direction"][1]
    assert found["distance"][1] < 0.75 < 0.9 < found["distance"][0]


def test_purity_counts_in_whichever_direction_there_are_enough_modes(plane):
    count = """([modes, states, rows]) => data.purity({ count: modes, of: x => x },
      Float32Array.from(rows.flatMap(r => [r[0], 0])), rows.map(r => r[1]), rows.length, states)"""
    page = plane()
    rows = [[0, 0], [0, 0], [0, 1], [1, 1], [1, 1], [1, 1], [1, 0], [1, 1]]  # (mode, state)
    found = page.evaluate(count, [2, 2, rows])
    assert found["pure"] == pytest.approx(6 / 8) and found["covered"] == 2
    fewer = page.evaluate(count, [1, 2, [[0, 0], [0, 1]]])
    assert fewer["pure"] == 1 and fewer["byMode"] == 0.5


# -- its buttons ---------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_numbers_whichever_way_it_is_played(plane):
    page = plane()
    press(page, "Train")
    until(page, f"{ROUNDS}[1] > 3")
    press(page, "Pause")
    rounds, trained = page.evaluate(ROUNDS), page.evaluate(STATE)
    assert rounds[0] == rounds[1]
    page.wait_for_timeout(200)
    assert page.evaluate(ROUNDS) == rounds  # paused
    press(page, "Reset")
    assert page.evaluate(ROUNDS) == [0, 0]
    page.evaluate(PLAY, rounds[1])
    assert page.evaluate(STATE) == trained
    press(page, "next seed")
    page.evaluate(PLAY, rounds[1])
    assert page.evaluate(STATE) != trained
    page.get_by_label("Seed").fill("0")
    page.keyboard.press("Enter")
    page.evaluate(PLAY, rounds[1])
    assert page.evaluate(STATE) == trained


def test_a_step_moves_its_own_player_and_says_so(plane):
    page = plane()
    set_lambda(page, 0.5)
    start = page.evaluate(STATE)
    press(page, "Step D")
    one = page.evaluate(STATE)
    assert one["D"] != start["D"] and one["G"] == start["G"] and page.evaluate(ROUNDS) == [1, 0]
    assert "D's step" in page.inner_text("[aria-live=polite]")
    before = page.evaluate("document.querySelector('canvas').toDataURL()")
    press(page, "Step G")
    two = page.evaluate(STATE)
    assert two["D"] == one["D"] and two["G"] != one["G"] and page.evaluate(ROUNDS) == [1, 1]
    assert "Dashed" in page.inner_text(".plane-now")
    assert page.evaluate("document.querySelector('canvas').toDataURL()") != before


def test_slow_motion_takes_one_step_at_a_time_first_of_d_then_of_g(plane):
    page = plane()
    page.get_by_label("slow motion").check()
    press(page, "Train")
    seen = page.evaluate(
        """async () => { const game = learn.plane.game, seen = [];
          while (seen.length < 3) {
            const steps = [game.stepsD, game.stepsG];
            if (String(steps) !== String(seen[seen.length - 1]?.steps)) seen.push({ steps, at: performance.now() });
            await new Promise(requestAnimationFrame);
          }
          return seen; }"""
    )
    (d, g), *later = [one["steps"] for one in seen]
    assert d - g in (0, 1)
    for steps in later:
        d, g = (d + 1, g) if d == g else (d, g + 1)
        assert steps == [d, g]
    assert seen[2]["at"] - seen[1]["at"] > 600  # ms


def test_nothing_runs_while_the_part_is_hidden(plane):
    page = plane()
    press(page, "Train")
    until(page, f"{ROUNDS}[1] > 0")
    page.evaluate("learn.hidden = true")
    page.wait_for_timeout(200)
    rounds = page.evaluate(ROUNDS)
    page.wait_for_timeout(300)
    assert page.evaluate(ROUNDS) == rounds
    page.evaluate("learn.hidden = false")
    until(page, f"{ROUNDS}[1] > {rounds[1]}")


def test_a_frame_holds_no_more_than_ten_milliseconds_of_learning(plane):
    page = plane()
    page.evaluate("() => { let now = 0; performance.now = () => (now += 4); }")  # each look at the clock takes 4 ms
    press(page, "Train")
    most = page.evaluate(
        """async () => { let most = 0, before = learn.plane.game.stepsG;
          for (let i = 0; i < 12; i++) {
            await new Promise(requestAnimationFrame);
            most = Math.max(most, learn.plane.game.stepsG - before);
            before = learn.plane.game.stepsG;
          }
          return most; }"""
    )
    assert most == 3
    set_lambda(page, 0.35)
    assert page.inner_text(".plane-lambda output") == "0.35"


@pytest.mark.parametrize("hand", ["mouse", "keys"])
def test_a_distribution_is_drawn_a_stroke_a_mode(plane, hand):
    page = plane()
    page.click("text=your own")
    assert "Draw" in page.inner_text(".plane-now")
    press(page, "Train")  # nothing to learn yet
    assert page.evaluate("learn.plane.running") is False
    if hand == "mouse":
        box = page.locator("canvas").bounding_box()
        at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
        for x in (0.2, 0.5, 0.8):
            page.mouse.move(*at(x, 0.3))
            page.mouse.down()
            page.mouse.move(*at(x, 0.7), steps=5)
            page.mouse.up()
    else:
        page.focus("canvas")
        for key in ["ArrowLeft"] * 8 + [" "] + ["ArrowUp"] * 4 + [" "] + ["ArrowRight"] * 8:
            page.keyboard.press(key)
        for key in [" ", "ArrowDown", "ArrowDown", " "] * 2:
            page.keyboard.press(key)
    assert page.evaluate("learn.plane.game.states") == 3
    assert page.evaluate("learn.plane.numbers[0].count") == 3
    page.evaluate(PLAY, 3)
    press(page, "take back a stroke")
    assert page.evaluate("[learn.plane.game.states, learn.plane.numbers[0].count, learn.plane.game.stepsG]") == [
        2,
        2,
        0,
    ]
    press(page, "clear")
    assert "Draw" in page.inner_text(".plane-now")
    page.click("text=moons")
    page.evaluate(PLAY, 2)


@pytest.mark.parametrize("typed, kept", [("-3", 0), ("123456", 9999), ("", 0), ("2.6", 3)])
def test_a_seed_out_of_range_becomes_the_nearest_one(plane, typed, kept):
    page = plane()
    page.get_by_label("Seed").fill("5")
    page.get_by_label("Seed").fill(typed)
    page.keyboard.press("Enter")
    assert page.get_by_label("Seed").input_value() == str(kept)


def test_keys_choose_and_every_control_has_a_name(plane):
    page = plane()
    page.get_by_role("radio", name="8", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("learn.plane.game.states") == 7
    names = page.evaluate(
        "[...document.querySelectorAll('input, button')].map(e => e.labels?.[0]?.textContent || e.textContent)"
    )
    assert all(name and name.strip() for name in names)


def test_with_reduced_motion_the_picture_changes_once_a_second(plane):
    page = plane(reduced_motion="reduce")
    press(page, "Train")
    until(page, f"{ROUNDS}[1] > 2")
    changes = page.evaluate(
        """async () => { const canvas = document.querySelector("canvas"), seen = new Set();
          const end = performance.now() + 900;
          while (performance.now() < end) { seen.add(canvas.toDataURL()); await new Promise(requestAnimationFrame); }
          return seen.size; }"""
    )
    assert changes <= 3


@pytest.mark.parametrize("width, height", [(1280, 720), (390, 844)])
def test_it_fits_its_window(plane, width, height):
    page = plane(viewport={"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("canvas").bounding_box()
    assert abs(box["width"] - box["height"]) < 1
    assert box["y"] + box["height"] <= height


def test_it_is_a_part_of_the_page(opened):
    page = opened()
    page.click("#tab-learn")
    until(page, "document.querySelector('#learn').plane !== undefined")
    press(page, "Step D")
    page.click("#tab-knobs")
    assert page.evaluate("document.querySelector('#learn').plane.game.stepsD") == 1
