import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import sklearn.metrics
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from infogan_lib import Bernoulli, LatentSpec, Noise, Training
from infogan_lib.data import Images, to_float
from infogan_lib.measure import disturb, metrics, report


def labelled(n, k, classes, seed):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, k, n)), torch.from_numpy(rng.integers(0, classes, n))


def test_confusion_is_scikit_learns():
    codes, labels = labelled(500, 7, 7, 0)
    ours = metrics.confusion(codes, labels, 7, 7).numpy()
    assert (ours == sklearn.metrics.confusion_matrix(codes, labels, labels=range(7))).all()


@given(st.integers(2, 5), st.integers(0, 2**31))
def test_hungarian_is_the_best_of_all_permutations(k, seed):
    codes, labels = labelled(60, k, k, seed)
    counts = metrics.confusion(codes, labels, k, k)
    best = max(sum(counts[i, p[i]].item() for i in range(k)) for p in itertools.permutations(range(k)))
    assert metrics.accuracy(metrics.match(counts), codes, labels) == pytest.approx(best / 60)
    assert sorted(metrics.match(counts).tolist()) == list(range(k))


@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 2**31))
def test_majority_is_never_below_hungarian_on_the_split_it_was_fitted_on(k, classes, seed):
    codes, labels = labelled(80, k, classes, seed)
    counts = metrics.confusion(codes, labels, k, classes)
    hungarian, majority = (metrics.accuracy(metrics.match(counts, m), codes, labels) for m in ("hungarian", "majority"))
    assert hungarian <= majority + 1e-12


def test_a_merged_pair_costs_hungarian_its_smaller_half():
    labels = torch.arange(10).repeat(100)
    codes = labels.clone()
    codes[labels == 9] = 4  # one category holds the fours and the nines; another is never used
    counts = metrics.confusion(codes, labels, 10, 10)
    assert metrics.accuracy(metrics.match(counts), codes, labels) == pytest.approx(0.9)
    assert metrics.match(counts, "majority")[4] == 4


def test_spare_categories_match_no_label():
    codes, labels = torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 1, 1])
    matching = metrics.match(metrics.confusion(codes, labels, 3, 2))
    assert sorted(matching.tolist()) == [-1, 0, 1]
    assert metrics.accuracy(matching, codes, labels) == 0.75


def test_the_match_is_scored_on_another_split():
    fit = torch.tensor([[9, 1], [2, 8]])
    assert metrics.accuracy(metrics.match(fit), torch.tensor([0, 1, 0, 1]), torch.tensor([0, 1, 1, 0])) == 0.5


def test_mistakes_are_named():
    with pytest.raises(ValueError):
        metrics.confusion(torch.zeros(3), torch.zeros(4), 2, 2)
    with pytest.raises(ValueError, match="hungarian"):
        metrics.match(torch.zeros(2, 2), "greedy")
    with pytest.raises(ValueError, match="labels"):
        unlabelled = Images(tiny.images().images)
        report.evaluate(tiny.build(), unlabelled, unlabelled)


@pytest.fixture(scope="module")
def trained():
    run = Training(tiny.build(), tiny.images(), replace(tiny.RECIPE, steps=200), seed=0)
    list(run)
    return run.averaged


def test_measured_nats_repeat_and_stay_below_the_entropy(trained):
    first, again = metrics.measure_nats(trained, 2500), metrics.measure_nats(trained, 2500)
    assert first == again
    assert first["kind"]["mean"] <= math.log(3)
    few = metrics.measure_nats(trained, 250)
    assert few["c1"]["standard_error"] > 2 * first["c1"]["standard_error"]


def test_an_untrained_model_reads_nothing():
    nats = metrics.measure_nats(tiny.build(), 2000)["kind"]
    assert abs(nats["mean"]) < 0.05


def test_evaluate_reports_what_the_command_promises(trained):
    bars = tiny.images(300)
    result = report.evaluate(trained, bars, bars)
    assert {"code_accuracy", "majority_accuracy", "nmi", "lower_bound_nats"} <= result.keys()
    assert result["code_accuracy"] <= result["majority_accuracy"]
    assert np.sum(result["confusion"]) == 300
    assert metrics.read_codes(trained, bars, "kind").shape == (300,)


def test_a_plain_gan_has_nothing_to_match():
    model = tiny.build(spec=LatentSpec(Noise(5)))
    assert report.evaluate(model, tiny.images(), tiny.images()) == {"lower_bound_nats": {}}


def test_fakes_are_the_priors_and_repeat(trained):
    latent, images = metrics.fakes(trained, 2300, seed=3)
    assert images.shape == (2300, 1, 8, 8) and len(latent) == 2300
    alone = trained.generate(latent.rows(slice(2200, 2201)))
    assert torch.allclose(images[2200:2201], alone, atol=1e-5)
    assert torch.equal(metrics.fakes(trained, 50, seed=3)[0].input, metrics.fakes(trained, 50, seed=3)[0].input)


def test_spearman_within_groups_ignores_what_lies_between_them():
    """In each group the attribute rises with the code; between groups it falls, so far that the total does."""
    values = torch.arange(30.0)
    groups = torch.arange(30) // 10
    attribute = values - 50.0 * groups
    assert metrics.within_groups_spearman(values, attribute, groups) == pytest.approx(1)
    assert scipy.stats.spearmanr(values, attribute).statistic < 0
    assert metrics.within_groups_spearman(values, -attribute, groups) == pytest.approx(-1)
    assert metrics.within_groups_spearman(values, torch.zeros(30), groups) == 0


