"""The figures of `python -m infogan_lib evaluate`, as plain JSON."""

from collections.abc import Sequence
from typing import Any

import torch

from infogan_lib.core.codes import Categorical
from infogan_lib.core.model import InfoGAN
from infogan_lib.data.images import Images
from infogan_lib.measure import Reads, code_maps, disentanglement, disturb, metrics, pairing, readers


def evaluate(model: Reads, fit: Images, score: Images, n: int = 10_000, factors: Sequence[str] = ()) -> dict[str, Any]:
    """How well codes agree with labels or factors, matched on `fit` and scored on `score`; and L_I of each on n fakes.

    Without `factors`, the first categorical code is matched to the labels; with them, codes are paired with the factors
    of those names, as `pairing` does. "lower_bound_nats" is {code: {"mean", "standard_error"}}.
    Raises ValueError where a set has no labels, or no factors.
    """
    found = _factors(model, fit, score, factors) if factors else _labels(model, fit, score)
    return found | {"lower_bound_nats": metrics.measure_nats(model, n)}


def _labels(model: Reads, fit: Images, score: Images) -> dict[str, Any]:
    code = next((c for c in model.spec.codes if isinstance(c, Categorical)), None)
    if code is None:
        return {}
    if fit.labels is None or score.labels is None:
        raise ValueError("evaluate: both sets need labels to match codes to")
    classes = int(max(fit.labels.max(), score.labels.max())) + 1
    counts = metrics.confusion(metrics.read_codes(model, fit, code.name), fit.labels, code.k, classes)
    codes = metrics.read_codes(model, score, code.name)
    scored = metrics.confusion(codes, score.labels, code.k, classes)
    return {
        "code_accuracy": metrics.accuracy(metrics.match(counts), codes, score.labels),
        "majority_accuracy": metrics.accuracy(metrics.match(counts, "majority"), codes, score.labels),
        "code": code.name,
        "nmi": metrics.nmi(scored),
        "matching": metrics.match(counts).tolist(),
        "confusion": scored.tolist(),
        "fitted_on": fit.name,
        "scored_on": score.name,
    }


def _factors(model: Reads, fit: Images, score: Images, names: Sequence[str]) -> dict[str, Any]:
    if fit.factors is None or score.factors is None:
        raise ValueError("evaluate: both sets need factors to pair codes with")
    pairs = pairing.pair(code_maps.codes_read(model, fit), {name: fit.factors[name] for name in names})
    return {
        "codes": {factor: found.code for factor, found in pairs.items()},
        "agreement": pairing.agreement(pairs, code_maps.codes_read(model, score), score.factors),
        "fitted_on": fit.name,
        "scored_on": score.name,
    }


def all_scores(
    model: InfoGAN, fit: Images, test: Images, protocol: code_maps.Protocol = code_maps.FULL
) -> dict[str, Any]:
    """What `--all` adds: disentanglement scores of real digits and of fakes, visibility, diversity, Frechet distances.

    The first n rows that the protocol asks for are digits of `fit`, the test rows digits of `test`. "left_out" names
    factors that do not vary, which cannot be scored.
    """
    reader = readers.digit_reader()
    latent, fakes = metrics.fakes(model, max(len(test), protocol.n + protocol.test))
    real = [reader.features(images.batch(slice(None))) for images in (fit, test)]
    found: dict[str, Any] = {
        "diversity": metrics.diversity(model),
        "visibility": disturb.visibility(model),
        "frechet": readers.frechet(reader.features(fakes[: len(test)]), real[1]),
        "frechet_floor": readers.frechet(*real),
    }
    if model.spec.codes:
        assert fit.labels is not None and test.labels is not None
        labels = torch.cat([fit.labels[: protocol.n], test.labels[: protocol.test]])
        digits = Images(torch.cat([fit.images[: protocol.n], test.images[: protocol.test]]), labels)
        pairs = {
            "real": (code_maps.codes_read(model, digits), digits.batch(slice(None)), labels),
            "fakes": (code_maps.codes_set(model.spec, latent), fakes, reader.read(fakes)),
        }
        found["disentanglement"] = {}
        for name, (codes, images, read) in pairs.items():
            factors = code_maps.digit_factors(images, read)
            varied = {factor: values for factor, values in factors.items() if len(values.unique()) > 1}
            scores = disentanglement.score(codes, varied, protocol).to_json() if varied else {}
            found["disentanglement"][name] = {**scores, "left_out": [f for f in factors if f not in varied]}
    return found
