# make run     the main job on the embedded data      make check   style, and BUILD against the code
# make test    the tests                              make fix     put the style right
# Each of them makes .venv and installs into it first; make install does only that. PYTHON=... chooses the Python.

SUITS := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 13))
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do $$p -c '$(SUITS)' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: install run test check fix

install: $(INSTALLED)

run: $(INSTALLED)
	$(BIN)/python -m coopkeras.run --task=inpaint

test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadscope

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -q tests/build_test.py

fix: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(INSTALLED): setup.py constraints.txt
	@$(or $(PYTHON),false) -c '$(SUITS)' 2>/dev/null || \
	  { echo "coopkeras needs Python 3.11 or 3.12 with venv; found '$(or $(PYTHON),none)': install one, or make PYTHON=its-path" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
