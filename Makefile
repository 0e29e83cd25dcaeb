# Needs make and Python 3.11 or newer. Everything else is installed into .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
# Its time is that of the last complete installation.
INSTALLED := $(VENV)/.installed
REQUIREMENTS := requirements.txt requirements-dev.txt requirements-client.txt

PORT ?= 8000
SANDBOX_PORT ?= 8001
PYTEST_ARGS ?=
REFUNDS ?= 1000
SEED ?= 1
JUNK_REQUESTS ?= 10000
WORKERS ?= auto
# Keep compiled modules: the tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=

PYTEST := $(BIN)/pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal $(PYTEST_ARGS)
# For tools that only read the code: ignore .env.
DEVELOPMENT := DJANGO_READ_DOTENV=0 DEBUG=true DATABASE_URL=sqlite://:memory:
# For `check --deploy`: the settings of a production server that sets only these.
PRODUCTION := DJANGO_READ_DOTENV=0 DEBUG=false ALLOWED_HOSTS=refunds.example DATABASE_URL=sqlite://:memory: \
	SECRET_KEY=only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz

.PHONY: help install test test-sqlite test-postgres bench chaos junk roles images lint audit format messages schema demo demo-reset run clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Create .venv and install what is missing

$(INSTALLED): $(REQUIREMENTS) scripts/venv.sh
	@sh scripts/venv.sh $(VENV)
	@touch $@

test: lint test-sqlite test-postgres ## Lint, then run the tests on SQLite and on PostgreSQL

test-sqlite: $(INSTALLED) ## Run the tests on SQLite
	TEST_DATABASE=sqlite $(PYTEST)

test-postgres: $(INSTALLED) ## Run the tests that depend on the database on PostgreSQL (TEST_DATABASE_URL, or a temporary server)
	TEST_DATABASE=postgres $(PYTEST)

bench: $(INSTALLED) ## Measure side by side with what others would use, and write benchmarks/results.md
	$(BIN)/python -m benchmarks

chaos: $(INSTALLED) ## Refund under random faults and kills, on both databases (REFUNDS, SEED)
	$(BIN)/python -m chaos --database sqlite --refunds $(REFUNDS) --seed $(SEED)
	$(BIN)/python -m chaos --database postgres --refunds $(REFUNDS) --seed $(SEED)

junk: $(INSTALLED) ## Send random requests to a live server, on both databases (JUNK_REQUESTS, SEED)
	JUNK_REQUESTS=$(JUNK_REQUESTS) JUNK_SEED=$(SEED) TEST_DATABASE=sqlite $(BIN)/pytest -s tests/proof/test_junk.py
	JUNK_REQUESTS=$(JUNK_REQUESTS) JUNK_SEED=$(SEED) TEST_DATABASE=postgres $(BIN)/pytest -s tests/proof/test_junk.py

roles: $(INSTALLED) ## Write the role tables of docs/security.md: the response of every URL for every role
	WRITE_ROLES=1 TEST_DATABASE=postgres $(BIN)/pytest -p no:randomly tests/proof/test_roles.py

images: $(INSTALLED) ## Write the pictures of docs/images from the browser tests (needs Chromium): look at them
	WRITE_IMAGES=1 TEST_DATABASE=sqlite CI=true $(BIN)/pytest -n 0 $(addprefix tests/browser/test_,staff_day.py bulk_refund.py buyer.py finance.py)

lint: $(INSTALLED) ## Check style, layers, types, migrations and production settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	DJANGO_SETTINGS_MODULE=sandbox.settings $(BIN)/mypy --cache-dir .mypy_cache/sandbox sandbox & \
		$(DEVELOPMENT) DJANGO_SETTINGS_MODULE=config.settings $(BIN)/mypy && wait $$!
	$(DEVELOPMENT) $(BIN)/python manage.py makemigrations --check --dry-run
	@echo "manage.py check --deploy"
	@$(PRODUCTION) $(BIN)/python manage.py collectstatic --noinput --verbosity 0
	@$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

audit: $(INSTALLED) ## Look up known vulnerabilities of the pinned packages (needs the network)
	$(BIN)/pip-audit --requirement requirements.txt --no-deps --disable-pip

format: $(INSTALLED) ## Format the code and apply automatic fixes
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

messages: $(INSTALLED) ## Update and compile the translations (needs gettext)
	@command -v msgfmt >/dev/null || { echo "gettext is not installed: install your system's gettext package" >&2; exit 1; }
	$(DEVELOPMENT) $(BIN)/python manage.py makemessages --locale ko --locale en --no-obsolete --no-wrap \
		--no-location --ignore 'var/*' --ignore '.venv/*' --ignore 'tests/*' --ignore config/locale
	$(DEVELOPMENT) $(BIN)/python manage.py compilemessages --ignore '.venv'

schema: $(INSTALLED) ## Write docs/openapi.yaml from the views
	$(DEVELOPMENT) $(BIN)/python manage.py spectacular --lang en --validate --fail-on-warn --file docs/openapi.yaml

demo: $(INSTALLED) ## Start a shop and a sandbox i'mport with sample orders (PORT, SANDBOX_PORT)
	@$(BIN)/python scripts/demo.py --port $(PORT) --sandbox-port $(SANDBOX_PORT)

demo-reset: $(INSTALLED) ## Delete the demo's data, so that the next start has fresh orders
	@$(BIN)/python scripts/demo.py --reset

run: $(INSTALLED) ## Start the development server with your .env (PORT)
	$(BIN)/python manage.py migrate
	$(BIN)/python manage.py runserver $(PORT)

clean: ## Remove .venv, caches and demo data; keep db.sqlite3 and .env
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
