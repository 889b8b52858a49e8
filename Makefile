# Everything that a target needs, it installs itself, pinned, into the cache outside the checkout.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export NEREID_CACHE ?= $(HOME)/.cache/nereid
export CLUSTER ?= local
# The environment is shared by all checkouts and so holds only what they depend on, not Nereid itself.
# Beside it, the roots of what is not installed: the programs of local/ and the demo.
export PYTHONPATH := $(CURDIR)/operator:$(CURDIR)/local:$(CURDIR)/examples

VENV := $(NEREID_CACHE)/venv
PYTHON := $(VENV)/bin/python
CLUSTER_TOOL := python3 local/cluster
TOOLS := PATH="$(NEREID_CACHE)/bin:$(VENV)/bin:$$PATH" KUBECONFIG="$$($(CLUSTER_TOOL) kubeconfig)"
# Where a run is timed (`.ci/run`), a stage is noted, and with it how long each case of the suite $(1) took.
STAGE := local/timing
SUITE = $(TOOLS) $(STAGE) "  $(1)" $(PYTHON) -m pytest $(if $(NEREID_TIMES),--junit-xml="$(NEREID_TIMES)/$(1).xml")
# More than two at once starve each other of CPU on 2 cores: requests of one case then time out as pods of others start.
E2E_WORKERS ?= 2
UNIT_WORKERS ?= auto
# What pytest is to run, with any of its arguments: `make unit TESTS=tests/unit/contract`.
unit: TESTS ?= tests/unit tests/golden tests/property
test-api: TESTS ?= tests/api

# What `make run` listens on, out of the way of what else a person runs, and how much it writes.
run: export NEREID_HEALTH_PORT ?= 18080
run: export NEREID_METRICS_PORT ?= 19090
LOG_LEVEL ?= info

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Work

.PHONY: demo
demo: up install ## Set everything up and serve two versions of a real model through the mesh
	$(TOOLS) $(PYTHON) -m digits.demo

.PHONY: unit
unit: venv ## Unit, golden and property tests: no cluster, no root, no compiled programs (TESTS=tests/unit/contract: a part)
	$(PYTHON) -m pytest $(TESTS) -n $(UNIT_WORKERS)

.PHONY: test-api
test-api: venv programs ## Tests of the operator against a real API server, without a cluster (TESTS=tests/api/test_routes.py: a part)
	$(TOOLS) $(PYTHON) -m pytest $(TESTS) -n 4

.PHONY: run
run: venv ## Run the operator from this checkout against the current context of your kubeconfig
	$(PYTHON) -m nereid run --log-format plain --log-level $(LOG_LEVEL)

.PHONY: test
test: venv programs servers ## Unit, golden, property, chart, source, rules and API tests
	$(call SUITE,unit) tests/unit tests/golden tests/property tests/chart tests/rules -n 2 --dist worksteal
	$(call SUITE,sources) tests/sources -n 2
	$(call SUITE,api) tests/api -n 4

.PHONY: e2e
e2e: up install servers ## The short cases on the real cluster
	$(call SUITE,e2e) tests/e2e -m "not long" -n $(E2E_WORKERS) --dist worksteal

.PHONY: e2e-all
e2e-all: up install servers ## Every case on the real cluster
	$(call SUITE,e2e) tests/e2e -n $(E2E_WORKERS) --dist worksteal

.PHONY: bench
bench: venv programs ## What the operator costs the API server, beside KServe's figures
	$(TOOLS) $(PYTHON) -m bench

.PHONY: bench-judge
bench-judge: venv ## How often the rollout judge would be wrong, and how soon right, beside simpler rules
	$(PYTHON) -m bench.judge

##@ Code

.PHONY: lint
lint: venv ## Format check, ruff, mypy, import linter, declared dependencies, generated files
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/deptry operator
	$(MAKE) --no-print-directory verify

.PHONY: fmt
fmt: venv ## Format the code and mend what ruff can mend
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

.PHONY: crds
crds: venv ## Generate the CRD, the field reference and the diagram of a rollout from the types
	mkdir -p crds charts/nereid/files/crds
	$(PYTHON) -m nereid crd > crds/nereid.dev_modeldeployments.yaml
	cp crds/nereid.dev_modeldeployments.yaml charts/nereid/files/crds/
	$(PYTHON) -m nereid reference > docs/reference.md
	PYTHONPATH=local:operator $(PYTHON) -m rollout_diagram

