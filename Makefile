# Two commands do all the set-up on a machine with Python 3.11+:
#   make trial    the main job, on the embedded engine and models (minutes on two cores; --set core takes longer)
#   make test     the tests, but for those that take long or need a real engine or agent
#   make test-unit those of one process, in under two minutes
#   make test-all all of them, as CI does
# And for the docs: make docs writes the site to build/site/index.html and the manual page to build/man/onbox.1
PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=
# Tests run side by side, two workers more than cores; those that need the box to themselves wait for it (tests/turns.py).
# Without bytecode every worker, and every process that a test starts, would compile all modules anew.
PYTEST  = env -u PYTHONDONTWRITEBYTECODE $(VENV)/bin/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder
LONG    = slow or engine or vllm or ray

.PHONY: trial test test-unit test-all lint format docs clean

trial: $(VENV)/.embedded
	$(VENV)/bin/onbox trial $(ARGS)

test: $(VENV)/.dev
	$(PYTEST) -m "not ($(LONG))" $(ARGS)

test-unit: $(VENV)/.dev
	$(PYTEST) -m "not ($(LONG))" tests/unit $(ARGS)

test-all: $(VENV)/.dev
	$(PYTEST) $(ARGS)

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(VENV)/.docs
	$(VENV)/bin/python -m sphinx -W --keep-going -q -b html docs build/site
	$(VENV)/bin/python -m sphinx -W --keep-going -q -b man docs build/man

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "onbox needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.embedded: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[embedded,see,view]'
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/.embedded $(VENV)/.docs

$(VENV)/.docs: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
