# Ballast's verbs. Each does all that it needs; CI (.ci/run) runs the same.
#
# Tests, demo and `make run` share the dev profile; `make bench` builds for release.

TARGET := $(or $(CARGO_TARGET_DIR),target)
DEBUG := $(TARGET)/debug
DEPS := ./deploy/deps.sh
NOT_RUN := $(abspath $(TARGET))/not-run
CONFIG ?= deploy/dev
ON ?= client
SUITES ?= trixie forky
DEBIAN ?= bookworm trixie

export BALLAST_VENV ?= $(CURDIR)/.venv-neutron
export BALLAST_NEUTRON ?= $(BALLAST_VENV)/bin/neutron

# A shell line is not make's to expand: no $ of it is touched.
ifdef CMD
override CMD := $(value CMD)
export CMD
endif
export ON

FIRST_BUILD := the first build fetches some 380 crates (45 MB) and compiles them: about ten minutes on two cores, and \
	seconds from then on; interrupted, it goes on where it was
PREFIX ?= /usr
BUILD ?= release
OUT ?= target/packages

.DEFAULT_GOAL := help
.PHONY: help deps clients postgres-image host-image build install packages run demo demo-exec test conformance tempest neutron browser deploy-test packages-test programs reproducible haproxy-versions \
	chaos soak lint fmt doc bench deny clean

INSTALLED := ballast-scheduler ballast-api-gateway ballast-agent ballast-cli ballast-driver-haproxy-ns \
	ballast-driver-nft-l4 ballast-driver-a10-stub ballast-driver-netscaler-stub
