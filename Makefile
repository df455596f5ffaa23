# Every target does its own set-up from nothing but Python >= 3.11 and make: a virtual environment in .venv with the
# locked, hashed dependencies of requirements/dev.lock. Nothing is installed outside this folder.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Python is compiled once, not at every start of a process: many tests start servers.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
VENV := .venv
GEN := .venv-gen
SKEW := .venv-skew
TORCH := .venv-torch
MLFLOW2 := .venv-mlflow2
MLFLOW3 := .venv-mlflow3
BIN := $(VENV)/bin
JOBS ?= 2
NODE := tests/languages/node
UV = UV_PYTHON_DOWNLOADS=never $(BIN)/uv

.PHONY: help setup demo serve test test-topology test-skew test-torch test-mlflow test-mlflow-tutorials node faults bench gen lint format lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.ready ## Make the virtual environment

$(VENV)/.ready: requirements/bootstrap.lock requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Trackway needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …")'
	@echo "setting up $(VENV) (once) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@$(UV) pip sync --quiet --require-hashes requirements/dev.lock requirements/bootstrap.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(GEN)/.ready: requirements/gen.lock | $(VENV)/.ready
	@test -x $(GEN)/bin/python || $(PYTHON) -m venv $(GEN)
	@$(GEN)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/gen.lock
	@touch $@

# The packages of the Node client. Without npm its test fails and says what to do; everything else goes on.
$(NODE)/node_modules/.ready: $(NODE)/package.json $(NODE)/package-lock.json
	@if ! command -v npm >/dev/null; then echo "npm is missing: the Node client is not tested"; else \
	  cd $(NODE) && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.ready; fi

demo: $(VENV)/.ready ## Train four workers into one run, register, promote, resolve, predict
	$(BIN)/trackway demo

serve: $(VENV)/.ready ## Start a server on this machine (data in ./trackway-data)
	$(BIN)/trackway server

$(SKEW)/.ready: requirements/skew.lock | $(VENV)/.ready
	@test -x $(SKEW)/bin/python || $(PYTHON) -m venv $(SKEW)
	@$(SKEW)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/skew.lock
	@touch $@

test: $(VENV)/.ready $(GEN)/.ready node ## Run lint, type checks and the whole test suite
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not topology"

test-topology: $(VENV)/.ready ## The client suite over split services and replicas, and those restarted under load
	$(BIN)/python -m pytest tests/conformance/topology tests/faults/test_services_restarted.py

test-skew: $(VENV)/.ready $(SKEW)/.ready ## Test the client on the oldest protobuf and grpcio it supports (own environment)
	TRACKWAY_SKEW_PYTHON=$(SKEW)/bin/python $(BIN)/python -m pytest tests/integration/skew

# torch without CUDA where the index or PIP_FIND_LINKS has that build, else torch as it is.
$(TORCH)/.ready: requirements/torch-cpu.lock requirements/torch.lock | $(VENV)/.ready
	@echo "setting up $(TORCH) (once): 0.9 GB, or several where torch is to be had with CUDA only …"
	@test -x $(TORCH)/bin/python || $(PYTHON) -m venv $(TORCH)
	@install="$(TORCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes"; \
	  $$install -r requirements/torch-cpu.lock 2>/dev/null || $$install -r requirements/torch.lock
	@touch $@

test-torch: $(VENV)/.ready $(TORCH)/.ready ## Real torch: DataLoader workers and DistributedDataParallel (own environment)
	TRACKWAY_TORCH_PYTHON=$(TORCH)/bin/python $(BIN)/python -m pytest tests/integration/torch

$(MLFLOW2)/.ready: requirements/mlflow2.lock | $(VENV)/.ready
	@echo "setting up $(MLFLOW2) (once): 0.9 GB …"
	@test -x $(MLFLOW2)/bin/python || $(PYTHON) -m venv $(MLFLOW2)
	@$(MLFLOW2)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/mlflow2.lock
	@touch $@

# torch as in $(TORCH)
$(MLFLOW3)/.ready: requirements/mlflow3-cpu.lock requirements/mlflow3.lock | $(VENV)/.ready
	@echo "setting up $(MLFLOW3) (once): 2 GB, or several more where torch is to be had with CUDA only …"
	@test -x $(MLFLOW3)/bin/python || $(PYTHON) -m venv $(MLFLOW3)
	@install="$(MLFLOW3)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes"; \
	  $$install -r requirements/mlflow3-cpu.lock 2>/dev/null || $$install -r requirements/mlflow3.lock
	@touch $@

test-mlflow: $(VENV)/.ready $(MLFLOW2)/.ready $(MLFLOW3)/.ready ## MLflow's own clients, of 3 and 2, autologging and loggers (own environments)
	$(BIN)/python -m benchmarks.peer
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup tests/conformance/mlflow

test-mlflow-tutorials: $(VENV)/.ready $(MLFLOW2)/.ready $(MLFLOW3)/.ready ## MLflow's own tutorials, run as they are: DOCS=a checkout of MLflow
	@test -n "$(DOCS)" || { echo "say where MLflow's documentation lies: make test-mlflow-tutorials DOCS=folder"; exit 2; }
	$(BIN)/python -m benchmarks.peer
	TRACKWAY_MLFLOW_DOCS="$(abspath $(DOCS))" $(BIN)/python -m pytest -rs -n $(JOBS) tests/conformance/mlflow/tutorials

node: $(NODE)/node_modules/.ready ## Install what the Node client of the tests needs

faults: $(VENV)/.ready ## Crash tests, hostile requests and models of the metrics at full count (long)
	TRACKWAY_FAULTS=full $(BIN)/python -m pytest tests/faults tests/integration/proxies tests/integration/hostile tests/unit/metrics

bench: $(VENV)/.ready ## Benchmarks beside MLflow's in the same run (makes its own environment for the peer)
	$(BIN)/python -m benchmarks

gen: $(VENV)/.ready $(GEN)/.ready ## Generate the Python code of the protos
	$(BIN)/python protos/gen.py

lint: $(VENV)/.ready $(GEN)/.ready ## buf, ruff, mypy, import contracts, drift of generated code
	$(BIN)/buf lint protos
	$(BIN)/buf format protos --diff --exit-code
	$(BIN)/python protos/gen.py --check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready ## Format protos and Python
	$(BIN)/buf format protos --write
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.ready ## Lock newest versions in range, with hashes, without index addresses
	$(UV) pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 requirements/bootstrap.in -o requirements/bootstrap.lock
	$(UV) pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 requirements/gen.in -o requirements/gen.lock
	$(UV) pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 requirements/skew.in -o requirements/skew.lock
	$(UV) pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 requirements/peer.in -o requirements/peer.lock
	$(UV) pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 requirements/mlflow2.in -o requirements/mlflow2.lock
	$(UV) pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 requirements/mlflow3.in -o requirements/mlflow3.lock
	$(UV) pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 requirements/torch.in -o requirements/torch.lock
	$(UV) pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 --all-extras pyproject.toml -o requirements/dev.lock

clean: ## Remove the virtual environments and caches (not your data)
	rm -rf $(VENV) $(GEN) $(SKEW) $(TORCH) $(MLFLOW2) $(MLFLOW3) $(NODE)/node_modules .venv-peer .bench-* .mypy_cache .ruff_cache .hypothesis .pytest_cache
