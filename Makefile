# make demo   call the shipped agent and hear five true answers
# make test   everything that is checked
# make serve  AGENT=lakes PORT=8080, for a browser

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AGENT ?= lakes
PORT ?= 8080

.PHONY: demo test serve lint clean

demo: $(VENV)/.local
	@$(BIN)/duplex demo

serve: $(VENV)/.local
	@$(BIN)/duplex serve $(AGENT) --port $(PORT)

test: $(VENV)/.test lint
	@$(BIN)/duplex models pull
	$(BIN)/pytest

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.local: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[local]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[local,test]'
	@touch $@ $(VENV)/.local

clean:
	rm -rf $(VENV) out build dist
