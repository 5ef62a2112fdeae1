# Two commands do all the set-up on a bare machine with Python 3.11 or newer: `make up` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
REQUIREMENTS := requirements/bootstrap.txt requirements/dev.txt
READY := .venv/.ready

.PHONY: up down test lint check bench clean
.DEFAULT_GOAL := up

$(READY): $(REQUIREMENTS) pyproject.toml
	@$(PYTHON) tools/environment.py

up: $(READY)
	@$(BIN)/yard up --sandbox
	@$(BIN)/yard sandbox seed
	@$(BIN)/yard up --sandbox

down: $(READY)
	@$(BIN)/yard down --sandbox
	@$(BIN)/yard sandbox status
	@$(BIN)/yard sandbox stop

test: $(READY)
	$(BIN)/yard engine install
	@$(BIN)/python tools/tests.py

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python tools/spec_tables.py --check

check: lint
	$(BIN)/pytest tests/unit

bench: $(READY)
	@$(BIN)/python tools/bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
