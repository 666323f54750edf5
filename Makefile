# Each target sets up what it needs: `make sweep` and `make test` work first on a fresh machine.
# Python 3.11 or newer and make are all that has to be there.

PYTHON ?= python3
CONFIG ?= experiments/sweeps/preprocessing.yaml
BIN    := .venv/bin
READY  := .venv/.ready
# Each test process computes with one thread: two that share the cores would only wait for each other.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help setup sweep ui test check bench clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

setup: $(READY) ## make the environment: pinned, hash-checked packages

$(READY): requirements/bootstrap.lock requirements/skinlab.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("error: Python %d.%d found; 3.11 or newer would do: make PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@echo "making .venv (about 5 GB of packages, 1-5 minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/skinlab.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline -e .
	@touch $@

sweep: $(READY) ## search the preprocessing space (CONFIG=experiments/sweeps/….yaml for another)
	@if [ "$(CONFIG)" = "experiments/sweeps/preprocessing.yaml" ]; then $(BIN)/skinlab data synth; fi
	@$(BIN)/skinlab sweep $(CONFIG)

ui: $(READY) ## open the MLflow UI on this machine
	@$(BIN)/skinlab ui

test: $(READY) ## run all tests, the fast ones first
	@$(ONE_THREAD) $(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow"
	@$(ONE_THREAD) $(BIN)/python -m pytest -q -n auto -m slow

check: $(READY) ## what CI runs: style, types, tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

bench: $(READY) ## measure the ratios of benchmarks/README.md on this machine
	@for file in benchmarks/*.py; do \
	  case $$file in */side_by_side.py) ;; *) echo "$$file"; $(BIN)/python $$file || exit 1;; esac; done

clean: ## delete the environment and caches of tools; the workspace with its runs stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
