# `make demo` shows what codefeedback does, `make train` trains a small model with rltf-train, and
# `make test` runs every test. All need only python3 and set up what they use; run again, they start
# at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
EXAMPLES := passes some_cases raises does_not_parse

.PHONY: demo train test lint clean

demo: $(VENV)/.installed
	@for name in $(EXAMPLES); do \
		echo; echo "\$$ codefeedback grade examples/$$name.py --tests examples/tests.json"; echo; \
		$(BIN)/codefeedback grade examples/$$name.py --tests examples/tests.json; \
		status=$$?; [ $$status -le 1 ] || exit $$status; \
	done

# Goes on where it was stopped.
train: $(VENV)/.installed-train
	@$(BIN)/rltf-train run examples/microapps/rltf.yaml --resume

test: lint
	@$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "codefeedback needs Python 3.11 or later; choose one with: make PYTHON=python3.12")'
	@echo "Setting up $(VENV), once ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-train: $(VENV)/.installed
	@echo "Installing what the trainer needs, once ..."
	@$(PIP) --editable '.[train]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what the tests need, once ..."
	@$(PIP) --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
