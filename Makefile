# Postil. `make` alone lists the targets; the text behind ## is what it prints.
# Any Python from 3.11 on will do: make run PYTHON=/path/to/python
PYTHON ?= python3
ARGS ?=
SHELL := /bin/sh
.DEFAULT_GOAL := help
MUTATE_ENV := RFC_MIRROR=$${RFC_MIRROR:-../shared/rfc/txt}
.PHONY: help setup env-run env-dev run site publish test proof crash soak fuzz check fix bench mutate lock clean

BIN := .venv/bin
MARKS := site mime smtp_reception compare
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

help: ## print this list of targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

setup: env-dev ## make the environment in .venv (the other targets do it by themselves)

# The version is asked in a way that every Python understands, so that old ones get the sentence too.
env-run env-dev:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "postil: needs Python 3.11 or newer, and $(PYTHON) is not: install one or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) tools/bootstrap.py $(@:env-%=%)

run: env-run ## start a mail server for trying things out; options: make run ARGS='--port-offset 1000'
	@mkdir -p build; nice -n 19 $(BIN)/python -m tools.build_site --jobs 1 --quiet >build/site.log 2>&1 </dev/null & site=$$!; \
	trap 'kill $$site 2>/dev/null' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	$(BIN)/postil localserve $(ARGS)

site: env-run ## build the website and the pages that show code and RFCs side by side, in build/site
	@$(BIN)/python -m tools.build_site $(ARGS)

publish: env-run ## add a version of all pages to a folder of versions: make publish TO=/srv/www NAME=v1.2
	@test -n "$(TO)" || { echo "postil: say where: make publish TO=FOLDER NAME=dev" >&2; exit 2; }
	@$(BIN)/python -m tools.build_site --to "$(TO)" --name "$(or $(NAME),dev)" $(ARGS)

test: env-dev ## run the tests, in parallel and random order; one of them: make test ARGS='-k NAME'
	@mkdir -p build
	$(PYTEST) -m "not proof" --rfc-results build/rfc-results.jsonl $(ARGS)

proof: env-dev ## run the tests that take long
	@mkdir -p build
	@status=0; \
	$(PYTEST) -m "proof and not alone" --timeout 900 --rfc-results build/rfc-results-proof.jsonl $(ARGS) || status=1; \
	$(PYTEST) -m alone -n 0 --timeout 900 --rfc-results build/rfc-results-alone.jsonl $(ARGS:.xml=-alone.xml) || status=1; \
	exit $$status

crash: env-dev ## cut the power at 50,000 points and kill the server 100 times (half an hour on two cores)
	POSTIL_CRASH_POINTS=50000 POSTIL_KILLS=100 $(PYTEST) -m proof --timeout 3600 tests/faults $(ARGS)

# Every check runs even when an earlier one fails: all findings in one go.
check: env-dev ## ruff, mypy, the layers, the sizes of modules, the references to RFCs, what IMAP announces
	@status=0; run() { echo "== $$*"; "$$@" || status=1; }; \
	run $(BIN)/ruff check .; \
	run $(BIN)/ruff format --check .; \
	run $(BIN)/mypy; \
	run $(BIN)/lint-imports --no-cache --no-logo; \
	run $(BIN)/python tools/check_sizes.py; \
	run $(BIN)/rfclinks check; \
	run $(BIN)/python -m pytest -q -n 0 -p no:cacheprovider --no-header tests/repo/test_capabilities.py; \
	exit $$status

soak: env-dev ## twenty clients for ten minutes: no error, nothing grows, nothing is broken
	POSTIL_SOAK_SECONDS=$${POSTIL_SOAK_SECONDS:-600} $(PYTEST) -m proof -n 0 tests/faults/test_soak.py $(ARGS)

fuzz: env-dev ## feed the parsers what a fuzzer makes, a minute each (options: ARGS='--seconds 600 imap')
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/fuzz.txt || true
	$(BIN)/python -m tests.fuzz $(ARGS)

fix: env-dev ## let ruff correct and format what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: env-dev ## measure the marks of speed beside other servers and print them
	@for mark in $(MARKS); do \
	  echo "== $$mark"; $(MUTATE_ENV) $(BIN)/python -m tools.bench.$$mark $(ARGS) || exit 1; \
	done

mutate: env-dev ## break code that 50 sentences cite; a marked test must fail (options: ARGS='-n 10 --seed 1')
	$(MUTATE_ENV) $(BIN)/python tools/mutate.py $(ARGS)

lock: ## lock the newest allowed versions in requirements/ (needs uv)
	@$(PYTHON) tools/lock.py

clean: ## remove the environment and everything built
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
