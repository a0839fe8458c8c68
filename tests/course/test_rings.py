"""The ring and its game: the data are what they claim, each step moves one player, the recipes do what they are for."""

import base64
import html
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from infogan_lib.course import results
from infogan_lib.course.lessons import rings
from infogan_lib.course.lessons.ring_game import MOVES, RingButtons, picture
from infogan_lib.course.lessons.rings import Game
from infogan_lib.show import plots


def test_density_integrates_to_one_and_fits_the_samples():
    for modes in (range(8), (0,), (2, 5, 6)):
        density = rings.log_density(rings.grid(501).double(), modes).exp().sum() * (2 * rings.REACH / 500) ** 2
        assert density == pytest.approx(1, abs=1e-5)
    x = rings.sample(40_000, torch.Generator().manual_seed(0))
    # E[-ln p] of eight far modes: ln 8 for which, 1 + ln(2 pi sigma^2) for where.
    entropy = math.log(8) + 1 + math.log(2 * math.pi * rings.SIGMA**2)
    assert -rings.log_density(x).mean() == pytest.approx(entropy, abs=0.03)


def test_the_data_cover_all_modes_evenly():
    x = rings.sample(40_000, torch.Generator().manual_seed(0))
    share = rings.near(x).float().mean(0)
    within = 1 - math.exp(-9 / 2)  # a 2-d normal inside 3 sigma
    assert torch.allclose(share, torch.full((8,), within / 8), atol=0.008) and rings.covered(x).all()


def test_covered_needs_two_per_cent_close_by():
    c = rings.centres()
    points = torch.cat([c[0].expand(961, 2), c[1].expand(20, 2), c[2].expand(19, 2)])
    assert rings.covered(points).nonzero()[:, 0].tolist() == [0, 1]
    away = torch.tensor([4 * rings.SIGMA, 0.0])
    assert not rings.covered(c[0].expand(1000, 2) + away).any()


def test_grid_starts_at_the_top_left():
    grid = rings.grid(3)
    corners = torch.tensor([[-1.7, 1.7], [0, 1.7], [1.7, 1.7], [1.7, -1.7]])
    assert torch.allclose(grid[[0, 1, 2, -1]], corners)


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def test_each_step_moves_its_own_player_down_its_loss():
    game = Game(seed=3)
    for step, mover, still in (
        (game.d_step, game.discriminator, game.generator),
        (game.g_step, game.generator, game.discriminator),
    ):
        before = weights(mover).clone(), weights(still).clone()
        losses = [float(step()) for _ in range(60)]
        assert not torch.equal(before[0], weights(mover)) and torch.equal(before[1], weights(still))
        assert sum(losses[-10:]) < sum(losses[:10])


def test_first_losses_by_hand():
    game = Game(seed=4)
    twin = torch.Generator().manual_seed(4)
    generator, discriminator = rings.network(2, 2, twin), rings.network(2, 1, twin)
    torch.randn(1000, 2, generator=twin)
    real = rings.sample(128, twin)
    score_real, score_fake = discriminator(real), discriminator(generator(torch.randn(128, 2, generator=twin)))
    by_hand = -torch.log(torch.sigmoid(score_real)).mean() - torch.log(1 - torch.sigmoid(score_fake)).mean()
    assert float(game.d_step()) == pytest.approx(by_hand.item(), abs=1e-5)
    score = game.discriminator(game.generator(torch.randn(128, 2, generator=twin)))
    by_hand = F.binary_cross_entropy_with_logits(score, torch.ones(128, 1))
    assert float(game.g_step()) == pytest.approx(by_hand.item())


def test_a_seed_decides_all_and_torchs_own_state_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one, two, other = (list(Game(seed).play(20, 10)) for seed in (5, 5, 6))
    assert torch.equal(before, torch.get_rng_state())
    assert one == two and one != other and [r.round for r in one] == [10, 20]


def test_a_round_is_one_step_of_d_and_g_steps_of_g():
    game, hand = Game(1, g_steps=3), Game(1)
    list(game.play(2))
    for _ in range(2):
        hand.d_step()
        for _ in range(3):
            hand.g_step()
    assert torch.equal(weights(game.generator), weights(hand.generator)) and game.round == 2