.PHONY: dashboards
dashboards: venv ## Generate Grafana's dashboards
	$(PYTHON) -m dashboards

.PHONY: verify
verify: venv ## Fail when a generated file differs from what the types say
	$(PYTHON) -m nereid crd | diff - crds/nereid.dev_modeldeployments.yaml
	diff crds/nereid.dev_modeldeployments.yaml charts/nereid/files/crds/nereid.dev_modeldeployments.yaml
	$(PYTHON) -m nereid reference | diff - docs/reference.md
	PYTHONPATH=local:operator $(PYTHON) -m rollout_diagram --print | diff - docs/rollouts.md

##@ Cluster

.PHONY: up
up: venv ## Start the cluster: Kubernetes, Istio, KEDA, Prometheus, Kiali (CLUSTER=local|kind|current)
	$(STAGE) "  programs and images" $(CLUSTER_TOOL) build
	$(STAGE) "  cluster" $(CLUSTER_TOOL) up

.PHONY: down
down: ## Remove the cluster and everything that it made on this machine
	$(CLUSTER_TOOL) down

.PHONY: status
status: ## Say what of the cluster runs
	$(CLUSTER_TOOL) status

.PHONY: image
image: venv ## Build Nereid's images and hand them to the cluster (CLUSTER=current pulls them from its registry)
ifneq ($(CLUSTER),current)
	$(STAGE) "  images of this checkout" local/images/build nereid nereid-models
	$(CLUSTER_TOOL) images import "$(NEREID_CACHE)/images/nereid.tar" "$(NEREID_CACHE)/images/nereid-models.tar"
endif

# Of other images too: `skopeo copy docker://IMAGE oci-archive:FILE.tar`, then `make sbom SBOM_OF=FILE.tar`.
SBOM_OF ?= $(NEREID_CACHE)/images/nereid.tar $(NEREID_CACHE)/images/nereid-models.tar

.PHONY: sbom
sbom: venv $(if $(filter file,$(origin SBOM_OF)),image) ## Bills of materials (CycloneDX) and lists of licences of both images, in dist/sbom
	$(PYTHON) -m sbom $(SBOM_OF) --into dist/sbom

.PHONY: install
install: image ## Install the chart from this checkout into the cluster
	$(TOOLS) $(STAGE) "  install" local/install

##@ Set-up

# What is pinned stays as it is where it still fits; `make lock UPGRADE=--upgrade` takes the newest of everything.
UV := uv==0.13.9
UPGRADE ?=
COMPILE = "$(NEREID_CACHE)/lock/bin/uv" pip compile --quiet --python-version 3.11 --python-platform linux \
	--generate-hashes --no-annotate --custom-compile-command "make lock"

.PHONY: lock
lock: ## Pin what pyproject.toml asks for, with hashes: for this checkout, and for each image
	python3 -m venv "$(NEREID_CACHE)/lock"
	"$(NEREID_CACHE)/lock/bin/pip" install --quiet "$(UV)"
	$(COMPILE) $(UPGRADE) --extra operator --extra models --extra checks --extra cli --extra convert \
		--group dev --group demo pyproject.toml --output-file requirements.lock
	$(COMPILE) --constraints requirements.lock --extra operator pyproject.toml --output-file requirements/operator.lock
	$(COMPILE) --constraints requirements.lock --extra models --extra checks pyproject.toml \
		--output-file requirements/models.lock
	echo hatchling | $(COMPILE) --constraints requirements.lock - --output-file requirements/build.lock
	rm -rf "$(NEREID_CACHE)/lock"

# A link in the checkout is where editors look for it; an environment of one's own there is left alone.
.PHONY: venv
venv: $(VENV)/.installed-$(shell sha256sum < requirements.lock | cut -c1-16) ## The Python environment, pinned; .venv leads to it
	@test -e .venv || ln -s "$(VENV)" .venv

$(VENV)/.installed-%:
	python3 -m venv "$(VENV)"
	$(STAGE) "  environment" $(VENV)/bin/pip install --quiet --require-hashes --only-binary :all: \
		--requirement requirements.lock
	rm -f $(VENV)/.installed-*
	touch $@

.PHONY: programs
programs: ## The programs that tests without a cluster need, from pinned sources
	$(STAGE) "  programs" $(CLUSTER_TOOL) build etcd kube-apiserver kubectl helm promtool

.PHONY: servers
servers: ## The servers that tests fetch models from, pinned: storage, registries, a web server
	$(STAGE) "  servers" python3 local/servers install
