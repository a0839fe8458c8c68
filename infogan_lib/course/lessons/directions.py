"""Directions in the noise that do one thing: found from labels, or from G's own first layer.

    glasses = labelled(z, reader.read(images)["glasses"] == 1)       # from answers, (noise.size,)
    ways = sefa(model, 5)                                            # from weights alone, (5, noise.size)
    images = model.generate(spec.encode(effects.along(z, glasses, 2.0)))     # every face at +2 along it

A number z_i is a direction as well, that of an axis. Built in notebook 03; `measure.effects` moves noise along any of
them, and measures what changes.
"""

import torch
from sklearn.linear_model import LinearRegression, LogisticRegression
from torch import Tensor, nn

from infogan_lib.core.model import InfoGAN

AFFINE = (nn.Linear, nn.Unflatten, nn.BatchNorm1d, nn.BatchNorm2d)  # what may stand before G's first nonlinearity


def labelled(noise: Tensor, answers: Tensor) -> Tensor:
    """The direction (S,), a unit vector, along which noise (N, S) best predicts the answers (N,) for its images.

    Yes or no (bool, or whole numbers 0 and 1): the normal of a logistic regression, towards yes, as InterFaceGAN has
    it with a support vector machine (Shen et al. 2020, arXiv:1907.10786). Amounts (float): the slope of least
    squares, towards more; give more rows than S. Raises ValueError where all answers are the same, or are categories.
    """
    if noise.ndim != 2 or answers.shape != noise.shape[:1]:
        raise ValueError(f"labelled: noise (N, S) and answers (N,), got {tuple(noise.shape)}, {tuple(answers.shape)}.")
    states = answers.unique()
    if len(states) < 2:
        raise ValueError("labelled: all answers are the same; look at more images, until there are both.")
    if not answers.is_floating_point() and (len(states) > 2 or int(states.max()) > 1):
        raise ValueError(f"labelled: answers are yes or no, or amounts; {len(states)} states. Ask for one: hair == 2.")
    fit = LinearRegression() if answers.is_floating_point() else LogisticRegression()
    slope = torch.from_numpy(fit.fit(noise.cpu().numpy(), answers.cpu().numpy()).coef_).float().flatten()
    return slope / slope.norm()


def first_layer(model: InfoGAN) -> Tensor:
    """The matrix A (H, S) of G's first step, noise -> A noise + b: all that comes before its first nonlinearity.

    In eval mode a batch norm is a scale for each row, so it belongs to A. Columns of codes are left out.
    Raises ValueError for a generator that does not begin with a linear layer.
    """
    assert isinstance(model.generator, nn.Sequential)
    depth = next(i for i, layer in enumerate(model.generator) if not isinstance(layer, AFFINE))
    if depth == 0:
        raise ValueError(f"first_layer: {model.network!r} begins with {model.generator[0]}, which is no linear layer.")
    was_training = model.training
    step = model.generator[:depth].eval()
    with torch.no_grad():
        origin, axes = torch.zeros(1, model.spec.width), torch.eye(model.spec.width)
        columns = (step(axes.to(model.device)) - step(origin.to(model.device))).flatten(1)
    model.train(was_training)
    return columns[: model.spec.noise.size].T.cpu()


def sefa(model: InfoGAN, k: int | None = None) -> Tensor:
    """The k unit directions (k, S) that G's first step stretches most: eigenvectors of A^T A, the largest first.

    Shen and Zhou 2021, arXiv:2007.06600, equation 4: no label, no image, no training. What a direction does, and which
    of its ends is which, is not known until somebody looks. Raises ValueError for k outside 1 to S.
    """
    size = model.spec.noise.size
    k = size if k is None else k
    if not 1 <= k <= size:
        raise ValueError(f"sefa: the noise has {size} directions, got k = {k}.")
    matrix = first_layer(model).double()
    vectors = torch.linalg.eigh(matrix.T @ matrix).eigenvectors  # columns, the smallest first
    return vectors.flip(1).T[:k].float()
