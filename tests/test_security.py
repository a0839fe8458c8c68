"""Files of other people run no code, their words become neither paths nor markup, and no door stands open."""

import ast
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import psutil
import pytest
import torch
from nbconvert import HTMLExporter

from infogan_lib import Categorical, InfoGAN, LatentSpec, Noise, Uniform
from infogan_lib.course import results
from infogan_lib.course.exercises.checker import Feedback
from infogan_lib.show import plots
from infogan_lib.show.widgets.draw import DrawAndRead
from infogan_lib.show.widgets.explorer import LatentExplorer
from infogan_lib.training import weights

ROOT = Path(__file__).resolve().parent.parent
UNPICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
SOURCES = [p for f in ("infogan_lib", "benchmarks", "notebooks", "tests") for p in sorted((ROOT / f).rglob("*.py"))]
NOTEBOOKS = [p for p in sorted((ROOT / "notebooks").rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]


def python(path):
    """The source of a module, or of a notebook's code cells without IPython's own lines."""
    if path.suffix == ".py":
        return path.read_text(encoding="utf-8")
    cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    lines = "\n".join("".join(c["source"]) for c in cells).splitlines()
    return "\n".join(line for line in lines if not line.startswith(("%", "!")))


def unpickled(source):
    """What in `source` could read or write a pickle: imports, torch.load and torch.save, numpy's allow_pickle."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
            found += [name for name in names if name.split(".")[0] in UNPICKLERS]
            found += [f"torch.{a.name}" for a in node.names if getattr(node, "module", "") == "torch"
                      and a.name in ("load", "save")]  # fmt: skip
        if isinstance(node, ast.Call):
            words = {k.arg: isinstance(k.value, ast.Constant) and k.value.value for k in node.keywords}
            called = ast.unparse(node.func)
            if called == "torch.save" or (called == "torch.load" and words.get("weights_only") is not True):
                found.append(called)
            if "allow_pickle" in words or called in ("pandas.read_pickle", "pd.read_pickle"):
                found.append(called)
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import numpy, joblib",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=flag)",
        "from torch import load",
        "torch.save(model, path)",
        "np.load(path, allow_pickle=True)",
        "pd.read_pickle(path)",
    ],
)
def test_a_pickle_would_be_noticed(source):
    assert unpickled(source)
    assert not unpickled("import torch\nx = torch.load(path, weights_only=True)\ny = np.load(path)\nsafe.save(x)")


def test_nothing_here_reads_or_writes_a_pickle():
    assert len(SOURCES) > 100 and len(NOTEBOOKS) > 20
    assert {str(p): found for p in [*SOURCES, *NOTEBOOKS] if (found := unpickled(python(p)))} == {}


# -- words of other people ---------------------------------------------------------------------------

MARKUP = '<script>alert(1)</script><img src=x onerror="alert(1)">\'"&'
ALLOWED = {"div", "svg", "text", "tspan", "rect", "path", "circle", "span", "a", "b", "code", "table", "thead",
           "tbody", "tr", "td", "th", "br", "p", "pre", "details", "summary"}  # fmt: skip


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.seen, self.attributes, self.words = [], [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words += data


def check_escaped(html, shown="<script>"):
    tags = Tags(html)
    assert set(tags.seen) <= ALLOWED and not [name for name, _ in tags.attributes if name.startswith("on")]
    assert shown in tags.words, "the words are shown, as words"


def digits():
    return InfoGAN("mnist", LatentSpec(Noise(4), [Categorical("digit", 3), Uniform("c1")]))


def test_labels_in_a_reading_are_words():
    labels = {"digit": [MARKUP, "b", "c"], "c1": MARKUP}
    explorer = LatentExplorer(digits(), labels=labels, captions=[MARKUP])
    check_escaped(explorer.reading, "<script>alert(1)</script>")
    (screen,) = explorer._stage.screens
    assert MARKUP in screen.caption and MARKUP in screen.alt  # the page sets these as text, not as HTML


def test_the_widgets_set_names_as_text():
    """Only fixed text goes into innerHTML, and Q's reading, which the tests above hold to be escaped."""
    scripts = sorted((ROOT / "infogan_lib" / "show" / "widgets").glob("*.js"))
    assert len(scripts) >= 5
    filled = []
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        for value in re.findall(r"innerHTML\b\s*((?:[^;`]|`[^`]*`)*;)", text):
            constant = re.fullmatch(r"= `[^`]*`;", value) and not re.search(r"\$\{(?![A-Z]+\})", value)
            filled += [] if constant else [(path.name, value)]
        assert not [w for w in ("outerHTML", "insertAdjacentHTML", "document.write", "eval(") if w in text]
    assert filled == [("screen.js", '= model.get("reading"));')]


def test_errors_and_saved_names_are_words(tmp_path):
    folder = tmp_path / MARKUP.replace("/", "")
    explorer = LatentExplorer(digits(), folder=folder)
    explorer.tools.save_png.click()
    check_escaped(explorer.message.value.replace("data:image", "")[:2000].split("<a ")[0])
    shutil.rmtree(folder)
    folder.write_text("a file where the folder was", encoding="utf-8")
    explorer.tools.save_png.click()
    assert 'role="alert"' in explorer.message.value
    check_escaped(explorer.message.value)


def test_tables_and_answers_are_words():
    check_escaped(results.Table([MARKUP], [[MARKUP]])._repr_html_())
    check_escaped(Feedback(MARKUP, "wrong", MARKUP, (MARKUP,))._repr_html_())


def test_alt_text_is_words_on_a_printed_page():
    data, metadata = plots.grid(torch.zeros(1, 1, 8, 8), alt=MARKUP)._repr_mimebundle_()
    data["image/png"] = "aGVsbG8="
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(book)
    images = [dict(Tags(part).attributes) for part in page.split("<img")[1:] if "aGVsbG8" in part]
    tags = Tags(page)
    assert ("alt", MARKUP) in tags.attributes and ("onerror", "alert(1)") not in tags.attributes and images


HOSTILE = {
    "data": "../../etc/passwd",
    "seed": MARKUP,
    "recipe": {"steps": MARKUP},
    MARKUP: MARKUP,
    "scores": {"matching": [MARKUP] * 10},
}


def test_a_manifest_full_of_markup_and_paths_shows_and_writes_nothing(tmp_path, monkeypatch):
    """What weights.load does not check, nothing shows and nothing opens."""
    folder = tmp_path / "a" / "b"
    path = weights.save(digits(), folder / "w.safetensors", HOSTILE)
    monkeypatch.chdir(folder)
    opened = []
    monkeypatch.setattr(os, "open", lambda *a, real=os.open, **k: opened.append(a[0]) or real(*a, **k))
    model = weights.load(path)
    assert model.manifest["seed"] == MARKUP
    explorer = LatentExplorer(model, folder=".")
    explorer.set(c1=1.5)
    explorer.save_png()
    for html in (explorer.reading, explorer.message.value):
        assert set(Tags(html).seen) <= ALLOWED and "<script" not in html
    assert "<script" not in DrawAndRead(model).reading  # a matching that is no digits names none
    assert not [p for p in opened if "passwd" in str(p)]
    assert sorted(p.name for p in folder.iterdir()) == ["latent-001.png", "w.safetensors"]
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_names_that_a_model_shows_are_identifiers():
    for name in (MARKUP, "../x", "a b", "", "c1\n"):
        with pytest.raises(ValueError):
            Uniform(name)


# -- doors -------------------------------------------------------------------------------------------


def command(target):
    """What `make TARGET` runs last, as a list."""
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    made = ["make", "-n", "-o", "install", "--no-print-directory", target]
    shown = subprocess.run(made, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return shlex.split(shown.replace("\\\n", " ").strip().splitlines()[-1])


def let_in(url):
    """Whether a server answers, and neither refuses nor shows the page that asks for the token."""
    try:
        answer = urllib.request.urlopen(url, timeout=60)
        return answer.status == 200 and "/login" not in answer.url
    except urllib.error.HTTPError as error:
        assert error.code == 403
        return False


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """{target: (process, file of what it says)} of both, started together, each on a free port."""
    running = {}
    for target, option in (("lab", "--port={}"), ("explore", "--Voila.port={}")):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            run = [*command(target), "--no-browser", option.format(free.getsockname()[1])]
        if not (ROOT / run[0]).exists():
            pytest.skip("no .venv here")
        home = tmp_path_factory.mktemp(target)
        environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(home), "JUPYTER_CONFIG_DIR": str(home)}
        environment.pop("JUPYTER_TOKEN", None)
        with (home / "log").open("w") as log:
            process = subprocess.Popen(run, cwd=ROOT, env=environment, stdout=log, stderr=log)
        running[target] = process, home / "log"
    yield running
    for process, _ in running.values():
        process.terminate()
    for process, _ in running.values():
        process.wait(30)


@pytest.mark.parametrize(("target", "inside"), [("lab", "api/contents"), ("explore", "")])
def test_servers_answer_this_machine_alone_and_only_with_the_token(servers, target, inside):
    server, log = servers[target]
    end, address = time.monotonic() + 120, None
    while address is None and server.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
        address = re.search(r"http://127\.0\.0\.1:(\d+)/\S*\?token=(\w{40,})\s", log.read_text())
    assert address, log.read_text()
    number, token = int(address[1]), address[2]  # another port than asked for, if somebody took that meanwhile
    listening = [c.laddr for c in psutil.Process(server.pid).net_connections("tcp") if c.status == "LISTEN"]
    assert number in {a.port for a in listening} and {a.ip for a in listening} == {"127.0.0.1"}
    door = f"http://127.0.0.1:{number}/{inside}"
    assert not let_in(door) and not let_in(f"{door}?token=wrong") and let_in(f"{door}?token={token}")
