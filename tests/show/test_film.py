"""The recorded film: what its page carries, how large that is, and that nothing in it leaves or breaks out."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from infogan_lib.data.files import FileError
from infogan_lib.show import film
from infogan_lib.show.moving import Moving

STEPS, SIZE = [1, 3, 9], [56, 280]


def sprite(level):
    """Three pictures, each as bright as its place says."""
    pictures = np.stack([np.full(SIZE, level + 50 * i, np.uint8) for i in range(3)])
    file = io.BytesIO()
    Image.fromarray(pictures.reshape(-1, SIZE[1])).save(file, "webp", lossless=True)
    return base64.b64encode(file.getvalue()).decode()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(film, "FOLDER", tmp_path)
    nats = {"digit": [0.0, 0.5, 1.0, 2.25], "c1": [-0.5, 0.1, 0.2, 0.2], "c2": [-0.5, 0.1, 0.2, 0.2]}
    low = {name: [0.01 * value for value in values] for name, values in nats.items()}
    films = [
        {"name": name, "nats": n, "sprite": sprite(s)} for name, n, s in (("InfoGAN", nats, 0), ("control", low, 9))
    ]
    data = {"steps": STEPS, "points": [1, 3, 6, 9], "size": SIZE, "most": {"digit": 2.303}, "films": films}
    (tmp_path / "small.json").write_text(json.dumps(data))
    return tmp_path


def carried(page):
    """The data that a page's script starts with."""
    return json.loads(re.search(r", show, (\{.*\})\);\n", page).group(1).replace("<\\/", "</"))


def test_the_page_has_the_film_and_a_still_picture_with_its_words(folder):
    found = film.film("small")
    data = carried(found.html)
    assert data["steps"] == STEPS and [one["name"] for one in data["films"]] == ["InfoGAN", "control"]
    (alt,) = re.findall(r'<img [^>]*alt="([^"]*)"', found.html.split("<script>")[0])
    assert alt == found.alt and "steps 1, 3, 9" in alt and "InfoGAN 0.00, 0.50, 2.25; control 0.00, 0.01, 0.02" in alt
    (picture,) = re.findall(r'<img [^>]*src="data:image/png;base64,([^"]*)"', found.html)
    with Image.open(io.BytesIO(base64.b64decode(picture))) as still:
        assert still.width > 600
    assert found._repr_mimebundle_() == {"text/html": found.html, "text/plain": found.alt}


def test_a_moment_is_cut_out_of_the_strip(folder):
    pictures = film.pictures(json.loads((folder / "small.json").read_text()), 1)
    assert pictures.shape == (3, *SIZE) and pictures.mean((1, 2)).round().tolist() == [9, 59, 109]


def test_the_shipped_film_is_of_both_models_and_stays_under_300_kb():
    found = film.film("mnist")
    assert len(found.html.encode()) < 300_000
    data = carried(found.html)
    assert data["command"].startswith("python benchmarks/film.py") and 20 <= len(data["steps"]) <= 28
    infogan, control = data["films"]
    assert data["most"]["digit"] == pytest.approx(np.log(10), abs=1e-3)
    assert infogan["nats"]["digit"][-1] > 2.1 and control["nats"]["digit"][-1] < 0.3
    for i, one in enumerate(data["films"]):
        assert {len(values) for values in one["nats"].values()} == {len(data["points"])}
        pictures = film.pictures(data, i)
        assert len(pictures) == len(data["steps"]) and pictures[-1].std() > 50
    # The control does not listen to its code: a row's ten images differ less than InfoGAN's do.
    spread = [film.pictures(data, i)[-1].reshape(-1, 28, 10, 28).astype(float).std(2).mean() for i in range(2)]
    assert spread[1] < 0.5 * spread[0]


def test_a_page_asks_for_nothing_and_has_no_ids():
    page = film.film("mnist").html
    assert not re.search(r"\bid=", page.split("<script>")[0]) and '"id"' not in page and ".id =" not in page
    assert set(re.findall(r"https?://[^\s\"']+", page)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\bfetch\(|\bimport\b|XMLHttpRequest|@import", re.sub(r'"sprite":"[^"]*"', "", page))


def test_data_cannot_end_the_script():
    page = Moving("film", {"words": "</script><b>out</b>"}, b"", 'a "quoted" <alt>').html
    assert page.count("</script>") == 1 and "&quot;quoted&quot; &lt;alt&gt;" in page
    assert carried(page)["words"] == "</script><b>out</b>"


def test_a_film_that_is_not_there_or_damaged_is_said_so(folder):
    with pytest.raises(FileError, match=r"no film 'other'.*benchmarks/film.py"):
        film.film("other")
    for damaged in ("{", '{"films": []}', (folder / "small.json").read_text().replace('"sprite": "', '"sprite": "AA')):
        (folder / "bad.json").write_text(damaged)
        with pytest.raises(FileError, match="is no film"):
            film.film("bad")
