"""A real JupyterLab and a real Chromium: `lab(path)` opens a copy of a notebook, runs it, and hands back the page.

Whatever goes wrong on the way fails the test at its end: an error in a cell or on the browser's console, and an
exception in a widget's callback or in a thread, which would otherwise vanish in a log.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from paging import until

from infogan_lib.show import page as pages
from infogan_lib.training import weights

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TOKEN = "only-for-tests"
SETTINGS = {  # every cell stays in the page, and nothing pops up over it
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
}
OPEN = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
LISTEN = """() => {  // an exception in a callback or a thread reaches no cell; the kernel says it here
    window.tracebacks = [];
    window.jupyterapp.shell.currentWidget.sessionContext.iopubMessage.connect((_, {content, parent_header}) => {
        if (content.traceback && parent_header.msg_type !== "execute_request")
            window.tracebacks.push(content.traceback.join("\\n").replace(/\\x1b\\[[\\d;]*m/g, ""));
        if (content.name === "stderr" && content.text.includes("Traceback")) window.tracebacks.push(content.text);
    });
}"""
RUN_ALL = """async seconds => {
    const panel = window.jupyterapp.shell.currentWidget;
    await panel.sessionContext.ready;
    const late = new Promise((_, fail) =>
        setTimeout(() => fail(new Error(`the notebook still ran after ${seconds} s`)), 1000 * seconds));
    await Promise.race([window.jupyterapp.commands.execute("notebook:run-all-cells"), late]);
    return panel.model.toJSON();
}"""


def unavailable(reason):
    """Skip, saying why; in CI, where a browser was promised, fail."""
    if os.environ.get("CI_BROWSER") == "1":
        pytest.fail(f"CI_BROWSER=1, but {reason}")
    pytest.skip(reason)


def find_chromium(playwright):
    """Playwright's own Chromium if it was installed, else the system's; None where there is neither."""
    own = playwright.chromium.executable_path
    names = ("chromium", "chromium-browser", "google-chrome")
    return own if Path(own).exists() else next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def chromium():
    """A running browser, without a page."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("playwright is not installed: pip install -e '.[browser]'")
    with sync_playwright() as playwright:
        path = find_chromium(playwright)
        if path is None:
            unavailable("no Chromium was found: `playwright install chromium`, or your system's package")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Server:
    """JupyterLab on a free port over an empty folder, with its own settings; `log` is what it and its kernels say."""

    def __init__(self, home):
        self.folder, self.log = home / "notebooks", home / "server.log"
        self.folder.mkdir()
        for name, values in SETTINGS.items():
            path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        self.url = f"http://127.0.0.1:{free_port()}"
        own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"}
        own |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
        environment = {**os.environ, **{name: str(home / folder) for name, folder in own.items()}}
        options = [f"--ServerApp.root_dir={self.folder}", f"--IdentityProvider.token={TOKEN}", "--ip=127.0.0.1"]
        options += [f"--port={self.url.rsplit(':')[-1]}", "--no-browser", "--expose-app-in-browser", "--allow-root"]
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "jupyterlab", *options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=home)

    def api(self, path, method="GET"):
        request = urllib.request.Request(self.url + path, method=method, headers={"Authorization": f"token {TOKEN}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or "null")

    def wait(self, seconds=90):
        for _ in range(seconds * 5):
            with contextlib.suppress(OSError):
                return self.api("/api/status")
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()[-3000:]}")

    def stop_kernels(self):
        for session in self.api("/api/sessions"):
            self.api(f"/api/sessions/{session['id']}", "DELETE")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory, chromium):
    running = Server(tmp_path_factory.mktemp("jupyter"))
    try:
        running.wait()
        yield running
    finally:
        running.close()


@pytest.fixture
def notebook(tmp_path):
    """notebook(source, source, ...): a notebook of those code cells, as a file."""

    def write(*sources, name="small.ipynb"):
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def lab(server, chromium):
    """lab(path, width=1280, height=720, dark=False, seconds=240): a page with that notebook, run to its end.

    The file is copied, so the repo's own notebooks can be opened too. The test fails at its end if a cell, the
    browser's console or a kernel reported an error; `lab.faults` lists what was seen so far.
    """
    from playwright.sync_api import Error

    faults, pages = [], []

    def open_and_run(path, *, width=1280, height=720, dark=False, seconds=240):
        copy = server.folder / f"{len(list(server.folder.iterdir()))}-{Path(path).name}"
        shutil.copy(path, copy)
        context = chromium.new_context(viewport={"width": width, "height": height}, has_touch=True)
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: faults.append(f"page: {error}"))
        page.on("console", lambda m: m.type == "error" and faults.append(f"console: {m.text} ({m.location['url']})"))
        page.goto(f"{server.url}/lab/workspaces/{copy.stem}/tree/{copy.name}?token={TOKEN}")
        page.wait_for_function(OPEN, timeout=90_000)
        page.evaluate("window.jupyterapp.shell.collapseLeft()")
        page.evaluate(LISTEN)
        if dark:
            page.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
            page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
        try:
            book = page.evaluate(RUN_ALL, seconds)
        except Error as error:
            pytest.fail(f"{copy.name}: {error}")
        for cell in book["cells"]:
            meant = "nbval-raises-exception" in cell["metadata"].get("tags", [])
            for output in cell.get("outputs", []):
                if output["output_type"] == "error" and not meant:
                    faults.append(f"cell: {output['ename']}: {output['evalue']}")
        return page

    open_and_run.faults = faults
    yield open_and_run
    for page in pages:
        faults += [f"kernel: {text}" for text in page.evaluate("window.tracebacks || []")]
        page.context.close()
    server.stop_kernels()
    assert not faults, "\n".join(faults)


# -- the page that needs no server ---------------------------------------------------------------


@pytest.fixture(scope="session")
def shown_models():
    return {name: weights.load(name) for name in ("mnist", "mnist-control", "faces")}


@pytest.fixture(scope="session")
def page_file(shown_models, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "infogan.html"
    path.write_text(pages.html(shown_models), encoding="utf-8")
    return path


@pytest.fixture
def opened(chromium, page_file):
    """opened(hash="", **context): the page from its file, offline. Any request, console error or exception fails."""
    faults, contexts = [], []

    def open_it(fragment="", address=None, **options):
        context = chromium.new_context(
            **{"viewport": {"width": 1280, "height": 720}, "accept_downloads": True, **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: faults.append(f"page: {error}"))
        page.on("console", lambda m: m.type in ("error", "warning") and faults.append(f"console: {m.text}"))
        start = address or page_file.as_uri()
        page.on(
            "request",
            lambda r: r.url.split(":")[0] in ("blob", "data") or r.url.split("#")[0] == start or faults.append(r.url),
        )
        context.set_offline(address is None)
        page.goto(start + fragment)
        context.set_offline(True)
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        until(page, "document.querySelector('#knobs .sheet canvas')?.width !== 300")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not faults, "\n".join(faults)
