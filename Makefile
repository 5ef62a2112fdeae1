# Two commands do all the set-up on a bare machine with Python 3.11 or newer: `make up` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
REQUIREMENTS := requirements/bootstrap.txt requirements/dev.txt
READY := .venv/.ready
# Where this is set, every process would compile the SDKs anew, which is most of a short command's time.
export PYTHONDONTWRITEBYTECODE :=

# `make up BLUEPRINT=gpu-cluster`: another platform than the shipped one, begun below .modelyard/blueprints, with a team.
BLUEPRINT ?=
PROJECT := $(if $(BLUEPRINT),.modelyard/blueprints/$(BLUEPRINT),.)
BEGUN := $(if $(BLUEPRINT),$(PROJECT)/platform/platform.yaml)
YARD := $(CURDIR)/$(BIN)/yard

.PHONY: up down test lint check bench clean
.DEFAULT_GOAL := up

$(READY): $(REQUIREMENTS) pyproject.toml
	@$(PYTHON) tools/environment.py

ifneq ($(BLUEPRINT),)
$(BEGUN): | $(READY)
	@$(YARD) new project $(PROJECT) --blueprint $(BLUEPRINT)
	@ln -sfn $(CURDIR)/.venv $(PROJECT)/.venv
	@cd $(PROJECT) && $(YARD) new team vision --blueprint gpu
endif

up: $(READY) $(BEGUN)
	@cd $(PROJECT) && $(YARD) up --sandbox
	@cd $(PROJECT) && $(YARD) sandbox seed
	@cd $(PROJECT) && $(YARD) up --sandbox

down: $(READY)
	@cd $(PROJECT) && $(YARD) down --sandbox
	@cd $(PROJECT) && $(YARD) sandbox status
	@cd $(PROJECT) && $(YARD) sandbox stop

test: $(READY)
	$(BIN)/yard engine install
	@$(BIN)/python tools/tests.py

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python tools/spec_tables.py --check
	$(BIN)/python tools/rules_page.py --check
	$(BIN)/python tools/charts_page.py --check

check: lint
	$(BIN)/pytest tests/unit -n logical --dist loadfile

bench: $(READY)
	@$(BIN)/python tools/bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
