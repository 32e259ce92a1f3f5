# Everything runs in .venv, created by the first target that needs it.
PYTHON ?= python3
BIN := .venv/bin
# Not compiled when installed, which takes longer than all the rest: Python compiles what it imports.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt

export PYTHONDONTWRITEBYTECODE =  # what the tests start would compile every module again

.PHONY: run test test-slow test-fast test-cpus test-live fuzz record check bench golden docs fix clean

run: .venv/run                    ## install, then show a model
	$(BIN)/layercli summary resnet-block

# About six minutes of processor time: left out of `test` for the ten minutes of continuous integration, run before a release.
SLOW = tests/runtime/test_hub_models.py tests/models/test_applications.py tests/cli/test_convert_models.py \
       tests/cli/test_convert_failures.py tests/gpu/test_devices.py tests/files/test_both_ways.py \
       tests/inspect/test_cost_proof.py tests/cli/test_fit_ranks.py tests/test_examples.py \
       tests/cli/test_flex_attention.py

test: .venv/test                  ## every test but the slow ones
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal $(addprefix --ignore=,$(SLOW))

test-slow: .venv/test             ## the slow tests: models of other libraries, applications, conversions, files, ranks, devices
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal $(SLOW)

FAST = tests/core tests/initializers tests/layers tests/losses tests/metrics tests/ops tests/optimizers
test-fast: .venv/test             ## layers, operations, losses, metrics and optimizers, for the inner loop
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal $(wildcard $(FAST))

NUMERIC = $(FAST) tests/test_op_consistency.py tests/inspect/test_model_loader.py tests/train tests/models
test-cpus: .venv/test             ## the numerical tests with the kernels of other CPUs, and with 1 and 2 threads
	for cpu in default avx2 avx512; do for threads in 1 2; do \
	  echo "ATEN_CPU_CAPABILITY=$$cpu OMP_NUM_THREADS=$$threads"; \
	  ATEN_CPU_CAPABILITY=$$cpu OMP_NUM_THREADS=$$threads $(BIN)/python -m pytest --numprocesses 2 --dist worksteal $(wildcard $(NUMERIC)) || exit 1; \
	done; done

test-live: .venv/test             ## every test, with Keras and JAX asked live and compared with the records
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --live

fuzz: .venv/test                  ## 10,000 damaged files of every format; those that are defects stay in fuzz-failed/
	mkdir -p fuzz-failed
	LAYERCLI_FUZZ_CASES=10000 LAYERCLI_FUZZ_FAILED=fuzz-failed $(BIN)/python -m pytest --numprocesses 2 tests/fuzz

record: .venv/test                ## record the answers of Keras and JAX that tests/reference/ lacks
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --record

check: .venv/check                ## style, types, and what the code may import
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/test                 ## paired ratios against the peers
	$(BIN)/python -m benchmarks

golden: .venv/test                ## rewrite the expected output of every command: read the diff
	$(BIN)/python -m pytest --golden tests/cli tests/gpu tests/test_readme.py

docs: .venv/docs                  ## build site/ from docs/, its commands and reference from the code; dead links fail
	$(BIN)/python docs/generate.py
	$(BIN)/python -m mkdocs build --strict --quiet

fix: .venv/check                  ## let ruff correct style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:                            ## remove what the targets created
	rm -rf .venv build site docs/commands docs/reference *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/pyvenv.cfg:
	$(PYTHON) -m venv .venv

.venv/run: .venv/pyvenv.cfg pyproject.toml constraints.txt
	$(PIP) --editable .
	touch $@

.venv/test .venv/check .venv/docs: .venv/pyvenv.cfg pyproject.toml constraints.txt
	$(PIP) --editable '.[$(@F)]'
	touch $@
