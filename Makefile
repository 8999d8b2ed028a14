# Every target does its own set-up: the environment lives in .venv and is renewed when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# JupyterLab asks nobody outside this machine; without a display no browser is opened; root (in a container) may run it.
LAB_FLAGS := --ip=127.0.0.1 --LabApp.extension_manager=readonly
ifeq ($(shell uname -s),Linux)
  ifeq ($(DISPLAY)$(WAYLAND_DISPLAY),)
    LAB_FLAGS += --no-browser
  endif
endif
ifeq ($(shell id -u),0)
  LAB_FLAGS += --allow-root
endif

.PHONY: lab search test test-all lint bench docs results results-quick clean

lab: $(READY)  ## JupyterLab on the first notebook, ready to run on the bundled digits; RUN=run.sqlite opens its dashboard alone; over ssh forward the port it prints
ifdef RUN
	$(BIN)/workbench lab $(RUN) $(FLAGS)
else
	@$(BIN)/jupyter labextension disable --level=sys_prefix "@jupyterlab/apputils-extension:announcements" 2>/dev/null
	$(BIN)/jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/01_live_search.ipynb $(LAB_FLAGS) $(FLAGS)
endif

search: $(READY)  ## search on the bundled digits, in the terminal
	$(BIN)/workbench search --data digits --preset quick --path data/runs/digits.sqlite --if-exists new

test: lint  ## formatting, types and the quick tests, in minutes
	WORKBENCH_FUZZ=$${WORKBENCH_FUZZ:-20} $(BIN)/python -m pytest -n auto -m "not slow" --hypothesis-profile=quick

test-all: lint  ## every test: all browser sessions, drills and notebooks, and the whole fuzz
	$(BIN)/python -m pytest -n auto

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.bench  ## speed, as ratios against references and other libraries measured in the same run; ONLY="part of title"
	$(BIN)/python tests/benchmarks $(ONLY)

docs: $(VENV)/.docs  ## the documentation, into site/index.html; offline, any warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

results: $(READY)  ## every table of docs/results.md from scratch (hours; stop and go on at any time); FLAGS="--data mnist"
	$(BIN)/python -m workbench.results $(FLAGS)

results-quick: $(READY)  ## a small version of them, in minutes
	$(BIN)/python -m workbench.results --quick $(FLAGS)

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python .ci/install.py '.[dev]' 'Installing PyTorch, JupyterLab and what they need: expect 2 to 6 minutes; on Linux 7 GB.'
	touch $@

$(VENV)/.docs: $(READY)
	@$(BIN)/python .ci/install.py '.[docs]' 'Installing what makes the documentation: expect half a minute.'
	touch $@

$(VENV)/.bench: $(READY)
	@$(BIN)/python .ci/install.py '.[bench]' 'Installing JAX and ONNX Runtime to compare with: expect half a minute.'
	touch $@

clean:
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache build *.egg-info
