# Communiqué: try it, test it. `make` alone says what there is.
#
#   PY=python3.12 make test    chooses the Python that the environment is made with
#   JOBS=1 make test           one test process (otherwise one for each processor, at most 8)

PY   ?= python3
VENV ?= .venv
JOBS ?= logical

BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt
RUNTIME := $(VENV)/.installed
TOOLS   := $(VENV)/.installed-tools
INPUTS  := pyproject.toml constraints.txt

# Tests start hundreds of commands: each would compile all of our modules anew.
unexport PYTHONDONTWRITEBYTECODE

# The gate wants to know that nothing ran on one database only.
BOTH    := $(if $(filter true,$(CI)),--both-databases)

.DEFAULT_GOAL := help
.PHONY: help demo test gate lint format bench bundle constraints

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(RUNTIME) ## a throw-away newsletter office with an inbox, in the browser (ARGS="--port 0")
	@$(BIN)/mailer demo $(ARGS)

test: $(TOOLS) ## all tests but those for the gate (ARGS="-k digest")
	@$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 8 -m "not gate" $(BOTH) $(ARGS)

gate: $(TOOLS) ## the tests that take minutes or need an outside program
	@$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 8 --dist worksteal -m gate \
	    --timeout 600 --durations 10 $(BOTH) $(ARGS)

lint: $(TOOLS) ## style, types and the import contract
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(TOOLS) ## put the code into its form
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

bench: $(TOOLS) ## the measurements in benchmarks/
	@for each in benchmarks/[a-z]*.py; do echo "== $$each"; $(BIN)/python "$$each" || exit 1; done

bundle: $(TOOLS) ## one archive to install from on a machine without a network (into dist/)
	@deploy/bundle.sh $(BIN)/python dist

constraints: $(TOOLS) ## write constraints.txt anew (needs uv)
	uv pip compile --universal --all-extras --no-header --no-annotate --upgrade --quiet \
	    pyproject.toml -o constraints.txt

$(BIN)/python:
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Python 3.11 or newer is needed, and $(PY) is $$($(PY) --version 2>&1 || echo missing)." >&2; \
	    echo "Name another one: make PY=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PY) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PY) cannot make virtual environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "making $(VENV) with $$($(PY) --version)" >&2
	@$(PY) -m venv $(VENV)

$(RUNTIME): $(INPUTS) | $(BIN)/python
	@echo "installing what the program needs" >&2
	@$(PIP) -e .
	@touch $@

$(TOOLS): $(INPUTS) | $(BIN)/python
	@echo "installing what the program and its tests need" >&2
	@$(PIP) -e '.[all,test]'
	@touch $(RUNTIME) $@
