# One word per chore. `make demo` and `make test` need only Python 3.11+, git and make:
# each makes .venv by itself when it is missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: demo test suite check lint types docs format bench clean

demo: $(STAMP)
	$(BIN)/gatewise demo

# Types are checked beside the tests, many of which wait for something.
test: $(STAMP)
	$(MAKE) --no-print-directory --jobs=2 lint types suite

suite: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --cov --cov-report=term

check: lint types

lint: $(STAMP)
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs

types: $(STAMP)
	$(BIN)/mypy

docs: $(STAMP)
	$(BIN)/python -m sphinx -W -q -b html docs docs/_build
	@echo "open docs/_build/index.html"

format: $(STAMP)
	$(BIN)/ruff check --fix src tests benchmarks docs
	$(BIN)/ruff format src tests benchmarks docs

bench: $(STAMP)
	@test -n "$(DATA)" || { echo "type: make bench DATA=folder-of-data-sets"; exit 2; }
	$(BIN)/python benchmarks/accuracy.py --data "$(DATA)"

clean:
	rm -rf $(VENV) demo docs/_build .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis

# pip, not another installer: with the exact pins of constraints.txt it is reproducible anywhere.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable ".[all]"
	touch $(STAMP)
