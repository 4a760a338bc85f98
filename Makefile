# Everything runs in .venv, which the first target that needs it makes from constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-fast docs lint format clean

demo: $(INSTALLED)
	$(BIN)/python tools/demo.py

# Everything, the whole demo included; test-fast leaves out what takes minutes. Two files at a time, each on one thread (tests/conftest.py).
test: $(INSTALLED) lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m ''

test-fast: $(INSTALLED) lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# The site, from docs/ and the docstrings; a warning is an error.
docs: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) work_dirs

$(INSTALLED): setup.py constraints.txt
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info < (3, 14); sys.exit(not ok and "Python 3.11 to 3.13 is needed, this is " + sys.version.split()[0] + "; choose one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt pip
	@echo 'installing PyTorch and the rest (about 6 GB, some minutes) ...'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@# mmcv asks for opencv-python, which needs libGL of the system; the headless build of the same version does not.
	$(BIN)/python -m pip uninstall --quiet --yes opencv-python
	$(BIN)/python -m pip install --quiet --no-deps --constraint constraints.txt opencv-python-headless
	@touch $@
