"""What a view leaves to be read, before anything is trained: a small reader of each factor on T(x), for real images.

A code comes to mean what its view leaves and what varies most in it, so the table predicts what each code will find.
It proves what a view leaves and not what it takes away: a stronger reader may find more.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from infogan_lib.core import views
from infogan_lib.data.images import Images
from infogan_lib.measure.readers import moments

COMPONENTS, HIDDEN = 50, 100  # principal components that the reader sees, and the width of its one hidden layer


def visible_factors(images: Images, n: int | None = None) -> dict[str, Tensor]:
    """What can be said of the first n images without a model: {name: (n,)}.

    "label", if the set has labels; of grey images slant, thickness and width as `readers.moments` measures them, of
    colour ones their brightness; with labels, all these less the mean of the image's own label, since a style code is
    about what varies within a digit. The factors of a rendered set come as they are.
    """
    chosen = slice(0, n)
    found = {} if images.labels is None else {"label": images.labels[chosen]}
    if images.factors is not None:
        return found | {name: values[chosen] for name, values in images.factors.items()}
    pixels = images.batch(chosen)
    seen = moments(pixels) if pixels.shape[1] == 1 else {"brightness": pixels.mean((1, 2, 3))}
    for label in found["label"].unique() if found else ():
        own = found["label"] == label
        seen = {name: torch.where(own, values - values[own].mean(), values) for name, values in seen.items()}
    return found | seen


def view_table(
    images: Images, names: Iterable[str], factors: Mapping[str, Tensor] | None = None, *, n: int = 6000, seed: int = 0
) -> dict[str, dict[str, float]]:
    """{view: {factor: how well a small reader finds it in views of held-out images}}, two thirds of n to learn from.

    1 is all and 0 nothing: of a whole-number factor the accuracy above that of the commonest answer, as a share of what
    is left to find; of any other R^2. The factor is that of the image before the view. `factors` are {name: (n,)}, by
    default `visible_factors`. Raises ValueError for a view that is not registered, and for less than 30 images.
    """
    n = min(n, len(images))
    if n < 30:
        raise ValueError(f"view_table: {n} images are too few to learn from; give it 30 or more.")
    factors = visible_factors(images, n) if factors is None else factors
    pixels, table = images.batch(slice(0, n)), {}
    for name in names:
        shown = views.get(name).draw(pixels, {}, torch.Generator().manual_seed(seed))[0]
        table[name] = {factor: _found(shown.flatten(1), values[:n], seed) for factor, values in factors.items()}
    return table


def _found(pixels: Tensor, values: Tensor, seed: int) -> float:
    """How well a small network reads (N,) values off (N, P) pixels, on the last third."""
    from sklearn.decomposition import PCA  # here, since scikit-learn takes a second
    from sklearn.dummy import DummyClassifier
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline

    x, y, first = pixels.cpu().numpy(), values.cpu().numpy(), len(values) * 2 // 3
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (HIDDEN,),
        "alpha": 1.0,
        "early_stopping": True,
        "random_state": seed,
    }
    net = (MLPRegressor if values.is_floating_point() else MLPClassifier)(**settings)
    components = min(COMPONENTS, first, x.shape[1])
    reader = make_pipeline(PCA(components, random_state=seed), net)
    if not values.is_floating_point():
        commonest = DummyClassifier(strategy="most_frequent").fit(x[:first], y[:first]).score(x[first:], y[first:])
        right = reader.fit(x[:first], y[:first]).score(x[first:], y[first:])
        return float((right - commonest) / (1 - commonest)) if commonest < 1 else 0.0
    y = (y - y[:first].mean()) / max(y[:first].std(), 1e-6)
    return float(reader.fit(x[:first], y[:first]).score(x[first:], y[first:]))
