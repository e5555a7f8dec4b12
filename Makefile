# signetd: build, test, install. `make` prints what there is.

PREFIX ?= /usr/local
DESTDIR ?=
SHARE = $(PREFIX)/share
# where zsh looks; Debian's packages have a folder of their own
ZSH ?= site-functions
# what is installed, where it is not this tree's own
BIN ?=
# what is released
ARCHES ?= amd64 arm64
CARGO ?= cargo
PORT ?= 3850
WORKSPACE ?= $(HOME)/.agents
SHARED ?= ../shared
# cargo may build elsewhere (CARGO_TARGET_DIR, build.target-dir); it knows where
TARGET = $(or $(shell $(CARGO) metadata --format-version 1 --no-deps --offline 2>/dev/null \
	| sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'),target)

.PHONY: help build run test torture bench eval eval-hooks growth conformance contract docs size static pi dist deb dist-test install uninstall clean

help:
	@echo "make build        release binary: target/release/signetd"
	@echo "make run          build and start it (WORKSPACE=$(WORKSPACE) PORT=$(PORT))"
	@echo "make test         formatting, lints, tests, conformance cases"
	@echo "make conformance  only the conformance cases, on the debug binary"
	@echo "make contract     schemathesis against a daemon of its own, local and team mode (SECONDS=600 per mode; needs PyPI once)"
	@echo "make docs         tables of docs/ and docs/api/openapi.json, from the declarations"
	@echo "make size         code size by part of the static binary; fails above the budget"
	@echo "make torture      index reloads under load, kills under writes (release build, about two minutes)"
	@echo "make bench        speed and memory figures (release build, about two minutes)"
	@echo "make growth       recall at 1,000 to 1,000,000 memories (some ten minutes)"
	@echo "make eval         recall quality on LoCoMo (needs $(SHARED)/eval)"
	@echo "make eval-hooks   what a prompt's context holds, on LoCoMo played as sessions (needs $(SHARED)/eval)"
	@echo "make static       fully static binary: target/static/release/signetd"
	@echo "make pi           the same for 64-bit ARM: target/arm64/signetd"
	@echo "make dist         archives of both in target/dist, with checksums, licences and the list of parts"
	@echo "make deb          Debian packages of both in target/dist"
	@echo "make dist-test    boots the ARM binary under qemu; installs and purges a package in a Debian root (as root)"
	@echo "make install      binary, units, man page, completions below DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)"
	@echo "make uninstall    takes them away again (never a workspace)"
	@echo "make clean        removes target/"

build:
	$(CARGO) build --release --locked

run: build
	"$(TARGET)/release/signetd" serve --workspace "$(WORKSPACE)" --port $(PORT)

test:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	@python3 tools/fetch.py "$(TARGET)"
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --locked --no-fail-fast; \
	else \
		$(CARGO) test --locked --no-fail-fast; \
	fi
	$(MAKE) conformance

conformance:
	$(CARGO) build --locked
	python3 tests/conformance/check.py --cmd "$(TARGET)/debug/signetd serve"

# SECONDS: time per mode, else a bounded number of examples
contract:
	$(CARGO) build --locked
	python3 tools/contract.py --cmd "$(TARGET)/debug/signetd serve" --venv "$(TARGET)/contract" \
		$(if $(SECONDS),--seconds $(SECONDS),--examples 3)

docs:
	SIGNETD_WRITE_DOCS=1 $(CARGO) test --locked --test documents -- pages_hold the_openapi_file

# a build of its own, with the symbols that the other ones are stripped of
size:
	python3 tools/dist/build.py size
	python3 tools/size.py target/size/signetd --budget-mb 20

torture: build
	python3 tools/torture.py --cmd "$(TARGET)/release/signetd serve"

bench:
	$(CARGO) build --release --locked --bins --examples
	RELEASE_DIR="$(TARGET)/release" python3 tools/bench/run.py

growth:
	$(CARGO) build --release --locked --bins --examples
	RELEASE_DIR="$(TARGET)/release" python3 tools/bench/growth.py

eval: build
	python3 $(SHARED)/eval/locomo.py --cmd "$(TARGET)/release/signetd serve"

eval-hooks: build
	python3 tools/eval_hooks.py --cmd "$(TARGET)/release/signetd serve" --eval $(SHARED)/eval

static:
	python3 tools/dist/build.py host

# The binary for a Raspberry Pi and other 64-bit ARM: with rustup's target, else with Debian's cross tools
pi:
	python3 tools/dist/build.py arm64

# What is released: an archive per architecture, with checksums, licences and the list of parts
dist:
	python3 tools/dist/dist.py $(ARCHES)

# Debian packages (amd64, arm64), looked at by lintian
deb:
	python3 tools/dist/deb.py $(ARCHES)

# What is slow or needs root: boots the ARM binary under qemu; installs, upgrades and purges the package in a Debian root
dist-test:
	python3 tools/dist/smoke.py
	python3 tools/dist/deb_test.py

# Uses the binary that `make build` or `make static` left (or BIN=…): no network, no compiler.
install:
	@bin="$(BIN)"; [ -n "$$bin" ] || bin=$$(ls -t target/static/release/signetd "$(TARGET)/release/signetd" 2>/dev/null | head -n 1); \
	[ -n "$$bin" ] || { echo "run make build first" >&2; exit 1; }; \
	install -D -m 0755 "$$bin" "$(DESTDIR)$(PREFIX)/bin/signetd"
	@# the name of the reference's bridge, unless that one is installed there
	@link="$(DESTDIR)$(PREFIX)/bin/signet-mcp"; \
	if [ ! -e "$$link" ] || [ "$$(readlink "$$link")" = signetd ]; then ln -sf signetd "$$link"; \
	else echo "$$link is another program's and stays"; fi
	install -D -m 0644 docs/signetd.1 "$(DESTDIR)$(SHARE)/man/man1/signetd.1"
	install -D -m 0644 docs/completions/signetd.bash "$(DESTDIR)$(SHARE)/bash-completion/completions/signetd"
	install -D -m 0644 docs/completions/_signetd "$(DESTDIR)$(SHARE)/zsh/$(ZSH)/_signetd"
	install -D -m 0644 docs/completions/signetd.fish "$(DESTDIR)$(SHARE)/fish/vendor_completions.d/signetd.fish"
	@for unit in systemd/system/* systemd/user/*; do \
		to="$(DESTDIR)$(PREFIX)/lib/$$unit"; \
		install -d "$${to%/*}" && sed 's|@PREFIX@|$(PREFIX)|' "$$unit" > "$$to" && chmod 0644 "$$to" || exit 1; \
	done
	install -D -m 0644 systemd/agents.conf "$(DESTDIR)$(SHARE)/signetd/agents.conf"
	install -D -m 0644 systemd/litestream.yml "$(DESTDIR)$(SHARE)/signetd/litestream.yml"
	install -D -m 0644 systemd/signetd.sysusers "$(DESTDIR)$(PREFIX)/lib/sysusers.d/signetd.conf"
	@echo "For all users:  systemd-sysusers && systemctl enable --now signetd signetd-backup.timer"
	@echo "For yourself:   systemctl --user enable --now signetd signetd-backup.timer"

uninstall:
	@link="$(DESTDIR)$(PREFIX)/bin/signet-mcp"; [ "$$(readlink "$$link")" != signetd ] || rm -f "$$link"
	rm -f "$(DESTDIR)$(PREFIX)/bin/signetd" "$(DESTDIR)$(SHARE)/man/man1/signetd.1" \
		"$(DESTDIR)$(SHARE)/bash-completion/completions/signetd" "$(DESTDIR)$(SHARE)/zsh/$(ZSH)/_signetd" \
		"$(DESTDIR)$(SHARE)/fish/vendor_completions.d/signetd.fish" \
		$(patsubst systemd/%,"$(DESTDIR)$(PREFIX)/lib/systemd/%",$(wildcard systemd/system/* systemd/user/*)) \
		"$(DESTDIR)$(SHARE)/signetd/agents.conf" "$(DESTDIR)$(SHARE)/signetd/litestream.yml" \
		"$(DESTDIR)$(PREFIX)/lib/sysusers.d/signetd.conf"

clean:
	$(CARGO) clean
