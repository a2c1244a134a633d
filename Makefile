# make demo   call the shipped agent and hear five true answers
# make test   everything that is checked
# make serve  AGENT=lakes PORT=8080, for a browser
# make lint   ruff, mypy, import-linter
# make clean  remove the environment and what was made; models stay in the user's cache

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AGENT ?= lakes
PORT ?= 8080
CHROMIUM := /usr/bin/chromium
SOUND := libportaudio2 libasound2-plugins pulseaudio pulseaudio-utils
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet install

.PHONY: demo test serve lint chromium sound broker clean

demo: $(VENV)/.local
	@$(BIN)/duplex demo

serve: $(VENV)/.local
	@$(BIN)/duplex serve $(AGENT) --port $(PORT)

test: lint chromium sound broker
	@$(BIN)/duplex models pull
	$(BIN)/pytest

# The browser tests need it; without it they alone are skipped.
chromium:
	@test -x $(CHROMIUM) || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	    && echo "installing chromium for the browser tests ..." \
	    && apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends chromium >/dev/null; } || true
	@test -x $(CHROMIUM) || echo "no $(CHROMIUM): the browser tests are skipped (Debian: apt-get install chromium)"

# So do the tests of `duplex talk`: a sound server with devices that are none.
sound:
	@command -v parec >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	    && echo "installing a sound server for the console's tests ..." \
	    && apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $(SOUND) >/dev/null; } || true
	@command -v parec >/dev/null || echo "no PulseAudio: the console's tests are skipped (Debian: apt-get install $(SOUND))"

# And those of MQTT: a real broker.
broker:
	@test -x /usr/sbin/mosquitto || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	    && echo "installing mosquitto for the tests of MQTT ..." \
	    && apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends mosquitto >/dev/null; } || true
	@test -x /usr/sbin/mosquitto || echo "no mosquitto: the tests of MQTT are skipped (Debian: apt-get install mosquitto)"

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

clean:
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than what it was installed from, so that a second run installs nothing.
$(VENV)/.local: pyproject.toml $(VENV)/.python
	@echo "installing what the demo needs into $(VENV) (about a minute) ..."
	@$(PIP) --editable '.[local]'
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.python
	@echo "installing what the tests need into $(VENV) (about a minute) ..."
	@$(PIP) --editable '.[local,test]'
	@touch $(VENV)/.local $@

$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) here: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name one: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make environments: install its venv package (Debian: apt-get install python3-venv)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@
