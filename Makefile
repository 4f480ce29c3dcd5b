# The tools of this project. `make help` lists them; each does its own set-up.

PORT ?= 8000
S3_PORT ?= 8333
DATA_DIR ?= var
CMD ?= help
MINUTES ?= 15
SEED ?=
FAULTS_MIB ?= 500
RERUNS ?= 1

# What the shell happens to have set must not turn the demo or a test on real data.
unexport DATABASE_URL DEBUG SECRET_KEY ALLOWED_HOSTS CSRF_TRUSTED_ORIGINS DATA_DIR
unexport DJANGO_SETTINGS_MODULE S3_BUCKET S3_REGION S3_ENDPOINT_URL S3_KEY_PREFIX
unexport S3_PUBLIC_ENDPOINT_URL S3_ADDRESSING_STYLE S3_ACCESS_KEY_ID S3_SESSION_TOKEN
unexport S3_SECRET_ACCESS_KEY S3_SIGNER_ACCESS_KEY_ID S3_SIGNER_SECRET_ACCESS_KEY
unexport CLAMD_URL TASKS_BACKEND EMAIL_URL PYTEST_ADDOPTS PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
# Browsers, killed servers and cut lines: a test of them that fails is tried once more, and
# the summary tells both. A secret in a log or books that do not agree are never forgiven.
ON_REAL_TIME = -p pytest_rerunfailures --reruns $(RERUNS) --rerun-show-tracebacks \
	--only-rerun . --rerun-except "books do not agree"
READY := .venv/.ready
PACKAGES := node_modules/.ready
BUNDLE := static/build/.ready
SITE := $(PYTHON) -m uploads.dev
SITE_OPTIONS := --port $(PORT) --s3-port $(S3_PORT) --data-dir "$(DATA_DIR)"

.DEFAULT_GOAL := help
.PHONY: help run manage test check lint format bench clean lock bundle chromium firefox webkit clamd
.PHONY: test-unit test-fast test-js test-bucket test-attacks test-races test-fuzz test-demo test-browser
.PHONY: test-faults test-inspection test-on-s3 faults soak vulnerabilities licences bucket-docs
.PHONY: test-firefox test-webkit test-serverless infra lambda test-aws ministack providers test-doctor

help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' \
		| awk -F'|' '{ printf "make %-15s %s\n", $$1, $$2 }'

run: $(READY) $(BUNDLE) ## Serve a demo site with an S3 server of its own
	@exec $(SITE) run $(SITE_OPTIONS)

manage: $(READY) ## Run a management command on the demo site: CMD="audit"
	@exec $(SITE) manage $(SITE_OPTIONS) -- $(CMD)

# Two at a time, the longest first: one computes while the other waits. What the system
# has to install comes before them, one at a time, and is not looked for again (-o): a
# layer that waits for that is started last.
test: $(READY) $(BUNDLE) chromium firefox clamd ministack ## Run every test there is
	@rm -rf test-results/calls
	@RECORD_CALLS=1 $(MAKE) --no-print-directory -j 2 -O \
		-o chromium -o firefox -o clamd -o ministack \
		test-browser test-unit test-firefox test-on-s3 test-faults test-races \
		test-demo test-fuzz test-inspection test-serverless test-aws test-doctor test-js
	@$(PYTHON) -m tests.recorded_calls
	@echo "All tests passed: unit, JavaScript, bucket, attacks, races, API fuzzing," \
		"demo site, Chromium, Firefox, faults, inspection, Lambda, AWS settings, doctor, IAM."

check: $(READY) $(BUNDLE) ## Lint, types and fast tests, for before a commit
	@$(MAKE) --no-print-directory -j 2 -O test-fast lint test-js

lint: $(READY) $(PACKAGES) ## Formatting, lint and types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	npm run --silent lint

format: $(READY) ## Format the Python code
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

test-unit: $(READY) $(BUNDLE) ## Unit tests: SQLite, S3 in memory
	$(PYTEST) -n 2

test-fast: $(READY) $(BUNDLE) ## The unit tests that take no second each
	$(PYTEST) -n 2 -m "not slow"

