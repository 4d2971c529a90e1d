# The two commands of the README, and what they are made of. `make help` lists them.
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
BIN := .venv/bin
LOCK := envs/requirements.lock

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

setup: .venv/ready  ## make .venv from the lock file (about 2 minutes and 6 GB, once)

.venv/ready: $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make $(MAKECMDGOALS) PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the locked packages into .venv (about 6 GB; torch is most of it) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup  ## run the demo: every table and figure of it, and the report, into results/
	$(BIN)/snakemake --cores $(CORES) all
	$(BIN)/snakemake --report results/report.zip

report:  ## make results/report.zip of the last run (CONFIG=file, where it was not the demo)
	$(BIN)/snakemake --report results/report.zip $(if $(CONFIG),--configfile $(CONFIG))

archive:  ## keep the last run in OUT, results/archive.zip, with checksums (CONFIG=file, QUERIES=1 for saved queries too)
	$(BIN)/cvpire archive results $(or $(OUT),results/archive.zip) $(if $(CONFIG),--configuration $(CONFIG)) $(if $(QUERIES),--queries)

docs: setup  ## build the documentation as a site, site/index.html
	$(BIN)/python -m mkdocs build --strict --quiet

article: setup  ## fill in and lay out the article, results/article.html (print it from a browser)
	$(BIN)/python docs/article.py results/article.html

bench: setup  ## measure speed, as ratios within one run (SUITES="variance attack ..." for some of it)
	$(BIN)/python -m benchmarks $(SUITES)

test: setup  ## check the style and run the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/Snakefile rules
	$(BIN)/python -m pytest -n $(CORES) --dist loadgroup

test-demo: setup  ## check every output of the finished demo, its pages in Chromium where there is one
	$(BIN)/python -m pytest tests/demo

test-slurm: setup  ## run the tests on a real Slurm, which they install (Debian, as root) and start (5 to 8 minutes)
	$(BIN)/python -m pytest -m slurm tests/slurm

test-hostile: setup  ## read damaged and malicious files (EXAMPLES=n: n random ones a test)
	EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n $(CORES) tests/hostile

test-faults: setup  ## kill, fill and damage a run at random points (INJECTIONS=50 SEED=n), and run several at once
	$(BIN)/python -m pytest tests/faults -n $(CORES) --injections $(or $(INJECTIONS),50) $(addprefix --fault-seed ,$(SEED))

lock:  ## resolve the lock file anew (needs uv)
	uv pip compile --universal --python-version 3.11 --extra dev --extra docs --extra heif --extra slurm --generate-hashes --no-header \
		--custom-compile-command "make lock" -o $(LOCK) pyproject.toml
	$(BIN)/python envs/environment.py > envs/environment.yaml

metadata:  ## write codemeta.json and .zenodo.json anew from CITATION.cff
	$(BIN)/python envs/metadata.py

.PHONY: help setup demo report archive docs article bench test test-demo test-slurm test-hostile test-faults lock metadata
