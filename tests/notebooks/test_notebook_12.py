"""What notebook 12 writes is what its benchmark runs, and its table is there and was made by that command."""

import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from infogan_lib import data
from infogan_lib.course import results
from infogan_lib.measure import metrics

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import notebooks as own_data

ROOT = Path(__file__).resolve().parents[2]
CODE = [
    c for c in nbformat.read(ROOT / "notebooks" / "12_your_own_data.ipynb", as_version=4).cells if c.cell_type == "code"
]


@pytest.fixture(scope="module")
def notebook():
    """What the setup cell and the tagged cells define."""
    names = {"__name__": "notebook"}
    for cell in [CODE[0], *(c for c in CODE if "same-as-benchmark" in c.metadata.get("tags", []))]:
        exec(cell.source, names)
    return names


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    labels = own_data.export("digits", folder)
    parts = [data.folder(folder, size=16, channels=1, split=split) for split in ("train", "test")]
    return folder, labels, *(images for images, _ in parts), parts[1][1]


def test_the_export_keeps_every_digit_and_hides_its_label(digits):
    folder, labels, train, test, report = digits
    bunch = own_data.load_digits()
    assert len(labels) == 1797 and np.bincount(list(labels.values())).tolist() == np.bincount(bunch.target).tolist()
    assert all(Path(name).stem.isdigit() and len(Path(name).stem) == 4 for name in labels)
    right = sum(labels[name] == label for name, label in zip(sorted(labels), bunch.target))
    assert right < 300  # about a tenth, by chance
    whole = folder / report.used[0]
    pixels = np.asarray(own_data.Image.open(whole))
    same = [i for i, image in enumerate(bunch.images) if np.array_equal((image * 255 / 16).round(), pixels)]
    assert labels[report.used[0]] in {bunch.target[i] for i in same}
    assert 1200 < len(train) < 1320 and 220 < len(test) < 320


def test_the_rule_for_k_and_the_rival_are_the_benchmarks(notebook, digits):
    _, _, train, test, _ = digits
    few = data.Images(train.images[:300])
    assert notebook["choose_k"](few, range(4, 7)) == own_data.choose_k(few, range(4, 7))
    assert torch.equal(notebook["k_means"](few, test, 4), own_data.k_means(few, test, 4))
    counts = torch.randint(9, (4, 3), generator=torch.Generator().manual_seed(0))
    assert notebook["purity"](counts) == own_data.purity(counts)


def test_the_rule_finds_kinds_that_are_there():
    """Six patterns of noise, seen through a little more noise: the silhouette is best at six."""
    g = torch.Generator().manual_seed(0)
    kinds = torch.randint(256, (6, 1, 8, 8), generator=g).double()
    images = kinds[torch.arange(240) % 6] + 10 * torch.randn(240, 1, 8, 8, generator=g)
    found = own_data.choose_k(data.Images(images.clamp(0, 255).to(torch.uint8)), range(4, 10))
    assert max(found, key=found.get) == 6


@pytest.mark.parametrize("which", own_data.SIZES)
def test_the_table_holds_together(which):
    rows = results.read("own_data", set=which)
    methods = {row["method"] for row in rows}
    assert {"infogan", "k-means", "random"} <= methods and len({row["k"] for row in rows}) == 1
    for row in rows:
        k, classes = int(row["k"]), int(row["classes"])
        counts = torch.tensor([int(n) for n in row["confusion"].split()]).view(k, classes)
        assert counts.sum() == int(row["test"])
        assert row["commit"] and row["command"].startswith(f"python benchmarks/notebooks.py own-data {which} --steps ")
        assert abs(metrics.nmi(counts) - float(row["nmi"])) < 1e-4
        assert abs(own_data.purity(counts) - float(row["purity"])) < 1e-4


def test_the_command_makes_its_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    monkeypatch.setattr(own_data, "export", few_pictures(own_data.export))
    monkeypatch.setattr(own_data, "choose_k", lambda images: {4: 0.2, 5: 0.3})
    monkeypatch.setattr(sys, "argv", ["notebooks.py", "own-data", "photos", "--seeds", "100", "--steps", "2"])
    own_data.main()
    rows = results.read("own_data")
    assert [row["method"] for row in rows] == ["k-means", "random", "infogan"]
    assert all(row["k"] == "5" and row["classes"] == "2" for row in rows)


def few_pictures(export):
    def small(which, folder):
        labels = export(which, folder)
        for name in list(labels)[300:]:
            (folder / name).unlink()
        return labels

    return small