RELEASE = $(filter release,$(BUILD))
# A release's programs are the same from wherever they are built: no path of that machine is in them.
ELSEWHERE = $(shell rustc --print sysroot)=/rust $(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo $(CURDIR)=/ballast $(abspath $(TARGET))=/target
RELEASE_FLAGS = RUSTFLAGS='$(RUSTFLAGS) $(ELSEWHERE:%=--remap-path-prefix=%)' CFLAGS='$(CFLAGS) $(ELSEWHERE:%=-ffile-prefix-map=%)'
BUILD_INSTALLED = $(if $(RELEASE),$(RELEASE_FLAGS) )cargo $(if $(RELEASE),$(AUDITABLE)) build --profile $(BUILD) \
	$(if $(filter dev,$(BUILD)),--workspace,$(INSTALLED:%=--package %))
# Those of packages say themselves what they are made of.
packages packages-test reproducible programs: AUDITABLE = auditable
# What the demo runs: simulators, tests and the bench are not for newcomers. In CI all is built already, and a part of it
# would have other features of what it depends on, which would be compiled once more.
DEMO := ballast-demo ballast-scheduler ballast-api-gateway ballast-agent ballast-driver-haproxy-ns ballast-lab ballast-cli

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

deps: ## install what is missing: compiler, haproxy, neutron and openstack commands, cargo-nextest (Debian; root or sudo)
	@$(DEPS) demo test

clients: ## install the neutron and openstack commands into .venv-neutron and .venv-openstack (310 MB, about a minute)
	@$(DEPS) clients

postgres-image: ## PostgreSQL for the tests, as a Docker image of Debian's packages (BALLAST_TEST_POSTGRES_IMAGE names it)
	@tests/postgres-image/build.sh '$(or $(BALLAST_TEST_POSTGRES_IMAGE),ballast-test-postgres:debian)'

host-image: ## a host for the tests with several, as a Docker image made by debootstrap (BALLAST_TEST_HOST_IMAGE names it; a minute or two)
	@$(DEPS) deploy-test
	@tests/deploy/image.sh '$(or $(BALLAST_TEST_HOST_IMAGE),ballast-deploy-test:debian)'

build: ## build everything
	cargo build --workspace

install: ## build for release and install: DESTDIR= PREFIX=/usr (BUILD=dev: what tests use)
	$(BUILD_INSTALLED)
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' deploy/install.sh '$(TARGET)/$(BUILD:dev=debug)'

packages: ## Debian packages of a release build, with SHA256SUMS: OUT=target/packages (BUILD=dev: what tests use)
	@$(DEPS) packages $(RELEASE)
	$(BUILD_INSTALLED)
	@RELEASE='$(RELEASE)' COMPRESSION='$(if $(filter dev,$(BUILD)),quick)' deploy/packages.sh '$(TARGET)/$(BUILD:dev=debug)' '$(OUT)'

programs:
	@$(BUILD_INSTALLED)

reproducible: ## a release of CRATE=ballast-driver-a10-stub, built twice in two folders and compared (some minutes)
	@$(DEPS) packages release
	@tests/packages/twice.sh '$(or $(CRATE),ballast-driver-a10-stub)'

run: ## run the three services on this host: CONFIG=deploy/dev
	@$(DEPS) demo root
	cargo build $(DEMO:%=--package %)
	@mkdir -p target/drivers
	@ln -sf "$(abspath $(DEBUG))/libballast_driver_haproxy_ns.so" target/drivers/haproxy-ns.so
	@exec $(DEBUG)/ballast-demo run --config '$(CONFIG)'

demo: ## everything with a lab on this machine, until Ctrl-C (DEMO_ONCE=1, DEMO_EMPTY=1, DEMO_AGENTS=2, BALLAST_REST_PORT=9696)
	@$(DEPS) host demo
	@test -x $(DEBUG)/ballast-demo || echo "$(FIRST_BUILD)"
	cargo build $(if $(CI),--workspace --bins --lib,$(DEMO:%=--package %))
	@exec $(DEBUG)/ballast-demo

demo-exec: ## run a shell line in the running demo: CMD="curl -s http://10.0.0.100/" ON=client|agent|web-1|...
	@test -x $(DEBUG)/ballast-demo || { echo "start the demo first: make demo" >&2; exit 1; }
	@exec $(DEBUG)/ballast-demo exec

test: ## all tests; what was not run is said at the end (BALLAST_REQUIRE_ALL=1: then that is a failure)
	@cargo nextest --version >/dev/null 2>&1 || { echo "cargo-nextest is missing: make deps" >&2; exit 1; }
	@tests/releases.sh '$(TARGET)' || echo "the tests that upgrade from the newest release will not run" >&2
	cargo build --workspace --all-targets
	@rm -f '$(NOT_RUN)'; export BALLAST_NOT_RUN='$(NOT_RUN)'; status=0; \
	cargo nextest run --workspace || status=1; \
	cargo test --workspace --doc --quiet || status=1; \
	if [ -s '$(NOT_RUN)' ]; then \
		echo; echo "These tests were NOT RUN:"; sort -u '$(NOT_RUN)' | sed 's/^NOT RUN: /  /'; \
		[ "$$BALLAST_REQUIRE_ALL" != 1 ] || status=1; \
	fi; \
	exit $$status

tempest: ## what Octavia passes of octavia-tempest-plugin, against gateway and scheduler with a real Keystone
	@$(DEPS) tempest
	cargo build --workspace --bins --lib
	BALLAST_TEMPEST=all cargo nextest run --workspace --profile tempest -E 'test(/^tempest::/)'

neutron: ## load balancers on the networks of a real Neutron, wired by its own agent of Open vSwitch
	@$(DEPS) demo neutron
	cargo build --workspace --bins --lib
	BALLAST_REQUIRE_ALL=1 cargo nextest run --workspace --test system -E 'test(/^neutron::/)'

browser: ## the dashboard in Debian's Chromium, and its pictures (BALLAST_WRITE_SNAPSHOTS=1 makes them anew)
	@$(DEPS) demo browser
	cargo build --workspace --bins --lib
	BALLAST_REQUIRE_ALL=1 cargo nextest run --workspace -E 'test(/^browser::/)'

deploy-test: ## docs/deploy.md, followed to the letter on three hosts in containers of Docker (some minutes)
	@$(DEPS) clients deploy-test
	@tests/deploy/run.sh

packages-test: ## packages installed, upgraded from the last release under traffic, purged; compose.yaml: DEBIAN="bookworm trixie"
	@$(DEPS) packages deploy-test $(RELEASE)
	@tests/releases.sh '$(TARGET)'
	$(BUILD_INSTALLED)
	@RELEASE='$(RELEASE)' tests/packages/run.sh '$(TARGET)/$(BUILD:dev=debug)' '$(TARGET)' $(DEBIAN)

haproxy-versions: ## haproxy-ns with this machine's haproxy and those of other suites of Debian: SUITES="trixie forky"
	@$(DEPS) demo haproxy-versions
	@tests/haproxy-versions.sh '$(TARGET)' $(SUITES)

conformance: build ## our drivers through `ballast driver check`, those for a device with its simulator
	@tests/conformance.sh '$(DEBUG)'

CHAOS := BALLAST_REQUIRE_ALL=1 BALLAST_CHAOS=$(or $(EXTENT),all) cargo nextest run --workspace --profile chaos --test chaos --run-ignored all

chaos: ## driver, agent and haproxy killed between any two steps, schedulers under load: all comes good and nothing is left; new seeds of the simulated scheduler, SIMULATE=600 seconds; upgrades in orders of UPGRADES="seeds" (an hour; EXTENT=wide: a third)
	@$(DEPS) demo chaos
	@tests/releases.sh '$(TARGET)'
	cargo build --workspace --bins --lib
	$(CHAOS) -E 'not test(/^(victim|cycles)::/)'
	for seed in $(or $(UPGRADES),1 2 3 4 5); do BALLAST_SEED=$$seed BALLAST_REQUIRE_ALL=1 \
		cargo nextest run --workspace --profile chaos --test system -E 'test(/^upgrades::rolling::.*_by_chance/)' || exit 1; done
	BALLAST_SIMULATE=$(or $(SIMULATE),600) cargo nextest run --workspace --profile chaos --no-capture -E 'test(/^simulation::whatever/)'

soak: ## a thousand load balancers made and deleted by each driver: nothing grows (some minutes)
	@$(DEPS) demo chaos
	cargo build --workspace --bins --lib
	$(CHAOS) -E 'test(/^cycles::/)'

lint: ## formatting, clippy and documentation, warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --quiet

fmt: ## format the code
	cargo fmt --all

doc: ## the code's documentation, into target/doc
	cargo doc --workspace --no-deps

bench: ## measure a release build: BENCH="driver throughput api" or --quick
	@$(DEPS) demo bench
	cargo build --release --workspace
	@exec $(TARGET)/release/ballast-bench $(BENCH)

deny: ## licences, bans, sources and advisories of what we depend on
	@$(DEPS) lint
	cargo deny check --hide-inclusion-graph --deny warnings bans licenses sources
	@if cargo deny fetch db; then exec cargo deny check advisories; else \
		echo "NOT CHECKED: advisories, as their database cannot be fetched here" >&2; fi

clean: ## remove what was built and installed here
	cargo clean
	rm -rf .venv-neutron .venv-openstack .venv-tempest .venv-grpc .venv-acos .venv-netscaler .venv-alteon \
		.venv-schemathesis .venv-keystone .venv-barbican .venv-neutron-server .venv-axe .gophercloud .promtool
