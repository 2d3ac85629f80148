# `make demo` and `make test` do everything, from a fresh clone with Python 3.11+ and make.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: demo test lint types contracts tests format clean

demo: $(VENV)/.stamp
	@$(BIN)/remit demo

test: lint types contracts tests

lint: $(VENV)/.stamp
	@echo "== lint and format (ruff)"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.stamp
	@echo "== types (mypy, strict)"
	@$(BIN)/mypy

contracts: $(VENV)/.stamp
	@echo "== import contracts (import-linter)"
	@$(BIN)/lint-imports --no-cache

tests: $(VENV)/.stamp
	@echo "== tests (pytest)"
	@$(BIN)/python -m pytest

format: $(VENV)/.stamp
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Made anew when what the project asks for has changed.
$(VENV)/.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Remit needs Python 3.11 or newer; say which: make PYTHON=python3.12 " + "$(MAKECMDGOALS)")'
	@echo "== installing Remit and what its demo and tests need into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --progress-bar off --quiet --constraint constraints.txt pip
	@$(PIP) install --progress-bar off --constraint constraints.txt --group dev --editable '.[cli,openai-agents]'
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
