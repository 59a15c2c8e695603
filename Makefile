# GitOps Guard. `make help` lists what there is; everything needed is set up on first use.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

INSTALLED := node_modules/.package-lock.json

## demo: the main job as a story in the terminal, on a control plane of its own (KEEP=1 leaves it running)
.PHONY: demo
demo: control-plane build
	@node src/cli.ts demo $(if $(KEEP),--keep)

## test: every test; closes with how many passed and failed (ONLY=path runs the files that match)
.PHONY: test
test: control-plane build
	@node test/run.ts $(ONLY)

## test-quick: the tests that need no control plane
.PHONY: test-quick
test-quick: $(INSTALLED)
	@node test/run.ts --quick $(ONLY)

## test-agents: the guard beside real agents (Flux, Argo CD), built once into a cache
.PHONY: test-agents
test-agents: control-plane build
	@node test/run.ts --agents $(ONLY)

## test-operators: the guard beside real operators (cert-manager, Prometheus Operator, Argo Rollouts), built once into a cache
.PHONY: test-operators
test-operators: control-plane build
	@node test/run.ts --operators $(ONLY)

## test-versions: the guard on other versions of Kubernetes (VERSIONS="1.33 1.34"), which the API server emulates
.PHONY: test-versions
VERSIONS ?= 1.33 1.34 1.35
test-versions: control-plane build
	@for version in $(VERSIONS); do \
	  echo "Kubernetes $$version"; \
	  KUBERNETES_VERSION=$$version node test/run.ts --versions $(ONLY) || exit 1; \
	done

## bypasses: tries every known way around the guard and prints what stopped it
.PHONY: bypasses
bypasses: control-plane build
	@node test/bypasses/main.ts

## fuzz: a million generated bodies, or a minute of them, at the decoder of reviews (FUZZ_SECONDS, FUZZ_RUNS)
.PHONY: fuzz
fuzz: $(INSTALLED)
	@FUZZ_RUNS=$${FUZZ_RUNS:-1000000} FUZZ_SECONDS=$${FUZZ_SECONDS:-60} node --test --test-reporter=spec test/fuzz/review.fuzz.test.ts

## check: format, lint (the arrows of the architecture too), types, licences, and known weaknesses where the registry can be asked
.PHONY: check
check: $(INSTALLED)
	@prettier --check --log-level warn . && eslint . && tsc && node supply-chain/check.ts && echo 'check: format, lint, types and licences are fine'

## format: writes the code in the one format
.PHONY: format
format: $(INSTALLED)
	@prettier --write --log-level warn .

## bench: measures repairs and reviews beside a floor of the same run; ARGS="size 1000 50000", ARGS="storm 600"
.PHONY: bench
bench: control-plane build
	@node test/bench/main.ts $(ARGS)

## build: bundles the command line into dist/, as the image and npm ship it
.PHONY: build
build: dist/cli.js

dist/cli.js: $(INSTALLED) esbuild.config.js supply-chain/third-party.ts $(shell find src -name '*.ts' -not -name '*.test.ts' -o -name '*.json' -o -path '*/page/*.*')
	@rm -rf dist && npm run --silent build && touch $@

## sbom: writes dist/sbom.cdx.json, what is shipped as a bill of materials (CycloneDX)
.PHONY: sbom
sbom: $(INSTALLED)
	@node supply-chain/write-sbom.ts

## control-plane: finds, downloads or builds etcd, kube-apiserver, kube-controller-manager and kubectl
.PHONY: control-plane
control-plane: $(INSTALLED)
	@node test/control-plane/main.ts prepare

## cluster: a control plane to try things on by hand, until Ctrl-C (docs/tutorial.md)
.PHONY: cluster
cluster: control-plane build
	@node test/control-plane/main.ts start

## clean: removes what was installed and built here (not the cache of the control plane)
.PHONY: clean
clean:
	rm -rf node_modules dist

## help: this list
.PHONY: help
help:
	@sed -n 's/^## \([a-z-]*\): \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

$(INSTALLED): package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js (any recent version); it brings npm, which brings Node 24 for this project" >&2; exit 1; }
	@echo 'Installing npm packages (Node 24 among them) ...'
	@npm ci --silent
	@touch $@
