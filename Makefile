# Everything that these targets write lies in .rialto/. Needs Python >= 3.11 and make; the rest sets itself up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

STATE := $(CURDIR)/.rialto
VENV := $(STATE)/venv
BIN := $(VENV)/bin
LOCALSTACK_ENDPOINT ?= http://127.0.0.1:4566

export PYTHONPATH := $(CURDIR)
export PYTHONDONTWRITEBYTECODE := 1
export PIP_CACHE_DIR ?= $(STATE)/cache/pip
export LOCALSTACK_ENDPOINT
# A profile or an endpoint of the caller decides about a stage on AWS, and must not about tests and a local cloud.
ifeq ($(filter deploy destroy,$(MAKECMDGOALS)),)
unexport AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ENDPOINT_URL AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_SESSION_TOKEN
endif
unexport PYTHONHOME PYTHONSTARTUP VIRTUAL_ENV

# The requirements are in the name of the stamp: only another content installs again, and no touched file does.
PINS := $(shell cat requirements-dev.txt | cksum | cut -d' ' -f1)
LIBRARIES := $(VENV)/installed-$(PINS)
# The command line, as a link to its sources: only other metadata has to be installed again. Without its sources, as in
# the first layers of an image, the libraries are all there is.
COMMAND := $(VENV)/installed-client-$(shell cat client/pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)
# Nothing is installed that is not in a lock with its hash, nor anything that a package asks for beside it.
INSTALL := $(BIN)/python -m pip install -qq --no-input --disable-pip-version-check --require-hashes --no-deps --no-compile \
  --only-binary=:all:
LOCK := $(BIN)/uv --cache-dir $(STATE)/cache/uv --system-certs pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
  --custom-compile-command "make upgrade"
STAMP := $(LIBRARIES) $(if $(wildcard client/pyproject.toml),$(COMMAND))

.PHONY: help up down clean logs deploy destroy browser documents cost test simulate chaos fuzz bite mutate proof-reports check test-localstack format setup package serve upgrade audit sbom

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18
	@echo "Settings: RIALTO_PORT, RIALTO_CLOUD_PORT, RIALTO_EXCHANGE_PORT, CLOUD=embedded|localstack, PYTHON"

setup: $(STAMP)

$(LIBRARIES):
	@python=; for candidate in $(PYTHON) $(if $(PYTHON),,python3 python3.14 python3.13 python3.12 python3.11 python); do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 </dev/null; \
	  then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11 or later with venv is needed$(if $(PYTHON),: PYTHON=$(PYTHON) is not one,; PYTHON=<path> names one)." >&2; \
	  exit 1; fi; \
	echo "Setting up .rialto/venv with $$("$$python" -V) ..."; \
	rm -f $(VENV)/installed-*; \
	"$$python" -m venv --clear $(VENV) </dev/null; \
	echo "Installing what requirements-dev.txt locks ..."; \
	sed -nE '/^(pip|setuptools|wheel)==/,/[^\\]$$/p' requirements-dev.txt >$(VENV)/build.txt; \
	$(INSTALL) --requirement $(VENV)/build.txt </dev/null; \
	$(INSTALL) --no-binary=localstack-client --no-build-isolation --requirement requirements-dev.txt </dev/null; \
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib </dev/null || true
	@touch $@

$(COMMAND): | $(LIBRARIES)
	@rm -f $(VENV)/installed-client-*
	@$(BIN)/python -m pip install -qq --no-input --disable-pip-version-check \
	  --no-index --no-deps --no-build-isolation --editable 'client[cli]' </dev/null
	@touch $@

up: $(STAMP) ## Start the platform on http://127.0.0.1:8080, deploy what changed, show a tour
	@$(BIN)/python localstack/cloud.py up </dev/null

down: $(STAMP) ## Stop it; the data is kept
	@$(BIN)/python localstack/cloud.py down </dev/null

clean: $(STAMP) ## Stop it and forget its data
	@$(BIN)/python localstack/cloud.py clean </dev/null

logs: $(STAMP) ## Print the last lines of the gateway and of the functions (FOLLOW=1 goes on, LINES=40, FIND=<id>)
	@$(BIN)/python localstack/cloud.py logs $(if $(FOLLOW),--follow) $(if $(LINES),--lines $(LINES)) \
	  $(if $(FIND),--find '$(FIND)') </dev/null

deploy: $(STAMP) ## Bring a stage on AWS to these sources: STAGE=dev|prod, YES=1 unasked (infra/stages/, docs/deploying.md)
	@$(BIN)/python -m infra.command deploy '$(STAGE)' $(if $(YES),--yes) $(if $(filter DATA-LOSS,$(YES)),--yes-to-data-loss)

destroy: $(STAMP) ## Delete a stage on AWS, STAGE=dev; tables, queues and logs stay
	@$(BIN)/python -m infra.command destroy '$(STAGE)' $(if $(CONFIRM),--confirm '$(CONFIRM)')

serve: $(STAMP)
	@exec $(BIN)/python localstack/cloud.py serve </dev/null

browser: $(STAMP) ## Install Chromium where it is missing: the web page's tests need it
	@$(BIN)/python -m tests.browser.chromium </dev/null

# Two at a time, a file each: of those with a stack each of the two has one of its own.
test: $(STAMP) browser ## Run all tests, with coverage (ARGS="..." runs a part)
ifdef ARGS
	@$(BIN)/python -m pytest --cov=bridge --cov=chalicelib --cov-report=term $(ARGS) </dev/null
