# The commands of this project. `make help` lists them. Each command installs its tools.

PORT ?= 8000
S3_PORT ?= 8333
DATA_DIR ?= var
CMD ?= help
MINUTES ?= 15
SEED ?=
FAULTS_MIB ?= 500
RERUNS ?= 1

# Remove variables of the shell that could make the demo site or a test use real data.
unexport DATABASE_URL DEBUG SECRET_KEY ALLOWED_HOSTS CSRF_TRUSTED_ORIGINS DATA_DIR
unexport DJANGO_SETTINGS_MODULE S3_BUCKET S3_REGION S3_ENDPOINT_URL S3_KEY_PREFIX
unexport S3_PUBLIC_ENDPOINT_URL S3_ADDRESSING_STYLE S3_ACCESS_KEY_ID S3_SESSION_TOKEN
unexport S3_SECRET_ACCESS_KEY S3_SIGNER_ACCESS_KEY_ID S3_SIGNER_SECRET_ACCESS_KEY
unexport CLAMD_URL TASKS_BACKEND EMAIL_URL PYTEST_ADDOPTS PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
# A test with a browser, a killed server or a broken connection runs once more if it fails. The
# summary shows both runs. A test that finds a secret in a log, or quotas that do not match the
# bucket, does not run again.
ON_REAL_TIME = -p pytest_rerunfailures --reruns $(RERUNS) --rerun-show-tracebacks \
	--only-rerun . --rerun-except "The audit found differences" \
	--rerun-except "A secret was logged"
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
.PHONY: screenshots test-hosts test-upgrade image nginx ceph test-ceph performance-docs bench-browser

help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' \
		| awk -F'|' '{ printf "make %-15s %s\n", $$1, $$2 }'

run: $(READY) $(BUNDLE) ## Run a demo site with its own S3 server
	@exec $(SITE) run $(SITE_OPTIONS)

manage: $(READY) ## Run a management command on the demo site: CMD="audit"
	@exec $(SITE) manage $(SITE_OPTIONS) -- $(CMD)

# Two groups of tests run at a time, the longest groups first. Before the tests, make installs
# the system packages, one after another. With -o, the inner make treats these packages as
# installed. Without -o, it would start the groups that need system packages last.
test: $(READY) $(BUNDLE) chromium firefox clamd nginx ministack ## Run all tests
	@rm -rf test-results/calls
	@began=$$(date +%s); \
	RECORD_CALLS=1 $(MAKE) --no-print-directory -j 2 -O \
		-o chromium -o firefox -o clamd -o nginx -o ministack \
		test-browser test-unit test-firefox test-on-s3 test-faults test-races \
		test-demo test-fuzz test-inspection test-serverless test-aws test-doctor test-upgrade test-js && \
	$(PYTHON) -m tests.recorded_calls && \
	echo "All tests passed: unit, JavaScript, bucket, attacks, races, API fuzzing," \
		"demo site, Chromium, Firefox, faults, inspection, Lambda, AWS settings, doctor, upgrade, IAM."; \
	status=$$?; seconds=$$(( $$(date +%s) - began )); \
	echo "make test took $$(( seconds / 60 )) min $$(( seconds % 60 )) s."; exit $$status

check: $(READY) $(BUNDLE) ## Lint, types and fast tests, to run before a commit
	@$(MAKE) --no-print-directory -j 2 -O test-fast lint test-js

lint: $(READY) $(PACKAGES) ## Check formatting, lint and types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/djlint --lint --quiet templates
	npm run --silent lint

format: $(READY) ## Format the Python code
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

test-unit: $(READY) $(BUNDLE) ## All unit tests, with SQLite and an S3 in memory
	$(PYTEST) -n 2

test-fast: $(READY) $(BUNDLE) ## Unit tests that take less than a second each
	$(PYTEST) -n 2 -m "not slow"

