# Two commands do it all on a fresh machine with Python 3.11+, make and git:
#   make demo   install, then train on scanned digits, measure, and write the report
#   make test   install what tests need, then ruff, import-linter, pyright and pytest

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: demo test verify fuzz bench bench-tables format clean

demo: .venv/installed
	$(BIN)/leadline train digits

test: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/pyright
	$(BIN)/pytest -n auto --dist worksteal -m "not verify"

verify: .venv/installed-test
	$(BIN)/pytest -m verify

fuzz: .venv/installed-test
	$(BIN)/python tests/fuzz.py --seconds 60

bench: .venv/installed-test
	$(BIN)/python -m benchmarks

bench-tables: .venv/installed-bench
	$(BIN)/python -m benchmarks tables

format: .venv/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Leadline needs Python 3.11 or newer; set PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing what Leadline needs into .venv (a few minutes the first time) ..."
	@$(PIP) --editable .
	@touch $@

.venv/installed-test: .venv/installed
	@echo "Installing what the tests need ..."
	@$(PIP) --editable '.[test]'
	@touch $@

.venv/installed-bench: .venv/installed-test
	@echo "Installing the methods that Leadline is compared with on tables ..."
	@$(PIP) --editable '.[bench]'
	@touch $@

clean:
	rm -rf .venv build dist src/*.egg-info .pytest_cache .ruff_cache .hypothesis
