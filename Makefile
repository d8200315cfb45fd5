# `make` alone lists the targets. Python 3.11 or newer and make are all that demo, test and check need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PY := $(BIN)/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
COVERING := tests/overlay tests/mock tests/cli tests/batch \
	$(patsubst %,tests/test_%.py,mcp functions directory arguments openai_forms openai_snippets guides trio readme live \
	types estimates models canary observed hostile_responses failed_tasks) tests/programs
# The tests that draw as many inputs as API302_FUZZ_EXAMPLES says.
DRAWING = $(shell grep -rl --include='test_*.py' -e '\bEXAMPLES\b' tests/*/ tests/test_hostile_responses.py)
REDOCLY := npx --yes @redocly/cli@2.77.0

# Thousands of generated modules and the tests' own are compiled once, whatever the machine's habit.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test test-long test-clients coverage check check-rules check-types types build format lint-spec fuzz lowest newest pythons kills ray weekly bench live canary mock publish publish-proof generators wheel release installed lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit("api302 needs Python 3.11 or newer, this is %d.%d; try: make PYTHON=python3.12 ..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# One stamp per extra, so that the demo does not wait for the development tools; all are sections of one locked file.
$(VENV)/ready-%: pyproject.toml requirements.lock $(VENV)/pyvenv.cfg
	@echo "Installing api302[$*] into $(VENV) ..."
	@$(PY) scripts/lock.py show $* > $(VENV)/$*.txt
	@$(PIP) --require-hashes --requirement $(VENV)/$*.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/ready-demo ## the whole tour against the mock; AI302_API_KEY=... LIVE=1 for the real service
	$(PY) tests/demo.py

# What goes through all operations one by one.
OPERATION_TESTS := tests/test_api.py tests/test_fuzz.py tests/mock/test_document.py tests/publish/test_samples.py

# Three at once on two cores: some wait for a process or a clock.
PYTEST := $(PY) -m pytest -n 3 -q

test: $(VENV)/ready-dev ## all tests but the long and slow ones; ONLY=videos.kling: one section or vendor, all fuzzing included
	$(if $(ONLY),API302_ONLY=$(ONLY) )$(PYTEST) $(if $(ONLY),$(OPERATION_TESTS) -m 'not slow and not proof')

test-long: $(VENV)/ready-dev ## what goes through every operation where test takes one of a kind: fuzzing, validators
	$(PYTEST) -m long tests

# The vendors' own clients have an environment of their own: what they need contradicts what ours do.
CLIENTS := .venvs/clients
CLIENTS_PY := $(CLIENTS)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)/python

$(CLIENTS)/ready: tests/clients/requirements.txt $(VENV)/pyvenv.cfg
	@echo "Installing the vendors' clients into $(CLIENTS) ..."
	@$(PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS_PY) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/clients/requirements.txt
	@touch $@

test-clients: $(VENV)/ready-dev $(CLIENTS)/ready ## the vendors' own clients, as they are, against the mock
	API302_MOCK_PYTHON=$(abspath $(PY)) $(CLIENTS_PY) -m pytest -q -c tests/clients/pytest.ini tests/clients

coverage: $(VENV)/ready-dev ## how much of overlays/ its tests run, branches too; fails below the share in pyproject.toml
	API302_FUZZ_EXAMPLES=25 $(PY) -m pytest -n 2 -q --cov --cov-report=term-missing:skip-covered $(COVERING)

check: $(VENV)/ready-dev ## house rules of spec/, generated/ up to date, lint, layers, types
	@$(MAKE) --jobs=2 check-types check-rules

check-rules: $(VENV)/ready-dev ## check without the types
	$(PY) -m generator check
	$(PY) -m ruff check --quiet .
	$(PY) -m ruff format --check --quiet .
	$(BIN)/lint-imports

check-types: $(VENV)/ready-dev ## the types of all Python
	$(PY) -m basedpyright --threads 2

# It asks the first Python of PATH where packages are, whatever its options say.
types: $(VENV)/ready-dev ## the public types of api302 are complete, and right on Windows and macOS too
	PATH="$(abspath $(BIN)):$$PATH" $(PY) -m basedpyright --verifytypes api302 --ignoreexternal
	$(PY) -m basedpyright --threads 2 --pythonplatform Windows overlays generator scripts
	$(PY) -m basedpyright --threads 2 --pythonplatform Darwin overlays generator scripts

build: $(VENV)/ready-dev ## spec/ -> generated/
	$(PY) -m generator build
	$(PY) -m generator coverage --into README.md

format: $(VENV)/ready-dev ## format hand-written Python
	$(PY) -m ruff check --fix --quiet .
	$(PY) -m ruff format --quiet .

lint-spec: ## Redocly's recommended rules over the joined document (needs Node)
	$(REDOCLY) lint generated/openapi.json --config spec/redocly.yaml

publish: $(VENV)/ready-dev ## spec/ -> dist/openapi: OpenAPI 3.2, 3.1, 3.0, llms.txt, reference site (needs Node)
	$(PY) -m generator publish

publish-proof: $(VENV)/ready-proof ## clients in TypeScript, Go and Java from the publication, its site in a browser (needs Node, Go, Java, Maven, Chromium)
	$(PY) -m pytest -q -m proof tests/proof

generators: $(VENV)/ready-proof ## clients of the whole document in Rust, Kotlin and by ogen; long (needs Rust, Go, jq, Java, Maven, Node)
	$(PY) -m pytest -q -m weekly tests/proof

fuzz: $(VENV)/ready-dev ## schemathesis and the tests that draw their inputs, with many more of them
	API302_FUZZ_EXAMPLES=200 $(PY) -m pytest -q tests/test_fuzz.py
	API302_FUZZ_EXAMPLES=200000 $(PY) -m pytest -n 2 -q $(DRAWING)

lowest: $(VENV)/ready-dev ## the tests with the lowest versions that pyproject.toml promises
	$(PY) scripts/versions.py lowest

newest: $(VENV)/ready-dev ## the tests with the newest versions that pyproject.toml allows, and what drifted from the lock
	$(PY) scripts/versions.py newest

pythons: $(VENV)/ready-dev ## the tests with each Python from 3.11 that this machine has
	$(PY) scripts/versions.py pythons

kills: $(VENV)/ready-dev ## SIGKILL at random: a batch's runner, workers, Redis, PostgreSQL; KILLS=20
	API302_KILLS=$(or $(KILLS),20) $(PY) -m pytest -q -m kills tests/batch

RAY := .venvs/ray
RAY_PY := $(RAY)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)/python

ray: $(VENV)/ready-dev ## the recipe for Ray, in an environment of its own
	$(PYTHON) -m venv $(RAY)
	$(RAY_PY) -m pip install --quiet --disable-pip-version-check '.[batch]' 'ray>=2.9' 'pytest>=9,<10'
	$(RAY_PY) -m pytest -q -o addopts= -o filterwarnings=default tests/batch/test_recipes.py -k ray

weekly: ## what takes too long for every change: the newest versions, each Python, long fuzzing, budgets, the proofs
	$(MAKE) --keep-going newest installed pythons fuzz bench publish-proof generators
	$(MAKE) --keep-going kills ray KILLS=200

bench: $(VENV)/ready-bench ## the budgets, measured against httpx by hand and the openai SDK
	$(PY) -m pytest -q -m slow tests
	$(PY) tests/bench.py

live: $(VENV)/ready-dev ## the free GETs of the real service, replies held against the spec (needs AI302_API_KEY)
	$(PY) tests/live.py

canary: $(VENV)/ready-dev ## the fifty most used calls of the real service once; make canary BUDGET=10 (PTC; needs AI302_API_KEY, costs money)
	@test -n "$(BUDGET)" || { echo 'say what may be spent, in PTC: make canary BUDGET=10'; exit 2; }
	$(PY) tests/canary.py $(BUDGET)

mock: $(VENV)/ready-demo ## the mock server at http://127.0.0.1:8302
	$(PY) -m api302_mock --port 8302

wheel: $(VENV)/ready-dev ## build the wheel into dist/
	$(PY) -m build --no-isolation --wheel --outdir dist

release: publish ## all that a release hands out, into dist/release: packages, documents, bill of materials, checksums
	$(PY) scripts/release.py

installed: $(VENV)/ready-dev ## the built wheel in fresh environments, with the lowest and the newest versions, in use
	$(PY) scripts/versions.py installed

lock: $(VENV)/ready-dev ## requirements.lock anew, with the newest versions that pyproject.toml allows
	$(PY) scripts/lock.py renew

clean: ## remove what can be made again
	rm -rf $(VENV) .venvs .cache/tests dist build .pytest_cache .ruff_cache .mypy_cache .hypothesis demo-output
