# The targets a newcomer needs. Windows has no make: the README gives the same steps for it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test coverage lint scan sbom bench install clean

run: $(VENV)/.run
	$(BIN)/python -m bot playground

test: $(VENV)/.dev
	sh .ci/install
	$(BIN)/pytest -n auto --dist worksteal

# In one process, so it takes twice as long: for a look now and then, not for every change.
coverage: $(VENV)/.dev
	sh .ci/install
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --skip-covered --skip-empty --fail-under=85

lint: $(VENV)/.dev
	$(BIN)/ruff check -q .
	$(BIN)/ruff format --check -q .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Secrets in the tree, known holes in what is pinned; and what the program is made of.
scan: $(VENV)/.dev
	sh .ci/scan

sbom: $(VENV)/.dev
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o sbom.json
	@echo "sbom.json"

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.throughput

install: $(VENV)/.run

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("需要 Python 3.11 或更新的版本") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock | $(VENV)/bin/python
	@echo "正在安装依赖（第一次约一分钟）……"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/bin/python
	@echo "正在安装开发依赖……"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
