"""The explorer, through its traits and buttons, as a browser would move them."""

import io
import itertools
import math
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from PIL import Image

from infogan_lib import Bernoulli, Categorical, Circular, LatentSpec, Noise, Uniform
from infogan_lib.data import ROOT
from infogan_lib.show.widgets import LatentExplorer, controls
from infogan_lib.show.widgets.knobs import LAYOUTS
from infogan_lib.training import weights

CODES = [Categorical("kind", 3), Uniform("c1"), Circular("turn"), Bernoulli("glasses"), Categorical("many", 12)]
SPEC = LatentSpec(Noise(4), CODES)
RANGE = {"kind": [0, 1, 2], "c1": [-2, -0.6, 0.4, 2], "turn": [-3, -1, 1, 3], "glasses": [0, 1], "many": [0, 5, 11]}


def model(spec=SPEC, seed=1):
    """An untrained model, with a G loud enough that every code shows in eight bits."""
    made = tiny.build(spec=spec)
    made.initialise(seed)
    with torch.no_grad():
        for module in made.generator:
            if isinstance(module, torch.nn.Linear):
                module.weight *= 15
    return made.eval()


@pytest.fixture
def explorer(tmp_path):
    return LatentExplorer(model(), noise_sliders=(2,), folder=tmp_path)


@pytest.fixture(scope="module")
def mnist():
    return weights.load("mnist")


def shown(explorer):
    """What the browser was sent: the pixels of the PNG."""
    return np.asarray(Image.open(io.BytesIO(explorer._stage.screens[0].png)))


def changes(explorer, name, values):
    pictures = []
    for value in values:
        explorer.controls[name].value = value
        assert explorer.message.value == ""
        pictures.append(explorer.picture.tobytes())
    return len(set(pictures)) == len(values)


# -- controls ----------------------------------------------------------------------------------------


def test_each_kind_of_code_has_its_control(explorer):
    c = explorer.controls
    assert list(c) == ["kind", "c1", "turn", "glasses", "many", "z2"]
    assert all(isinstance(c[name], controls.Choice) for name in ("kind", "glasses", "many"))
    assert isinstance(c["turn"], controls.Dial) and all(isinstance(c[n], controls.Slider) for n in ("c1", "z2"))
    assert (c["c1"].ends, c["c1"].zone, c["z2"].ends) == ([-2, 2], [-1, 1], [-3, 3])
    assert (c["kind"].menu, c["many"].menu) == (False, True) and c["glasses"].options == ["no", "yes"]


@pytest.mark.parametrize("view", LAYOUTS)
@pytest.mark.parametrize("name", [*RANGE, "z2"])
def test_every_control_moves_the_picture_in_every_view(explorer, view, name):
    """But for a code whose every state is in the picture already: then only the frame moves."""
    explorer.tools.view.value = LAYOUTS.index(view)
    assert changes(explorer, name, RANGE.get(name, [-3, -1.5, 0.2, 3]))


def test_all_combinations_draw(explorer):
    names = list(RANGE)
    pictures = set()
    for values in itertools.product(*([v[0], v[-1]] for v in RANGE.values())):
        explorer.set(**dict(zip(names, values)))
        pictures.add(explorer.picture.tobytes())
        assert explorer.values.items() >= dict(zip(names, values)).items()
    assert len(pictures) == 2 ** len(names)


def test_the_shipped_model_follows_its_sliders_and_q_follows_it(mnist):
    explorer = LatentExplorer(mnist)
    assert changes(explorer, "digit", range(10))
    for name in ("c1", "c2"):
        assert changes(explorer, name, np.linspace(-2, 2, 21).tolist())
        explorer.set(**{name: 0})
    for digit in range(10):
        explorer.set(digit=digit)
        said = explorer.reading.split("digit: ")[1]
        assert said.startswith(f"{digit} with ") and f"set to {digit}" in said


def test_what_is_sent_is_what_is_shown(explorer):
    explorer.set(c1=1.5)
    assert (shown(explorer) == explorer.picture[:, :, 0]).all()
    explorer.tools.view.value = 1
    assert (shown(explorer) == explorer.picture).all()
    assert "c1 1.5" in explorer._stage.screens[0].alt and "5 rows" in explorer._stage.screens[0].alt


def test_a_plain_gan_is_turned_by_its_noise():
    explorer = LatentExplorer(model(LatentSpec(Noise(4))))
    assert list(explorer.values) == ["z0", "z1", "z2", "z3"]
    assert changes(explorer, "z3", [-3, 0, 3]) and "no codes" in explorer.reading


# -- from code ---------------------------------------------------------------------------------------


def test_set_turns_several_knobs_and_draws_once(explorer, monkeypatch):
    drawn = []
    show = explorer._stage.show
    monkeypatch.setattr(explorer._stage, "show", lambda values, look: drawn.append(values) or show(values, look))
    explorer.set(kind=2, c1=1.2, turn=math.tau + 1, glasses=1)
    assert len(drawn) == 1
    assert explorer.values == pytest.approx({"kind": 2, "c1": 1.2, "turn": 1, "glasses": 1, "many": 0, "z2": 0})