# All files run in one process. `node --test` would start a process for each file.
JS_TESTS := $(wildcard tests/js/*.test.js)
test-js: $(PACKAGES) ## JavaScript unit tests
	@test -n "$(JS_TESTS)" || { echo "no JavaScript tests found"; exit 1; }
	@node --test-reporter=spec --input-type=module \
		--eval '$(foreach file,$(JS_TESTS),import "./$(file)";)'

test-bucket: $(READY) ## Requests that S3 must accept or refuse, on a real S3 server
	$(PYTEST) -p tests.plugins.seaweed tests/bucket

test-attacks: $(READY) $(BUNDLE) ## Attacks on the site and on a real S3 server
	$(PYTEST) -n 2 -p tests.plugins.seaweed tests/attacks

test-aws: $(READY) ministack ## Settings that only AWS supports, on an AWS emulator
	$(PYTEST) -p tests.plugins.ministack tests/aws

test-ceph: $(READY) ceph ## Uploads to Ceph, which does not compare bytes
	$(PYTEST) -p tests.plugins.ceph tests/ceph

test-doctor: $(READY) nginx ## Broken set-ups, whose causes manage.py doctor must name
	$(PYTEST) -p tests.plugins.seaweed tests/doctor

# `make test` runs the attacks and the bucket tests in one process with one S3 server, which
# needs the least CPU time. `make test-attacks` uses two processes, because it runs alone.
test-on-s3: $(READY) $(BUNDLE)
	$(PYTEST) -p tests.plugins.seaweed tests/attacks tests/bucket

test-races: $(READY) ## Races for quota and state, on a real PostgreSQL
	$(PYTEST) -p tests.plugins.postgres -p tests.plugins.seaweed tests/races

test-inspection: $(READY) clamd ## Malware, archive bombs, disguised files, on a real clamd
	$(PYTEST) $(ON_REAL_TIME) -p tests.plugins.seaweed -p tests.plugins.clamd \
		tests/inspection

test-fuzz: $(READY) ## Random requests to the API, from its OpenAPI document; HUNT=20 tries new ones
	$(PYTEST) -p schemathesis.pytest.plugin tests/api_fuzz

test-demo: $(READY) $(BUNDLE) ## The demo site of make run: start, crash, restart, stop
	$(PYTEST) $(ON_REAL_TIME) -n 2 --dist loadfile tests/demo

test-browser: $(READY) $(BUNDLE) chromium nginx ## The whole site in Chromium; slow motion: SLOW=2
	$(PYTEST) -n 2 $(ON_REAL_TIME) -p tests.plugins.seaweed \
		-p pytest_playwright.pytest_playwright tests/browser

test-firefox: $(READY) $(BUNDLE) firefox ## The most important pages in Firefox
	$(PYTEST) $(ON_REAL_TIME) -p tests.plugins.seaweed tests/firefox

# `make test` does not run these tests. WebKitGTK's driver sometimes loses its browser, so a
# failed test runs again up to two times, each time in a new browser.
test-webkit: RERUNS = 2
test-webkit: $(READY) $(BUNDLE) webkit ## Uploads, pause and reload, passkeys in WebKitGTK
	$(PYTEST) $(ON_REAL_TIME) -p tests.plugins.seaweed tests/webkit

FAULTS := $(ON_REAL_TIME) -p tests.plugins.postgres -p tests.plugins.seaweed tests/faults

test-faults: $(READY) $(BUNDLE) chromium ## Crashes, bad networks, failing S3 (without long tests)
	$(PYTEST) -n 2 $(FAULTS) -m "not long"

faults: $(READY) $(BUNDLE) chromium ## test-faults with the long tests and a large file: FAULTS_MIB=500
	FAULTS_MIB=$(FAULTS_MIB) FAULTS_OFFLINE_SECONDS=60 \
		$(PYTEST) $(FAULTS) --timeout 900

soak: $(READY) $(BUNDLE) chromium ## Upload during random failures: MINUTES=15 SEED=1
	$(PYTHON) -m tests.faults.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

BENCHES := $(filter-out bench/report.py,$(wildcard bench/*.py)) $(wildcard bench/browser/*.py)
# All benchmarks run, even if one of them misses its limit.
bench: $(READY) $(BUNDLE) chromium firefox ## Run the benchmarks
	@status=0; for script in $(BENCHES); do \
		echo "== $$script"; $(PYTHON) "$$script" || status=1; \
	done; \
	for script in bench/*.mjs; do \
		echo "== $$script"; node "$$script" || status=1; \
	done; exit $$status

bench-browser: ## Run the benchmarks of the upload page
	@$(MAKE) --no-print-directory bench BENCHES="$(wildcard bench/browser/*.py)"

performance-docs: $(READY) ## Write the results of make bench into docs/performance.md
	$(PYTHON) -m scripts.performance_docs

vulnerabilities: $(READY) $(PACKAGES) ## Check the locked packages for known vulnerabilities
	@$(PYTHON) scripts/vulnerabilities.py

licences: $(READY) ## Write docs/licences.md
	$(PYTHON) scripts/licences.py

screenshots: $(READY) $(BUNDLE) chromium ## Take the screenshots in docs/images
	$(PYTHON) -m scripts.screenshots

bucket-docs: $(READY) ## Write the settings of the bucket into docs/bucket.md
	$(PYTHON) -m scripts.bucket_docs

providers: $(READY) ministack ceph ## Certify local S3 servers and write docs/providers.md
	$(PYTHON) -m scripts.providers

bundle: $(PACKAGES) ## Build the browser's JavaScript and CSS
	npm run --silent build

lambda: $(READY) $(BUNDLE) ## Build var/lambda.zip, the site for AWS Lambda
	$(PYTHON) -m scripts.lambda_package

test-serverless: $(READY) $(BUNDLE) ## The site as Lambda functions, compared with gunicorn
	$(PYTEST) -p tests.plugins.seaweed tests/serverless

test-upgrade: $(READY) ## Run the last release on the tables of this version (PostgreSQL)
	@if $(PYTHON) -m tests.upgrade.releases; then \
		$(PYTEST) -p tests.plugins.postgres -p tests.plugins.seaweed tests/upgrade; \
	fi

# `make test` does not run these tests, because they need root rights, the ports 80 and 443, and
# Debian or Ubuntu.
test-hosts: $(READY) $(PACKAGES) chromium ## Run each step of the tutorials for a server and a container
	$(PYTEST) -n 2 --dist loadfile --timeout 1800 -p tests.plugins.seaweed \
		-p pytest_playwright.pytest_playwright tests/hosts

image: ## Build the container image slipway with Docker
	docker build --build-arg VERSION="$$(python3 -c 'import uploads; print(uploads.__version__)')" \
		--tag slipway .

INFRA := .venv-infra/.ready
infra: $(INFRA) nginx ## Check Terraform, Dockerfile, compose file, systemd units, nginx example
	.venv-infra/bin/python -m pytest -c tests/infra/pytest.ini tests/infra

lock: $(READY) ## Pin the packages of requirements*.in and bench/peers/*.in
	for name in requirements requirements-lambda requirements-telemetry requirements-dev requirements-infra requirements-ministack \
			bench/peers/requirements bench/peers/programs; do \
		.venv/bin/uv pip compile --quiet --universal --generate-hashes \
			--no-emit-index-url --no-header \
			--python-version 3.11 --output-file $$name.txt $$name.in || exit 1; \
	done

clean: ## Delete environments and builds; keep the data in var/
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

nginx:
	@scripts/nginx.sh

ceph:
	@scripts/ceph.sh

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
