# Each target is a thin door to a script in scripts/, which says why it does what it does.

MAKEFLAGS += --no-print-directory
export PORT NODES BIND SPEC YES SEED ONLY SCHEDULE FOR

.DEFAULT_GOAL := help
.PHONY: help run demo test build dev-frontend e2e faults faults-short size feel bench deny fuzz fmt lint unit sqlx sqlx-check services setup clean-data

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { gsub(/\$$\$$/, "$$", $$2); printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: ## Set up, build and start Roost (PORT=3000, NODES=1; NODES=3 puts three servers behind nginx)
	@exec scripts/run

demo: ## Fill a workspace with people who talk: the running one, or make run with a filled one (PORT, NODES as for run)
	@exec scripts/demo

test: ## Set up and run every check and every test; one summary at the end
	@exec scripts/test

build: ## Set up and build the release: target/release/server and target/site
	@scripts/setup run
	cargo build --release -p server
	@scripts/frontend

dev-frontend: ## Build the front end quickly: unoptimised, for a try
	@scripts/setup run
	@scripts/frontend --dev

e2e: ## Browser tests alone (SPEC=name runs one file; E2E_PROFILE=dev uses the debug server)
	@exec scripts/e2e $(SPEC)

faults: ## Break everything while 200 clients talk (SEED=n repeats, ONLY=name,name chooses; 20 minutes)
	@exec scripts/faults

faults-short: ## The part of it that make test runs (3 minutes)
	@exec scripts/faults --short

size: ## Bytes of the first load, of each chunk, and of all; fails above the budgets
	@exec scripts/size

feel: ## How quickly pages come, wake and answer on a slow machine and line, beside the targets; and Lighthouse (ONLY=cold,swap,typing,switch,lighthouse)
	@exec scripts/feel

bench: ## What Roost can do on this machine, beside what the machine can do (ONLY=name,name; ONLY=large needs 7 GB)
	@exec scripts/bench

deny: ## May we use what we depend on (licences, second versions, sources), and do we use all of it? CI asks too
	@exec scripts/deny

fuzz: ## Throw anything at what reads bytes from outside (FOR=60 seconds, ONLY=name,name chooses targets); CI does it too
	@exec scripts/fuzz

fmt: ## Format the code
	cargo fmt --all
	cargo fmt --manifest-path tools/wasm/Cargo.toml

lint: ## Format check and clippy, warnings denied
	@exec scripts/test fmt clippy clippy-wasm

unit: ## Rust tests alone, against a real Postgres and Redis
	@exec scripts/test rust

sqlx: ## Renew .sqlx, which describes the queries for builds without a database
	@exec scripts/sqlx write

sqlx-check: ## Is .sqlx up to date?
	@exec scripts/sqlx check

services: ## Start Postgres and Redis for tests; prints lines for the shell: eval "$$(scripts/services env)"
	@exec scripts/services env

setup: ## Install what is missing: packages, toolchain, tools
	@exec scripts/setup test

clean-data: ## Ask, then delete the data of make run and of the tests
	@exec scripts/clean-data
