# signetd: build, test, install. `make` prints what there is.

PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo
PORT ?= 3850
WORKSPACE ?= $(HOME)/.agents
SHARED ?= ../shared
# cargo may build elsewhere (CARGO_TARGET_DIR, build.target-dir); it knows where
TARGET = $(or $(shell $(CARGO) metadata --format-version 1 --no-deps --offline 2>/dev/null \
	| sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'),target)

.PHONY: help build run test torture bench eval eval-hooks growth conformance contract docs size static install uninstall clean

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
	@echo "make install      binary, units, sysusers, man page below DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)"
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
	CARGO_PROFILE_RELEASE_STRIP=none RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --release --locked --bins \
		--target-dir target/size --target $$(rustc -vV | sed -n 's/^host: //p')
	python3 tools/size.py target/size/$$(rustc -vV | sed -n 's/^host: //p')/release/signetd --budget-mb 20

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
	RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --release --locked \
		--target-dir target/static --target $$(rustc -vV | sed -n 's/^host: //p')
	@mkdir -p target/static/release
	@cp target/static/$$(rustc -vV | sed -n 's/^host: //p')/release/signetd target/static/release/signetd
	@ldd target/static/release/signetd 2>&1 || true
	@ls -l target/static/release/signetd

# Uses the binary that `make build` or `make static` left: no network, no compiler.
install:
	@bin=$$(ls -t target/static/release/signetd "$(TARGET)/release/signetd" 2>/dev/null | head -n 1); \
	[ -n "$$bin" ] || { echo "run make build first" >&2; exit 1; }; \
	install -D -m 0755 "$$bin" "$(DESTDIR)$(PREFIX)/bin/signetd"
	@# the name of the reference's bridge, unless that one is installed there
	@link="$(DESTDIR)$(PREFIX)/bin/signet-mcp"; \
	if [ ! -e "$$link" ] || [ "$$(readlink "$$link")" = signetd ]; then ln -sf signetd "$$link"; \
	else echo "$$link is another program's and stays"; fi
	install -D -m 0644 docs/signetd.1 "$(DESTDIR)$(PREFIX)/share/man/man1/signetd.1"
	install -d "$(DESTDIR)$(PREFIX)/lib/systemd/system" "$(DESTDIR)$(PREFIX)/lib/systemd/user"
	sed 's|@PREFIX@|$(PREFIX)|' systemd/signetd.service > "$(DESTDIR)$(PREFIX)/lib/systemd/system/signetd.service"
	sed 's|@PREFIX@|$(PREFIX)|' systemd/signetd-user.service > "$(DESTDIR)$(PREFIX)/lib/systemd/user/signetd.service"
	chmod 0644 "$(DESTDIR)$(PREFIX)/lib/systemd/system/signetd.service" "$(DESTDIR)$(PREFIX)/lib/systemd/user/signetd.service"
	install -D -m 0644 systemd/agents.conf "$(DESTDIR)$(PREFIX)/share/signetd/agents.conf"
	install -D -m 0644 systemd/signetd.sysusers "$(DESTDIR)$(PREFIX)/lib/sysusers.d/signetd.conf"
	@echo "For all users:  systemd-sysusers && systemctl enable --now signetd"
	@echo "For yourself:   systemctl --user enable --now signetd"

uninstall:
	@link="$(DESTDIR)$(PREFIX)/bin/signet-mcp"; [ "$$(readlink "$$link")" != signetd ] || rm -f "$$link"
	rm -f "$(DESTDIR)$(PREFIX)/bin/signetd" "$(DESTDIR)$(PREFIX)/share/man/man1/signetd.1" \
		"$(DESTDIR)$(PREFIX)/lib/systemd/system/signetd.service" \
		"$(DESTDIR)$(PREFIX)/lib/systemd/user/signetd.service" \
		"$(DESTDIR)$(PREFIX)/share/signetd/agents.conf" \
		"$(DESTDIR)$(PREFIX)/lib/sysusers.d/signetd.conf"

clean:
	$(CARGO) clean
