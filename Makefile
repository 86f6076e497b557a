# Everything a developer or an operator types. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# Compiled modules are kept: the tests start many processes, and each would compile all anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test unit check format bench sim chaos lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP)  ## install everything, locked and hashed, into .venv

$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Python {v[0]}.{v[1]} is too old: Metronome needs 3.11 or newer. Run: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@test -f .env || cp .env.example .env
	@touch $@

demo: setup  ## a whole simulated trading day
	@$(BIN)/metronome demo $(ARGS)

test: setup  ## every test
	@$(BIN)/python -m pytest -n 3 $(ARGS)

unit: setup  ## the tests that open no socket
	@$(BIN)/python -m pytest tests/unit -q -n 2 $(ARGS)

check: setup  ## format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup  ## put the code into its one format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: setup  ## measure, side by side, on this machine
	@$(BIN)/python -m bench $(ARGS)

sim: setup  ## play seeds of the simulation: SEEDS=2000 START=1
	@$(BIN)/python -m proof.sim --seeds $(or $(SEEDS),2000) --first $(or $(START),1) $(ARGS)

chaos: setup  ## kill real processes and count what was lost: MINUTES=10 SEED=1 JSON=file
	@$(BIN)/python -m proof.chaos --minutes $(or $(MINUTES),10) --seed $(or $(SEED),1) $(if $(JSON),--json $(JSON)) $(ARGS)

lock: setup  ## resolve the requirements anew
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -c requirements.txt requirements-dev.in -o requirements-dev.txt

clean:  ## remove what setup made
	@rm -rf $(VENV) build *.egg-info
