# Every target sets up .venv with pip when it is missing; see `make help`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install run test check format bench clean

help: ## Say what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

install: $(STAMP) ## Set up .venv with askwell and its development tools

$(STAMP): pyproject.toml scripts/setup.sh
	PYTHON=$(PYTHON) VENV=$(VENV) bash scripts/setup.sh
	@touch $@

run: $(STAMP) ## The main job: learn MNIST from 20 labels, compare three acquisition functions
	$(BIN)/askwell run quickstart

test: $(STAMP) ## Run every test
	$(BIN)/python -m pytest -q

check: $(STAMP) ## Format, lint, types, import layers, documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_docs*.py

format: $(STAMP) ## Format the code in place
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## Run the benchmarks, with baal beside; results go to benchmarks/results/
	$(BIN)/pip install -q --no-deps -r benchmarks/requirements.txt
	for name in scoring racing precision one_round head_cost memory figure1 training_steps; do \
		$(BIN)/python benchmarks/$$name.py benchmarks/results/$$name.csv || exit 1; \
	done

clean: ## Remove .venv and caches (data and runs stay)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