@pytest.mark.parametrize("wrong", [{"g_steps": 0}, {"batch": 0}, {"lr_d": 0.0}, {"lr_g": -1.0}, {"objective": "x"}])
def test_bad_input_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Game(0, **wrong)


def test_the_default_recipe_covers_the_ring():
    """A seed of those it was tuned with, not one of those in the table."""
    (report,) = Game(seed=100).play(1000, every=1000)
    assert report.modes == 8 and report.near > 0.7


def test_the_table_shows_the_collapse_and_its_absence():
    rows = results.read("ring_modes")
    assert {(r["recipe"], r["seed"]) for r in rows} == {(k, str(s)) for k in ("even", "greedy") for s in range(5)}
    assert all(int(r["modes"]) == len(r["covered"].split()) for r in rows)
    late = {}
    for r in rows:
        if int(r["round"]) > 1000:
            late.setdefault((r["recipe"], r["seed"]), []).append(int(r["modes"]))
    assert all(set(modes) == {8} for (recipe, _), modes in late.items() if recipe == "even")
    collapsed = [recipe for (recipe, _), modes in late.items() if sum(modes) / len(modes) < 1]
    assert collapsed == ["greedy"] * 4  # the fifth got away, as notebook 01 says


def test_buttons_play_redraw_and_start_again():
    buttons = RingButtons(seed=2)
    first, twin = buttons.png, Game(seed=2)
    seen = {first}
    for name, (_, d, g) in MOVES.items():
        buttons.buttons[name].click()
        for i in range(max(d, g)):
            _ = twin.d_step() if i < d else None
            _ = twin.g_step() if i < g else None
        assert torch.equal(buttons.game.fakes(), twin.fakes())
        seen.add(buttons.png)
    assert len(seen) == 1 + len(MOVES) and all(png.startswith(b"\x89PNG") for png in seen)
    assert "111 steps of D, 111 of G" in buttons.status.value
    assert f'alt="{html.escape(picture(twin, "111 steps of D, 111 of G").alt)}"' in buttons.screen.value
    assert base64.b64encode(buttons.png).decode() in buttons.screen.value
    buttons.buttons["reset"].click()
    assert buttons.png == first and "0 steps of D" in buttons.status.value
    assert all(button.tooltip for button in buttons.buttons.values())


def test_the_pictures_words_say_what_is_covered():
    game = Game()
    game.fakes = lambda: rings.sample(1000, torch.Generator().manual_seed(0))
    assert "G covers 8 of 8 modes (number 0, 1, 2, 3, 4, 5, 6, 7); 99% of" in picture(game, "here").alt
    game.fakes = lambda: torch.zeros(1000, 2)
    assert "G covers 0 of 8 modes; 0%" in picture(game).alt


def test_a_field_has_its_line_of_one_half_where_the_value_is():
    side = torch.linspace(-2, 2, 41)
    values = torch.sigmoid(4 * (side.flip(0)[:, None] - 0.5)).expand(41, 41)  # 1/2 at y = 0.5, high above
    points = {"one": torch.tensor([[0.0, 1.0]]), "two": torch.tensor([[1.0, -1.0], [0.5, 0.5]])}
    picture = plots.fields([(values, points), (values.flip(0), points)], 2.0, ["up", "down"])
    for axes, where in zip(picture.axes[:2], (0.5, -0.5), strict=True):
        lines = [c for c in axes.collections if list(c.levels) == [0.5]]
        assert lines and all(np.allclose(c.get_paths()[0].vertices[:, 1], where, atol=0.06) for c in lines)
        assert [line.get_xydata().tolist() for line in axes.lines] == [xy.tolist() for xy in points.values()]
        assert len({line.get_marker() for line in axes.lines}) == 2  # shape as well as colour
    assert "one, two" in picture.alt and "up; down" in picture.alt


def test_the_benchmark_writes_a_row_for_each_count(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import notebooks as benchmark

    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["notebooks.py", "rings", "--recipes", "greedy", "--seeds", "7", "--rounds", "4", "--every", "2"]
    )
    benchmark.main()
    rows = results.read("ring_modes")
    assert [(r["recipe"], r["seed"], r["g_steps"], r["round"]) for r in rows] == [
        ("greedy", "7", "10", "2"),
        ("greedy", "7", "10", "4"),
    ]
    assert all("notebooks.py rings --recipes greedy --seeds 7" in r["command"] and r["commit"] for r in rows)
