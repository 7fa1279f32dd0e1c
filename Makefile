# Everything a person does often, one short target each. CI calls only these.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
HOST ?=
PORT ?=
BATCHES ?= 10
FUZZ_SECONDS ?= 3600
PYTHONS ?=
SOURCES := $(shell find crates python -name '*.rs' -o -name '*.toml' -o -name '*.py' 2>/dev/null) Cargo.toml pyproject.toml

# Bytecode is made at the installation, as pip does, so that the first start is as fast as the next ones.
COMPILEALL := $(BIN)/python -m compileall -q python/tidemill

.PHONY: help build quick run test test-rust test-python test-pythons fuzz lint format bench docs clean

help: ## List the targets
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

build: $(STAMP) ## Build everything and install it into ./.venv

$(VENV)/bin/maturin:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 9))' || { echo "Tidemill needs Python 3.9 or later; set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python has no venv module: install it (Debian: apt-get install python3-venv)"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check 'maturin>=1.9,<2'

$(STAMP): $(VENV)/bin/maturin $(SOURCES)
	$(BIN)/maturin develop --release --quiet
	@$(COMPILEALL)
	@touch $(STAMP)

quick: $(VENV)/bin/maturin ## Build and install without the last optimisations, for trying things out
	$(BIN)/maturin develop --profile quick --quiet
	@$(COMPILEALL)

run: build ## Count points from a generator for ten batches (HOST=... PORT=... for your own server)
	$(BIN)/python examples/demo.py --batches $(BATCHES) $(if $(PORT),--host $(or $(HOST),localhost) --port $(PORT))

test: test-rust test-python ## Run every test, Rust and Python, with all that they need

test-rust: ## Run the Rust tests
	cargo test --quiet --workspace

test-python: build ## Run the Python tests
	@sh tests/install.sh
	$(BIN)/python -m pytest tests

test-pythons: build ## The compiler's tests on every other CPython found, 3.9 to 3.14 (PYTHONS="3.9 3.13" or ends)
	$(BIN)/python tests/pythons.py --only "$(PYTHONS)"

fuzz: build ## Compare made-up functions, patterns and folds with CPython's, each for FUZZ_SECONDS (an hour unless said)
	@sh tests/install.sh
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -s tests/python -k test_generated

lint: build ## Check format, lints and types
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- -D warnings
	@sh tests/install.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: build ## Format everything
	cargo fmt --all
	@sh tests/install.sh
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: build ## Measure against peers in one run; writes docs/benchmarks.md
	$(PYTHON) bench/run.py

bench-%: build ## One benchmark (quadrant, wordcount, jsonlines, accesslog, numpyjob, runningcount, idle, interval10, startup, compiletime, instructions), e.g. make bench-quadrant ONLY=pyspark
	$(PYTHON) bench/run.py $* $(if $(ONLY),--only $(ONLY))

docs: ## Build the Rust documentation
	cargo doc --quiet --no-deps -p tidemill

clean: ## Remove what the targets made
	rm -rf target $(VENV) .bench .oracle-venv .pythons .tests