# In one process: with `node --test` each file starts its own, and compiles all anew.
JS_TESTS := $(wildcard tests/js/*.test.js)
test-js: $(PACKAGES) ## JavaScript unit tests
	@test -n "$(JS_TESTS)" || { echo "no JavaScript tests found"; exit 1; }
	@node --test-reporter=spec --input-type=module \
		--eval '$(foreach file,$(JS_TESTS),import "./$(file)";)'

test-bucket: $(READY) ## What S3 accepts and refuses, on a real S3 server
	$(PYTEST) -p tests.plugins.seaweed tests/bucket

test-attacks: $(READY) $(BUNDLE) ## What an attacker tries, on the site and a real S3 server
	$(PYTEST) -n 2 -p tests.plugins.seaweed tests/attacks

test-aws: $(READY) ministack ## Settings that only AWS has, on an emulator of it
	$(PYTEST) -p tests.plugins.ministack tests/aws

test-doctor: $(READY) ## Broken set-ups, each with the cause that the doctor names
	$(PYTEST) -p tests.plugins.seaweed tests/doctor

# Both of them, by one process with one S3 server: that costs the least. Alone the
# attacks are through sooner with two.
test-on-s3: $(READY) $(BUNDLE)
	$(PYTEST) -p tests.plugins.seaweed tests/attacks tests/bucket

test-races: $(READY) ## Quota and state races, on a real PostgreSQL
	$(PYTEST) -p tests.plugins.postgres -p tests.plugins.seaweed tests/races

test-inspection: $(READY) clamd ## Malware, archive bombs, disguises, on a real clamd
	$(PYTEST) $(ON_REAL_TIME) -p tests.plugins.seaweed -p tests.plugins.clamd \
		tests/inspection

test-fuzz: $(READY) ## The API against its own OpenAPI document: HUNT=20 tries new inputs
	$(PYTEST) -p schemathesis.pytest.plugin tests/api_fuzz

test-demo: $(READY) $(BUNDLE) ## make run itself: starts, survives, stops
	$(PYTEST) $(ON_REAL_TIME) -n 2 --dist loadfile tests/demo

test-browser: $(READY) $(BUNDLE) chromium ## The whole site in Chromium, slowly: SLOW=2
	$(PYTEST) -n 2 $(ON_REAL_TIME) -p tests.plugins.seaweed \
		-p pytest_playwright.pytest_playwright tests/browser

test-firefox: $(READY) $(BUNDLE) firefox ## The main walks in Firefox
	$(PYTEST) $(ON_REAL_TIME) -p tests.plugins.seaweed tests/firefox

# Not part of `make test`. WebKitGTK's driver loses its browser at times: a test that fails
# is tried twice more, each time in a new browser.
test-webkit: RERUNS = 2
test-webkit: $(READY) $(BUNDLE) webkit ## A walk and two faults in WebKitGTK
	$(PYTEST) $(ON_REAL_TIME) -p tests.plugins.seaweed tests/webkit

FAULTS := $(ON_REAL_TIME) -p tests.plugins.postgres -p tests.plugins.seaweed tests/faults

test-faults: $(READY) $(BUNDLE) chromium ## Crashes, bad networks, failing S3: the short part
	$(PYTEST) -n 2 $(FAULTS) -m "not long"

faults: $(READY) $(BUNDLE) chromium ## All of that, with a large file: FAULTS_MIB=500
	FAULTS_MIB=$(FAULTS_MIB) FAULTS_OFFLINE_SECONDS=60 \
		$(PYTEST) $(FAULTS) --timeout 900

soak: $(READY) $(BUNDLE) chromium ## Uploads while everything fails: MINUTES=15 SEED=1
	$(PYTHON) -m tests.faults.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

bench: $(READY) $(PACKAGES) ## Measure
	@for script in bench/*.py; do echo "== $$script"; $(PYTHON) "$$script" || exit 1; done
	@for script in bench/*.mjs; do echo "== $$script"; node "$$script" || exit 1; done

vulnerabilities: $(READY) $(PACKAGES) ## Ask public advisories about every locked package
	@$(PYTHON) scripts/vulnerabilities.py

licences: $(READY) ## Write docs/licences.md
	$(PYTHON) scripts/licences.py

bucket-docs: $(READY) ## Write the documents of the wanted bucket into docs/bucket.md
	$(PYTHON) -m scripts.bucket_docs

providers: $(READY) ministack ## Certify the S3 servers that start here, write docs/providers.md
	$(PYTHON) -m scripts.providers

bundle: $(PACKAGES) ## Build the browser's JavaScript and CSS
	npm run --silent build

lambda: $(READY) $(BUNDLE) ## Build var/lambda.zip, the site for AWS Lambda
	$(PYTHON) -m scripts.lambda_package

test-serverless: $(READY) $(BUNDLE) ## The site as Lambda functions, beside gunicorn
	$(PYTEST) -p tests.plugins.seaweed tests/serverless

INFRA := .venv-infra/.ready
infra: $(INFRA) ## Check the Terraform code: format, schema, documents, scanners
	.venv-infra/bin/python -m pytest -c tests/infra/pytest.ini tests/infra

lock: $(READY) ## Pin what requirements*.in name
	for name in requirements requirements-lambda requirements-dev requirements-infra requirements-ministack; do \
		.venv/bin/uv pip compile --quiet --universal --generate-hashes \
			--no-emit-index-url --no-header \
			--python-version 3.11 --output-file $$name.txt $$name.in || exit 1; \
	done

clean: ## Remove what was built; the data in var/ stays
	rm -rf .venv .venv-tools .venv-infra node_modules static/build .mypy_cache .pytest_cache .ruff_cache \
		.hypothesis .schemathesis test-results
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

chromium:
	@scripts/chromium.sh

firefox:
	@scripts/firefox.sh

webkit:
	@scripts/webkit.sh

clamd:
	@scripts/clamd.sh

ministack: $(READY)
	@scripts/ministack.sh

$(READY): requirements.txt requirements-dev.txt
	scripts/venv.sh
	@touch $@

$(INFRA): $(READY) requirements-infra.txt
	scripts/infra.sh
	@touch $@

$(PACKAGES): package.json package-lock.json
	scripts/node.sh
	npm ci --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error
	@touch $@

$(BUNDLE): $(PACKAGES) $(shell find static/js static/css -type f 2>/dev/null)
	npm run --silent build
	@mkdir -p $(@D) && touch $@
