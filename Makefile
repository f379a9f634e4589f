# make demo and make test work on a fresh clone; all they need is Python 3.11 or later.
PYTHON ?= python3
EXTRAS ?= dev
BIN := .venv/bin
# One stamp for each choice of extras, so that asking for more installs more.
comma := ,
STAMP := .venv/.installed-$(subst $(comma),+,$(EXTRAS))

.PHONY: venv demo test lowest newest test-lowest test-newest lint bench results docs clean

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "undelete needs Python 3.11 or later, $(PYTHON) is %d.%d: make PYTHON=python3.11 ..." % sys.version_info[:2])'
	@test -x $(BIN)/pip || { echo "Setting up .venv (once)"; $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt -e '.$(if $(EXTRAS),[$(EXTRAS)])'
	@touch $@

demo: $(STAMP)
	@$(BIN)/undelete demo --out demo/

# A process for each core, of one thread: in processes of several they wait for each other.
ALONGSIDE := -n auto --maxprocesses 8 --dist worksteal
test test-lowest test-newest: export OMP_NUM_THREADS := 1

test: $(STAMP)
	$(BIN)/pytest $(ALONGSIDE)

# What runs with the oldest versions that are allowed, and on other Pythons: reading, the mathematics, whole audits.
CORE := tests/maths tests/data/test_table.py tests/test_release.py tests/test_inputs_of_all_kinds.py \
	$(addprefix tests/adapters/test_,align.py conform.py design.py files.py model.py polynomial.py saved.py span.py)

.venv-lowest/.installed: pyproject.toml constraints-lowest.txt
	@test -x .venv-lowest/bin/pip || $(PYTHON) -m venv .venv-lowest
	@.venv-lowest/bin/python -m pip install -qq --disable-pip-version-check $(PIP_FLAGS) -c constraints-lowest.txt -e . pytest pytest-xdist hypothesis array-api-strict polars
	@touch $@

lowest: .venv-lowest/.installed

test-lowest: lowest
	.venv-lowest/bin/python -m pytest $(ALONGSIDE) $(CORE)

# The newest versions that can be had, on another Python: make test-newest NEWEST=python3.13
NEWEST ?= $(PYTHON)
VENV_NEWEST := .venv-$(notdir $(NEWEST))

$(VENV_NEWEST)/.installed: pyproject.toml
	@test -x $(VENV_NEWEST)/bin/pip || $(NEWEST) -m venv $(VENV_NEWEST)
	@$(VENV_NEWEST)/bin/python -m pip install -qq --disable-pip-version-check $(PIP_FLAGS) -U --upgrade-strategy eager -e . pytest pytest-xdist hypothesis array-api-strict polars
	@touch $@

newest: $(VENV_NEWEST)/.installed

test-newest: newest
	$(VENV_NEWEST)/bin/python -m pytest $(ALONGSIDE) $(CORE)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python benchmarks/leave_one_out.py --out results

# Everything of the paper at its published size, what is finished left as it is, and the index of the results.
results: $(STAMP)
	$(BIN)/undelete reproduce all --out results
	$(BIN)/python -m undelete.paper.pages.index results/*.json

# The site, in docs/_build/html: no network is needed once its packages are here.
docs:
	@$(BIN)/python -c 'import furo, myst_parser, nbclient, sphinx' 2>/dev/null || $(MAKE) --no-print-directory venv EXTRAS=dev,docs
	@$(BIN)/python -m sphinx -qW --keep-going -j auto -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean:
	rm -rf .venv .venv-* demo build dist docs/_build .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
