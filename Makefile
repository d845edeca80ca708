# Each target calls a script in scripts/, which documents what it does.

MAKEFLAGS += --no-print-directory
export PORT NODES BIND SPEC YES SEED ONLY SCHEDULE FOR

.DEFAULT_GOAL := help
.PHONY: help run demo test build dev-frontend e2e faults faults-short size feel bench deny fuzz fmt lint unit sqlx sqlx-check services setup clean-data

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { gsub(/\$$\$$/, "$$", $$2); printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: ## Set up, build and start Roost (PORT=3000, NODES=1; NODES=3 puts three servers behind nginx)
	@exec scripts/run

demo: ## Fill a workspace with sample data: the running one, or start one like make run (PORT, NODES as for run)
	@exec scripts/demo

test: ## Set up and run every check and test; prints a summary
	@exec scripts/test

build: ## Set up and build the release: target/release/server and target/site
	@scripts/setup run
	cargo build --release -p server
	@scripts/frontend

dev-frontend: ## Build the front end quickly, without optimisation
	@scripts/setup run
	@scripts/frontend --dev

e2e: ## Browser tests only (SPEC=name runs one file; E2E_PROFILE=dev uses the debug server)
	@exec scripts/e2e $(SPEC)

faults: ## Fault injection while 200 clients talk (SEED=n repeats, ONLY=name,name selects; 20 minutes)
	@exec scripts/faults

faults-short: ## The short version, which make test runs (3 minutes)
	@exec scripts/faults --short

size: ## Size of the first load, each chunk, and everything; fails above the budgets
	@exec scripts/size

feel: ## Page performance on a slow machine and network, compared with targets; Lighthouse (ONLY=cold,swap,typing,switch,parse,lighthouse)
	@exec scripts/feel

bench: ## Benchmark, next to Postgres and Redis alone (ONLY=name,name; ONLY=large needs 7 GB)
	@exec scripts/bench

deny: ## Check dependencies: licences, duplicate versions, sources, unused ones; part of CI
	@exec scripts/deny

fuzz: ## Fuzz everything that parses external input (FOR=60 seconds, ONLY=name,name selects targets); part of CI
	@exec scripts/fuzz

fmt: ## Format the code
	cargo fmt --all
	cargo fmt --manifest-path tools/wasm/Cargo.toml

lint: ## Format check and clippy, warnings denied
	@exec scripts/test fmt clippy clippy-wasm

unit: ## Rust tests only, with a real Postgres and Redis
	@exec scripts/test rust

sqlx: ## Update .sqlx, the query descriptions for builds without a database
	@exec scripts/sqlx write

sqlx-check: ## Check that .sqlx is up to date
	@exec scripts/sqlx check

services: ## Start Postgres and Redis for tests; prints shell variables: eval "$$(scripts/services env)"
	@exec scripts/services env

setup: ## Install what is missing: packages, toolchain, tools
	@exec scripts/setup test

clean-data: ## Ask, then delete the data of make run and of the tests
	@exec scripts/clean-data
