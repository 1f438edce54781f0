# Every target sets up .venv with pip when it is missing; see `make help`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO ?= runs/clothes
DEMO_CLASSES := T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot

.DEFAULT_GOAL := help
.PHONY: help install run demo-label test check format bench clean

help: ## Say what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

install: $(STAMP) ## Set up .venv with askwell and its development tools

$(STAMP): pyproject.toml scripts/setup.sh
	PYTHON=$(PYTHON) VENV=$(VENV) bash scripts/setup.sh
	@touch $@

run: $(STAMP) ## The main job: learn MNIST from 20 labels, compare three acquisition functions
	$(BIN)/askwell run quickstart

demo-label: $(STAMP) ## Label real photographs of clothes (Fashion-MNIST) in your browser
	[ -e $(DEMO) ] || $(BIN)/askwell data images fashion_mnist $(DEMO) --count 1000
	$(BIN)/askwell label $(DEMO) --classes "$(DEMO_CLASSES)"

test: $(STAMP) ## Run every test, a file at a time on each core
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

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
	for name in scoring racing precision one_round head_cost memory figure1 training_steps \
		small_grey labelling_rank labelling_next labelling_mistakes; do \
		$(BIN)/python benchmarks/$$name.py benchmarks/results/$$name.csv || exit 1; \
	done

clean: ## Remove .venv and caches (data and runs stay)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
