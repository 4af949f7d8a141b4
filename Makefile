# The commands of this project. Each sets up what it needs inside this directory (.cache, node_modules, target).
.PHONY: help demo test test-interop conformance-server check fuzz release

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

demo: ## Real homeservers, the provider and a partner site on this machine; Ctrl-C stops all of it
	@examples/demo/run

test: ## Every test: SQLite and PostgreSQL, real Synapse, a real browser
	@tests/run

test-interop: ## Other people's OpenID Connect libraries, unmodified, against the provider
	@tests/interop/run

conformance-server: ## The provider over TLS for the OpenID Foundation's suite; Ctrl-C stops it (docs/conformance.md)
	@tests/conformance/server

fuzz: ## Random input for the parsers of what strangers send, a minute for each
	@fuzz/run

release: ## The optimised programs, as in the container image
	cargo build --release --locked --bin tchap-connect --example partner_site

check: ## Format, clippy, docs, dependency policy, container files
	@tests/check