@pytest.mark.parametrize(
    "values, error",
    [({"kind": 3}, ValueError), ({"c9": 0}, KeyError), ({"c1": 2.5}, ValueError), ({"c1": "x"}, TypeError)],
)
def test_set_refuses_and_leaves_everything_as_it_was(explorer, values, error):
    before, picture = explorer.values, explorer.picture
    with pytest.raises(error):
        explorer.set(glasses=1, **values)
    assert explorer.values == before and (explorer.picture == picture).all()


def test_a_snapshot_takes_the_models_place_and_the_controls_stay(explorer):
    explorer.set(kind=1, c1=-1.3)
    before, values = explorer.picture, explorer.values
    snapshot = model(seed=2)
    worker = threading.Thread(target=lambda: setattr(explorer, "model", snapshot))
    worker.start()
    worker.join()
    assert explorer.model is snapshot and explorer.values == values
    assert (explorer.picture != before).any()
    fresh = LatentExplorer(snapshot, noise_sliders=(2,))
    fresh.set(**values)
    assert (explorer.picture == fresh.picture).all()
    with pytest.raises(ValueError, match=r"explorer\.model"):
        explorer.model = tiny.build()


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        ({"view": "wide"}, ValueError, "unknown view"),
        ({"rows": 0}, ValueError, "rows"),
        ({"noise_seed": -1}, ValueError, "noise_seed"),
        ({"captions": ["one", "too many"]}, ValueError, "captions"),
        ({"across": "c7"}, KeyError, "c7"),
        ({"labels": {"kind": ["a", "b"]}}, ValueError, "3 states"),
        ({"beside": "mnist"}, TypeError, "InfoGAN"),
        ({"beside": tiny.build(spec=LatentSpec(Noise(5), CODES))}, ValueError, "same noise"),
        ({"beside": tiny.build(spec=LatentSpec(Noise(4), [Uniform("other")]))}, ValueError, "same noise"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        LatentExplorer(model(), **arguments)


def test_a_model_without_anything_to_turn_is_refused():
    with pytest.raises(ValueError, match="nothing to turn"):
        LatentExplorer(model(LatentSpec(Noise(4))), noise_sliders=())


# -- two models --------------------------------------------------------------------------------------


def test_two_models_share_the_controls():
    left, right = model(), model(seed=5)
    both = LatentExplorer(left, beside=right, captions=["InfoGAN", "control"])
    assert [screen.caption for screen in both._stage.screens] == ["InfoGAN", "control"]
    both.set(c1=1.7, kind=2)
    alone = [LatentExplorer(m) for m in (left, right)]
    for one in alone:
        one.set(c1=1.7, kind=2)
    assert (both.picture[:, :8] == alone[0].picture).all() and (both.picture[:, -8:] == alone[1].picture).all()
    assert both.reading == alone[0].reading + alone[1].reading


def test_views_do_not_matter_for_who_stands_beside_whom():
    seen = LatentSpec(Noise(4), [replace(code, view="moved") for code in CODES])
    both = LatentExplorer(model(seen), beside=model())
    both.model = model(seed=3)
    assert LatentExplorer(model(), beside=model(seen)).values == both.values


def test_a_plain_gan_may_stand_beside():
    both = LatentExplorer(model(), beside=model(LatentSpec(Noise(4))))
    before = both.picture
    both.set(c1=2)
    assert (both.picture[:, :8] != before[:, :8]).any() and (both.picture[:, -8:] == before[:, -8:]).all()


# -- noise, play, reset, save ------------------------------------------------------------------------


def test_the_same_seed_is_the_same_noise(explorer):
    first = explorer.picture
    explorer.tools.new_noise.click()
    other = explorer.picture
    assert explorer.tools.seed.value == 1 and (first != other).any()
    explorer.tools.seed.value = 0
    assert (explorer.picture == first).all()


def test_noise_that_is_not_held_changes_with_every_move(explorer):
    explorer.tools.hold.value = False
    for i in (1, 2, 3):
        explorer.controls["c1"].value = i / 10
        assert explorer.tools.seed.value == i
    held = LatentExplorer(model(), noise_sliders=(2,), noise_seed=3)
    held.set(c1=0.3)
    assert (explorer.picture == held.picture).all()


def test_playing_sweeps_the_chosen_code_and_stopping_leaves_it(explorer):
    tools = explorer.tools
    tools.played.value = list(explorer.controls).index("c1")
    explorer.set(c1=1.2)
    start = explorer.values["c1"]
    tools.play.click()
    assert tools.player.playing and "stop" in tools.play.description
    seen, pictures = [], set()
    for i in range(tools.player.max + 1):
        tools.player.value = i
        seen.append(explorer.values["c1"])
        pictures.add(explorer.picture.tobytes())
    assert (min(seen), max(seen)) == (-2, 2) and len(pictures) > 20
    assert np.abs(np.diff([start, *seen])).max() < 0.2
    last = explorer.values
    tools.play.click()
    tools.player.value = 0  # what the browser does on stopping
    assert not tools.player.playing and "play" in tools.play.description and explorer.values == last


@pytest.mark.parametrize("name", ["kind", "turn", "glasses", "many"])
def test_every_kind_of_code_plays(explorer, name):
    explorer.tools.played.value = list(explorer.controls).index(name)
    explorer.tools.player.playing = True
    seen = set()
    for i in [*range(explorer.tools.player.max + 1), 0]:
        explorer.tools.player.value = i
        seen.add(explorer.values[name])
    assert len(seen) == len(SPEC[name].sweep(24)) and explorer.message.value == ""


def test_reset_brings_everything_back(explorer):
    values, picture = explorer.values, explorer.picture
    explorer.set(kind=2, c1=1.1, turn=2, z2=-1)
    explorer.tools.hold.value = False
    explorer.tools.new_noise.click()
    explorer.tools.player.playing = True
    explorer.tools.reset.click()
    assert explorer.values == values and (explorer.picture == picture).all()
    assert explorer.tools.hold.value and not explorer.tools.player.playing and explorer.tools.seed.value == 0


def test_saving_says_where_and_overwrites_nothing(explorer, tmp_path):
    (tmp_path / "latent-001.png").write_text("mine")
    explorer.tools.save_png.click()
    explorer.tools.save_png.click()
    explorer.tools.save_gif.click()
    assert (tmp_path / "latent-001.png").read_text() == "mine"
    kept = np.asarray(Image.open(tmp_path / "latent-002.png"))
    assert (kept[::70, ::70] == explorer.picture[:, :, 0]).all()
    assert {p.name for p in tmp_path.iterdir()} == {f"latent-00{n}" for n in ("1.png", "2.png", "3.png", "1.gif")}
    assert "latent-001.gif" in explorer.message.value and "download=" in explorer.message.value
    film = Image.open(tmp_path / "latent-001.gif")
    assert film.n_frames > 20


def test_a_gif_is_of_one_model_though_a_training_sets_another_meanwhile(explorer):
    """Another thread sets a model while the frames are made: it has to wait."""
    other, render, waiting = model(), explorer._stage.render, []

    def slow(values, look):
        if not waiting:
            waiting.append(threading.Thread(target=setattr, args=(explorer, "model", other)))
            waiting[0].start()
            time.sleep(0.2)
        if threading.current_thread() is threading.main_thread():  # the other one draws as well, once it may
            seen.append(explorer._stage.models[0])
        return render(values, look)

    seen = []
    explorer._stage.render = slow
    explorer.save_gif()
    waiting[0].join()
    assert len(seen) > 3 and other not in seen and explorer.model is other


# -- errors ------------------------------------------------------------------------------------------


def test_an_error_while_drawing_is_shown_and_goes_when_it_is_over(explorer):
    good = explorer.model
    broken = model()
    with torch.no_grad():
        broken.q_head[-1].bias.fill_(math.nan)
    with pytest.raises(ValueError, match="not a number"):  # from a cell it is raised there
        explorer.model = broken
    explorer.controls["c1"].value = 1.0
    assert 'role="alert"' in explorer.message.value and "not a number" in explorer.message.value
    explorer.model = good
    assert explorer.message.value == ""


def test_a_folder_that_cannot_be_written_is_an_error_in_the_widget(tmp_path):
    (tmp_path / "file").write_text("")
    explorer = LatentExplorer(model(), folder=tmp_path / "file" / "in it")
    explorer.tools.save_png.click()
    assert 'role="alert"' in explorer.message.value


def test_choosing_the_code_that_goes_the_other_way_swaps_them(explorer):
    explorer.tools.view.value = LAYOUTS.index("grid")
    assert (explorer.tools.across.value, explorer.tools.down.value) == (0, 1)
    explorer.tools.across.value = 1
    assert (explorer.tools.across.value, explorer.tools.down.value) == (1, 0) and explorer.message.value == ""


def test_one_code_alone_has_no_grid_and_says_so():
    explorer = LatentExplorer(model(LatentSpec(Noise(2), [Uniform("c1")])))
    explorer.tools.view.value = LAYOUTS.index("grid")
    assert "choose two codes" in explorer.message.value


# -- threads and packaging ---------------------------------------------------------------------------


def test_callbacks_of_several_threads_end_with_one_true_picture(explorer):
    def drag(name, values):
        for value in values:
            explorer.controls[name].value = value

    moves = {"c1": np.linspace(-2, 2, 40).tolist(), "turn": np.linspace(-3, 3, 40).tolist(), "kind": [0, 1, 2] * 10}
    threads = [threading.Thread(target=drag, args=move) for move in moves.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert explorer.message.value == ""
    fresh = LatentExplorer(model(), noise_sliders=(2,))
    fresh.set(**explorer.values)
    assert (explorer.picture == fresh.picture).all() and explorer.reading == fresh.reading


def test_a_wheel_holds_what_the_browser_runs():
    tomllib = pytest.importorskip("tomllib", reason="tomllib is in Python from 3.11 on")
    folder = Path(controls.__file__).parent
    listed = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    held = {path for pattern in listed["infogan_lib.show.widgets"] for path in folder.glob(pattern)}
    assert held == {path for path in folder.iterdir() if path.is_file() and path.suffix != ".py"}
