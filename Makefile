SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export MOLECULE_GLOB := molecule/*/molecule.yml
export LC_ALL := C.UTF-8
ifdef CI
export NO_COLOR := 1
export ANSIBLE_NOCOLOR := 1
endif

SCENARIOS := $(sort $(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))
# The longest first, but not at once the two that run three brokers each.
LONGEST := cluster default status broker deploy
# What needs no containers, the longest first too.
STATIC := unit sanity lint docs
STEP := tools/step

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
.PHONY: help

deploy: ## Deploy the whole stack with the sample application on this machine, and try it
	@tools/deploy
.PHONY: deploy

# Three at a time on two cores, since much of it waits. Make starts what can start, not what is named first: so what all
# wait for is made before. The longest start first, what is short fills the end, and one failure does not hide another.
test: ## Everything that CI runs: lint, unit, sanity, docs, Windows and all molecule scenarios
	@rm -rf .ansible/failed
	@start=$$SECONDS; $(MAKE) images; $(MAKE) -k -j3 molecule windows $(STATIC); \
	tools/summary $$? $$((SECONDS - start))
.PHONY: test

tools: ## Install what a deployment needs, ansible-core and little else, into .venv
	@$(STEP) "Python environment" "Is PyPI reachable? The lock files are in requirements/." -- tools/python-env deploy
.PHONY: tools

.PHONY: env engine images
env: ## Install all tools that the tests need into .venv
	@$(STEP) "Python environment" "Is PyPI reachable? The lock files are in requirements/." -- tools/python-env test

engine: env
	@$(STEP) "Docker engine" "The tests in containers need a Docker engine and could not get one; all others ran." -- tools/docker-engine

images: engine
	@$(STEP) "Base images" "Is the Debian mirror reachable?" -- tools/base-image --all

lint: env ## Check style and types: yamllint, ansible-lint, ruff, mypy, vermin, changelog fragments
	@$(STEP) "Lint" "Each line above names a file; ruff fixes many by itself: .venv/bin/ruff check --fix" -- tools/lint
.PHONY: lint

unit: env ## Run the unit and repository tests
	@$(STEP) "Unit tests" "Run one: .venv/bin/pytest tests/unit -k NAME" -- .venv/bin/pytest -q -n 2
.PHONY: unit

sanity: env ## Run ansible-test sanity, build the tarball, install it, and check it as Galaxy would
	@$(STEP) "Sanity and release check" "The rule's name above is explained in the ansible-test documentation." -- tools/sanity
.PHONY: sanity

docs: env ## Build the documentation site; any warning is an error
	@$(STEP) "Documentation" "The warning above names file and line." -- tools/docs
.PHONY: docs

IN_TURN = $(filter $(SCENARIOS),$(LONGEST)) $(filter-out $(LONGEST),$(SCENARIOS))
MOLECULE := $(addprefix molecule-,$(or $(SCENARIO),$(IN_TURN)))
molecule: $(MOLECULE) ## Run all molecule scenarios, or one: make molecule SCENARIO=default
$(MOLECULE): molecule-%: images
	@$(STEP) "Molecule $*" "Look inside: molecule converge -s $*; docker exec -it HOST bash" -- tools/scenario $*
.PHONY: molecule $(MOLECULE)

apps: images ## Deploy the real applications (or one: make apps APP=crate) with their inventories; long, not part of make test
	@tools/apps $(APP)
.PHONY: apps

# Not part of make test: few machines have every Python. One of them: .venv/bin/pytest tests/versions -k python3.11
versions: env ## Run real workers with the recorder on every Python and Celery that it is for; wants all Pythons from 2.7 to 3.13
	@$(STEP) "Versions" "A Python that is not there: pyenv install 2.7, or pick others with .venv/bin/pytest tests/versions -k" -- .venv/bin/pytest -q tests/versions
.PHONY: versions

# Wine plays the Windows machine; what no test here proves is in docs/windows.md.
windows: engine ## Run the Windows stack in Wine, against a real RabbitMQ
	@$(STEP) "Windows" "Look at tests/windows/wine; the stand-in for Windows is tests/windows/winsim." -- .venv/bin/pytest -q -x tests/windows/wine
.PHONY: windows

bench: env engine ## Measure every claim against what one would use instead; prints ratios
	@tools/bench
.PHONY: bench

clean: ## Remove what make made here: environments, caches, test hosts (images stay)
	@tools/clean
.PHONY: clean
