# Every target runs on a bare machine with make, git and Python 3.11 or newer, and is quick the second time.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install demo test golden lint bench check clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## put feedbridge into .venv (editable)

# Status 1 means: done, some products held back. The demo shop has a few on purpose.
demo: install ## convert the demo fixtures for all three platforms into demo-output/
	$(BIN)/feedbridge convert fixtures/demo/shop.csv --mapping shopify --set currency=EUR --to flipsnack --to magento --out demo-output/shop || test $$? -eq 1
	$(BIN)/feedbridge convert fixtures/demo/digital.csv --mapping digital --set currency=EUR --to flickrocket --out demo-output/digital || test $$? -eq 1
	@echo "Look at demo-output/shop and demo-output/digital: payloads in flipsnack/, magento/, flickrocket/; what was held back, and why, in quarantine/ and findings.jsonl."

test: $(VENV)/.installed-test ## run every test, on all cores
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

golden: $(VENV)/.installed-test ## rewrite the expected files of the golden tests; then read `git diff fixtures/`
	FEEDBRIDGE_GOLDEN=write $(BIN)/python -m pytest -k golden $(ARGS)

lint: $(VENV)/.installed-test $(VENV)/.installed-lint ## ruff and mypy
	$(BIN)/ruff check --config .ci/ruff.toml .
	$(BIN)/mypy

bench: $(VENV)/.installed-bench ## measure speed and memory against a hand-written script (ARGS="--large" for more)
	$(BIN)/python benchmarks/run.py $(ARGS)

check: lint test ## all that CI checks

clean: ## remove all that make made
	rm -rf $(VENV) build dist demo-output benchmarks/.data *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is older than setup.cfg when a dependency may have changed; only then pip runs again.
$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-%: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@ $(VENV)/.installed

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "feedbridge needs Python 3.11 or newer, and $(PYTHON) is not there; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "feedbridge needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
