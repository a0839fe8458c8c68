# Everything runs in .venv; the first call makes it. PYTHON names the Python it is made from (3.11 or newer,
# since the pinned packages need it). TORCH_INDEX, if given, is one more package index, such as the one PyTorch's
# "Start Locally" page names for its small CPU build: pip prefers that build, 2.14.1+cpu, to the plain 2.14.1.
# WHEELHOUSE, if given, is a folder made by `make wheelhouse`: packages then come from there and from no network.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
PY := .venv/bin/python
PIP := $(PY) -m pip install --disable-pip-version-check -c requirements.lock
SOURCES = $(if $(WHEELHOUSE),--no-index --find-links "$(WHEELHOUSE)",$(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)"))
# The learner's kept copies, NAME.mine-1.ipynb, are no part of the course.
NOTEBOOKS := $(foreach n,$(sort $(wildcard notebooks/*.ipynb)) $(sort $(wildcard notebooks/solutions/*.ipynb)),$(if $(findstring .mine-,$n),,$n))
FIRST := $(firstword $(sort $(wildcard notebooks/[0-9]*.ipynb)))
ROOT = $(filter 0,$(shell id -u))
NBVAL := --nbval-lax --nbval-current-env --nbval-cell-timeout=300

.PHONY: help install lab explore page reset test lint slides handouts assignment wheelhouse weights soak clean
.DEFAULT_GOAL := help

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

install: .venv/installed ## make .venv and install the pinned packages; again when the pins changed

.venv/installed: pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found. Install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "'$(PYTHON)' is not Python 3.11 or newer. Name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || { echo "Making .venv with $(PYTHON)"; $(PYTHON) -m venv .venv; }
	@echo "Installing the pinned packages: minutes the first time, seconds after that"
	$(PIP) $(SOURCES) -e ".[course,test]"
	@touch $@

# JupyterLab keeps its token and answers on this machine only; default_url makes the printed address, too,
# open the first notebook. It refuses to run as root unless told; in a container root is the usual user.
lab: install ## open JupyterLab at the first notebook
	@test -n "$(FIRST)" || { echo "There is no notebook in notebooks/."; exit 1; }
	$(if $(ROOT),@echo "You are root: JupyterLab starts with --allow-root; whoever has its address has root's rights here.")
	$(PY) -m jupyterlab --ip=127.0.0.1 --LabApp.default_url=/lab/tree/$(FIRST) $(if $(ROOT),--allow-root)

explore: install ## show the knobs alone, without code, as a page for a projector
	$(PY) -m voila notebooks/explorer.ipynb --Voila.ip=127.0.0.1 --Voila.auto_token=True

# The gallery's model comes first once it ships, then the one of the course; a control has nobody to read it.
PAGE = $(firstword $(foreach m,mnist-gallery mnist,$(if $(wildcard data/weights/$m.safetensors),$m)))

page: install ## build infogan.html: the knobs, a digit to draw, in one file for any browser
	$(PY) -m infogan_lib page $(PAGE) mnist-control --out infogan.html

reset: install ## a fresh copy of a notebook, as in make reset NB=05; yours is kept beside it
	@$(PY) -m infogan_lib reset "$(NB)"

test: install ## run the unit tests, then every notebook
	$(PY) -m pytest --ignore=tests/browser
	@test -n "$(NOTEBOOKS)" || { echo "There is no notebook to run in notebooks/."; exit 1; }
	$(PY) -m pytest $(NBVAL) --junitxml=reports/notebooks.xml $(NOTEBOOKS)

# tests/lint reads text: the form of the pages, tables against data/results, links, command lines, packages.
lint: install ## check style, format, types, and the text of pages and documents
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest -q tests/lint

slides: install ## build the slides of the 90-minute lesson: reports/slides.html
	$(PY) notebooks/teaching/slides.py

# The template "classic" keeps the descriptions of pictures. A page fetches MathJax when it is opened.
handouts: install ## build a printable page of every notebook: reports/handouts
	$(PY) -m nbconvert --to html --template classic --output-dir reports/handouts $(filter notebooks/0% notebooks/1%,$(NOTEBOOKS))

assignment: install ## make an assignment of one notebook's exercises, such as NB=05: assignments/
	$(PY) notebooks/teaching/assign.py "$(NB)"

wheelhouse: install ## gather the pinned packages for a room without network: wheelhouse/
	$(PY) -m pip wheel --disable-pip-version-check -c requirements.lock $(SOURCES) -w wheelhouse ".[course,test]" setuptools

weights: install ## train the shipped weights again, and their rows of data/results: some four hours
	$(PY) benchmarks/readers.py digits
	$(PY) benchmarks/readers.py judge
	$(PY) benchmarks/readers.py faces
	$(PY) benchmarks/mnist.py views --seeds 10 11 12 13 14
	$(PY) benchmarks/mnist.py control --seeds 10 11 12 13 14
	$(PY) benchmarks/mnist.py gallery --seeds 10 11 12 13 14
	$(PY) benchmarks/mnist.py ship
	$(PY) benchmarks/dcgan.py dcgan-mnist dcgan-faces
	$(PY) benchmarks/faces.py infogan --seeds 0 1 2 3 4
	$(PY) benchmarks/faces.py control --seeds 0 1 2 3 4
	$(PY) benchmarks/faces.py ship

soak: install ## run the long fault tests
	$(PY) -m pytest -m soak

clean: ## remove caches and reports; keeps .venv and runs/
	rm -rf reports build .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find infogan_lib tests notebooks -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf
