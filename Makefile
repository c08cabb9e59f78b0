# Every target makes its own environment first; see leadgen_project/bootstrap.sh.
PYTHON_IN_VENV := .venv/bin/python
MANAGE := $(PYTHON_IN_VENV) manage.py
# One process more than there are cores, since a third of the time is spent waiting for processes
# that are killed, restarted or asked; each has a test database of its own.
PARALLEL := -n $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1))) --maxprocesses 4 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help environment demo run worker stop test test-fast lint fmt bench check lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

environment:
	@leadgen_project/bootstrap.sh

demo: environment ## from nothing to two tenants' shortlists, without keys or internet
	@$(MANAGE) demo $(ARGS)

run: environment ## serve the console and work the queue until Ctrl-C
	@$(MANAGE) run $(ARGS)

worker: environment ## work the queue only (for a second machine)
	@$(MANAGE) worker $(ARGS)

stop: environment ## stop the embedded database, which otherwise stays up
	@$(MANAGE) stop_database

test: environment ## all tests; those in the browser need Chromium
	@$(PYTHON_IN_VENV) -m pytest $(PARALLEL) $(ARGS)

test-fast: environment ## the tests that take no more than seconds
	@$(PYTHON_IN_VENV) -m pytest $(PARALLEL) -m "not slow and not browser" $(ARGS)

lint: environment ## style, import contracts and types
	@$(PYTHON_IN_VENV) -m ruff check .
	@$(PYTHON_IN_VENV) -m ruff format --check .
	@$(PYTHON_IN_VENV) .venv/bin/lint-imports
	@$(PYTHON_IN_VENV) -m mypy .

fmt: environment ## put the code into shape
	@$(PYTHON_IN_VENV) -m ruff check --fix .
	@$(PYTHON_IN_VENV) -m ruff format .

bench: environment ## measure, each number as a ratio against a yardstick of the same run
	@$(PYTHON_IN_VENV) -m bench $(ARGS)

check: lint test ## what must hold before a release
	@BASE_URL=https://leadgen.example BEHIND_PROXY=on $(MANAGE) check --deploy --fail-level WARNING
	@$(MANAGE) makemigrations --check --dry-run

lock: environment ## renew requirements.lock from pyproject.toml (needs uv)
	@uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header -q -o requirements.lock

clean: ## remove the environment and all caches; data stays
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.data/*' -prune -exec rm -rf {} +
