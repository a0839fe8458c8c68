"""The checks of notebook 10: right answers, and what people write instead. test_exercises_all.py runs them."""

import torch
from sklearn.decomposition import PCA
from sklearn.metrics import balanced_accuracy_score


def told(codes, odd):
    return {name: -v if name in odd else v for name, v in codes.items()}


def mirror(images, codes, odd):
    return images.flip(3), told(codes, odd)


def in_place(images, codes, odd):
    for name in odd:
        codes[name] *= -1
    return images.flip(3), codes


def balanced(said, truth):
    return balanced_accuracy_score(truth, said)


def principal(train, images, k):
    return torch.from_numpy(PCA(k, svd_solver="full").fit(train.numpy()).transform(images.numpy()))


REFERENCE = {"10.1": mirror, "10.2": 0.7071, "10.3": balanced, "10.5": principal}


def ways(train, k):
    return torch.linalg.svd(train - train.mean(0), full_matrices=False).Vh[:k]


WRONG = [
    ("10.1", lambda i, c, odd: (i, told(c, odd)), "as they were"),
    ("10.1", lambda i, c, odd: (i.flip(2), told(c, odd)), "on their heads"),
    ("10.1", lambda i, c, odd: (i.flip(0), told(c, odd)), "order of the images"),
    ("10.1", lambda i, c, odd: (-i, told(c, odd)), "Black and white"),
    ("10.1", lambda i, c, odd: i.flip(3), "two things"),
    ("10.1", lambda i, c, odd: (i.flip(3), {n: -c[n] for n in odd}), "every code"),
    ("10.1", lambda i, c, odd: (i.flip(3), dict(c)), "Its sign changes"),
    ("10.1", lambda i, c, odd: (i.flip(3), {n: -v for n, v in c.items()}), "not one of `odd`"),
    ("10.1", lambda i, c, odd: (i.flip(3), {n: v * 0 for n, v in c.items()}), "other values"),
    ("10.1", lambda i, c, odd: (i.flip(3), {n: v[:1] for n, v in c.items()}), "a value for each image"),
    ("10.1", in_place, "have changed"),
    ("10.2", 0.5, "square"),
    ("10.2", 0.0, "go together"),
    ("10.2", 1.0, "light in it"),
    ("10.2", 0.9, "is not it"),
    ("10.3", lambda s, t: (s == t).double().mean(), "plain accuracy"),
    ("10.3", lambda s, t: torch.stack([(s == t)[t == k].double().mean() for k in t.unique()]), "one share for each"),
    ("10.3", lambda s, t: min((s == t)[t == k].double().mean() for k in t.unique()), "worst state"),
    ("10.3", lambda s, t: sum((s == t)[s == k].double().mean() for k in s.unique()) / len(s.unique()), "what was said"),
    ("10.3", lambda s, t: 1 - balanced(s, t), "told wrong"),
    ("10.5", lambda train, images, k: ways(train, k), "directions"),
    ("10.5", lambda train, images, k: (images - images.mean(0)) @ ways(train, k).T, "own mean"),
    ("10.5", lambda train, images, k: images @ ways(train, k).T, "not taken off the images"),
    ("10.5", lambda train, images, k: (train - train.mean(0)) @ ways(train, k).T, "numbers of `train`"),
    ("10.5", lambda train, images, k: images @ torch.linalg.svd(train).Vh[:k].T, "before the decomposition"),
    ("10.5", lambda train, images, k: (images - train.mean(0)) @ ways(train, 6)[-k:].T, "last directions"),
]