def test_sweep_keeps_counts_whole_sweeps():
    model = tiny.build()
    assert metrics.sweep_keeps(model, "c1", lambda images: torch.zeros(len(images)), rows=7) == 1

    def last_differs(images):
        return (torch.arange(len(images)) % 10 == 9).long()

    def first_row_differs(images):
        return (torch.arange(len(images)) == 5).long()

    assert metrics.sweep_keeps(model, "c1", last_differs, rows=7) == 0
    assert metrics.sweep_keeps(model, "c1", first_row_differs, rows=8) == pytest.approx(7 / 8)


def test_diversity_sees_noise_and_nothing_else():
    """A generator of its noise alone, and one of its codes alone."""
    model = tiny.build()
    noise_only, codes_only = (tiny.build() for _ in range(2))
    noise_only.generate = lambda latent: latent.noise[:, :1, None, None].expand(-1, 1, 8, 8)
    codes_only.generate = lambda latent: latent["c1"][:, None, None, None].expand(-1, 1, 8, 8)
    assert metrics.diversity(noise_only, codes=50, each=100) == pytest.approx(1, abs=0.05)
    assert metrics.diversity(codes_only) == pytest.approx(0, abs=1e-6)
    assert metrics.diversity(model) == metrics.diversity(model)


@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 2**31))
def test_nmi_is_scikit_learns(k, classes, seed):
    codes, labels = labelled(80, k, classes, seed)
    codes = torch.where(torch.rand(80, generator=torch.Generator().manual_seed(seed)) < 0.5, labels % k, codes)
    ours = metrics.nmi(metrics.confusion(codes, labels, k, classes))
    assert ours == pytest.approx(sklearn.metrics.normalized_mutual_info_score(labels, codes), abs=1e-9)


def test_nmi_charges_for_spare_categories_where_majority_accuracy_does_not():
    labels = torch.arange(10).repeat(100)
    split = labels + 10 * (torch.arange(1000) // 10 % 4)  # four codes a label
    counts = metrics.confusion(split, labels, 40, 10)
    assert metrics.accuracy(metrics.match(counts, "majority"), split, labels) == 1
    assert metrics.nmi(counts) == pytest.approx(math.log(10) / ((math.log(10) + math.log(40)) / 2))


def test_blur_is_scipys_and_shifts_move_whole_pixels():
    images = to_float(torch.randint(256, (6, 2, 9, 7), generator=torch.Generator().manual_seed(0)).to(torch.uint8))
    blurred = disturb.disturb(images, "blur", 1.0)
    expected = scipy.ndimage.gaussian_filter(images.numpy(), sigma=(0, 0, 1, 1), truncate=3, mode="nearest")
    assert np.allclose(blurred.numpy(), expected, atol=1.001 / 255)  # half a level of 256
    shifted = disturb.disturb(images, "shift", 2, torch.Generator().manual_seed(1))
    ways = {tuple(d) for i in range(6) for d in ((0, 2), (0, -2), (2, 0), (-2, 0)) if moved(images[i], *d, shifted[i])}
    assert shifted.shape == images.shape and len(ways) > 1
    assert all(any(moved(images[i], *d, shifted[i]) for d in ((0, 2), (0, -2), (2, 0), (-2, 0))) for i in range(6))


def moved(image, down, right, result):
    """Whether `result` is `image` moved, inside the border that the move leaves open."""
    back = torch.roll(result, (-down, -right), (1, 2))
    return torch.equal(back[:, 2:-2, 2:-2], image[:, 2:-2, 2:-2])


def test_noise_has_its_size_and_by_nothing_a_picture_stays_as_it_is():
    images = to_float(torch.full((50, 1, 8, 8), 128).to(torch.uint8))
    noisy = disturb.disturb(images, "noise", 0.3, torch.Generator().manual_seed(0))
    assert noisy.std().item() == pytest.approx(0.3, abs=0.02)
    assert all(torch.equal(disturb.disturb(images, kind, 0), images) for kind in disturb.DISTURBANCES)
    assert disturb.disturb(10 * images, "noise", 1.0).abs().max() <= 1
    with pytest.raises(ValueError, match="blur"):
        disturb.disturb(images, "rotate", 1)


class Writes:
    """A generator that writes its code in one of two ways, and a Q that knows how: as a bar, or pixel by pixel."""

    def __init__(self, faintly):
        self.spec = LatentSpec(Noise(1), [Bernoulli("code")])
        board = (-1.0) ** (torch.arange(8)[:, None] + torch.arange(8))
        self.mark = board if faintly else torch.where(torch.arange(8) < 4, 1.0, -1.0).expand(8, 8)

    def generate(self, latent):
        return 0.2 * (2 * latent["code"] - 1)[:, None, None, None] * self.mark

    def read(self, images):
        return self.spec.posterior((images * self.mark).sum((1, 2, 3))[:, None])


def test_a_code_in_single_pixels_does_not_outlive_a_blur_and_one_in_the_shape_does():
    bold, faint = (disturb.visibility(Writes(faintly), n=400)["blur"] for faintly in (False, True))
    assert bold[0]["code"] == pytest.approx(math.log(2), abs=0.01) == faint[0]["code"]
    at_one = next(i for i, point in enumerate(bold) if point["strength"] == 1)
    assert bold[at_one]["code"] > 0.6 and abs(faint[at_one]["code"]) < 0.1  # the repeated border keeps a little


def test_a_disturbed_model_is_measured_like_any_other():
    model = Writes(faintly=True)
    blurred = disturb.Disturbed(model, "blur", 1.0)
    _, images = metrics.fakes(blurred, 5)
    assert torch.equal(images, disturb.disturb(metrics.fakes(model, 5)[1], "blur", 1.0))
    assert metrics.measure_nats(blurred, 400)["code"]["mean"] == disturb.visibility(model, 400)["blur"][2]["code"]