else
	@$(BIN)/python -m pytest tests/unit tests/functional tests/infra \
	  --numprocesses=2 --dist=loadfile --cov=bridge --cov=chalicelib --cov-report=term </dev/null
	@$(BIN)/python -m pytest --no-cov tests/simulation --numprocesses=2 --dist=loadfile </dev/null
	@$(BIN)/python -m pytest --no-cov tests/e2e tests/browser --numprocesses=2 --dist=loadfile </dev/null
endif

simulate: $(STAMP) ## Live through simulated histories with faults (SEEDS=1000, FIRST=0, CLIENTS=, REPLAY='{"seed": 1}')
	@$(BIN)/python -m tests.simulation.simulate --seeds $(or $(SEEDS),1000) --first $(or $(FIRST),0) \
	  $(if $(CLIENTS),--clients $(CLIENTS)) $(if $(REPLAY),--replay '$(REPLAY)') </dev/null

chaos: $(STAMP) ## Break a deployed stack under load, then look whether anything is lost or doubled (MINUTES=10, SEED=)
	@PYTHONPATH=$(CURDIR):$(CURDIR)/localstack $(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) \
	  $(if $(SEED),--seed $(SEED)) </dev/null

fuzz: $(STAMP) ## Send generated hostile requests, in process and over HTTP (REQUESTS=100000, SEED=1, ARGS="--chapter 17")
	@PYTHONPATH=$(CURDIR):$(CURDIR)/localstack $(BIN)/python -m tests.fuzz --requests $(or $(REQUESTS),100000) \
	  --seed $(or $(SEED),1) $(ARGS) </dev/null

bite: $(STAMP) ## Make each mistake of a catalogue in a copy of the tree, and show what notices it (SEEDS=600, ONLY=lease)
	@$(BIN)/python -m tests.bite --seeds $(or $(SEEDS),600) $(if $(ONLY),--only '$(ONLY)') </dev/null

mutate: $(STAMP) ## Change the rules in every small way, and show which changes no test notices (ONLY=money)
	@$(BIN)/python -m tests.mutation $(if $(ONLY),--only '$(ONLY)') </dev/null

proof-reports: $(STAMP) ## Carry 200,000 execution reports over what drops, doubles and dies (ORDERS=20000, GAP=10000)
	@RIALTO_REPORT_ORDERS=$(or $(ORDERS),20000) RIALTO_REPORT_GAP=$(or $(GAP),10000) \
	  $(BIN)/python -m pytest --no-cov -s tests/e2e/test_report_feed.py -k TestLoad </dev/null

test-localstack: $(STAMP) ## Run the end-to-end tests on LocalStack (LOCALSTACK_ENDPOINT)
	@RIALTO_TEST_CLOUD=localstack $(BIN)/python -m pytest tests/e2e $(ARGS) </dev/null

check: $(STAMP) ## Run the linters and the type checker
	@$(BIN)/python -m infra.locks
	@$(BIN)/python -m infra.sbom
	@$(BIN)/python -m ruff check
	@$(BIN)/python -m ruff format --check
	@$(BIN)/python -m mypy
	@$(BIN)/python -c 'from importlinter.cli import lint_imports_command as c; c()' --cache-dir .rialto/cache/import-linter
	@$(BIN)/python -m docs.generate --check </dev/null
	@$(BIN)/python benchmarks/cost.py --check </dev/null
	@$(BIN)/python -c 'from infra.package import package; package()' </dev/null
	@$(BIN)/python -c 'from cfnlint.runner import main; main()' .rialto/package/sam.yaml infra/bridge.yaml

documents: $(STAMP) ## Make the API's document and the collection of requests anew, from the routes
	@$(BIN)/python -m docs.generate </dev/null

upgrade: $(STAMP) ## Lock the newest versions that the requirements*.in allow, and install them
	@$(INSTALL) --requirement requirements-upgrade.txt </dev/null
	@# What is tested first: what ships is then locked at the very same versions.
	@$(LOCK) requirements-dev.in --output-file requirements-dev.txt </dev/null
	@$(LOCK) requirements.in --constraint requirements-dev.txt --output-file requirements.txt </dev/null
	@$(LOCK) bridge/requirements.in --constraint requirements-dev.txt --output-file bridge/requirements.txt </dev/null
	@$(LOCK) requirements-upgrade.in --output-file requirements-upgrade.txt </dev/null
	@$(MAKE) setup

audit: $(STAMP) ## Look every locked version up among the known vulnerabilities (needs the network)
	@$(BIN)/python -m infra.audit </dev/null

sbom: $(STAMP) ## Make .rialto/sbom.json, the list of what ships (CycloneDX)
	@$(BIN)/python -m infra.sbom </dev/null

cost: $(STAMP) ## Make docs/cost.md anew, from the write units and the measured times (benchmarks/handlers.py --write)
	@$(BIN)/python benchmarks/cost.py </dev/null

package: $(STAMP) ## Make .rialto/package/sam.yaml and deployment.zip
	@$(BIN)/python -c 'from infra.package import package; print(package())' </dev/null

format: $(STAMP) ## Format the sources
	@$(BIN)/python -m ruff check --fix
	@$(BIN)/python -m ruff format
