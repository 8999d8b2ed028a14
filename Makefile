# Every target does its own set-up: the environment lives in .venv and is renewed when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: search test lint bench clean

search: $(READY)  ## search on the bundled digits, in the terminal
	$(BIN)/workbench search --data digits --preset quick --path data/runs/digits.sqlite --if-exists new

test: lint  ## formatting, types and tests
	$(BIN)/python -m pytest -n auto

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)  ## speed, as ratios against references measured in the same run
	$(BIN)/python tests/benchmarks $(ONLY)

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build *.egg-info
