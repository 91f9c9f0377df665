# Two commands are all a newcomer needs: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test setup check lock clean bench bench-against bench-course docs

$(STAMP): requirements-dev.lock pyproject.toml
	@echo "Installing into $(VENV)/: once, about a minute, from the package index of your pip"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@echo "Installed."
	@touch $(STAMP)

setup: $(STAMP)

demo: setup
	@echo "Starting the service beside an EHR sandbox on loopback; the first table takes a few seconds"
	$(BIN)/cart-cds demo

# Two at a time: a file's tests stay together, so what a file starts (a browser, a server) is started once.
test: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --cov --cov-report=term-missing:skip-covered

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The locks hold versions and hashes only, never where they were downloaded from.
lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --extra dev --output-file requirements-dev.lock pyproject.toml

# What is generated: the clinical reference with the worked examples, what the README shows, every card, the app.
docs: setup
	$(BIN)/python -m cart_cds.clinical_reference
	$(BIN)/python -W ignore -m docs.tools.card_picture
	$(BIN)/python -W ignore -m docs.tools.card_gallery
	$(BIN)/python -W ignore -m docs.tools.app_pictures

# Side by side with peers, in under ten minutes; writes bench/RESULTS.md.
bench: setup
	$(BIN)/python -m bench

# This tree beside an earlier commit, in under four minutes: make bench-against COMMIT=750814d; writes bench/AGAINST.md.
bench-against: setup
	$(BIN)/python -m bench.against $(COMMIT)

# The course page over 14 days of hourly vital signs, in under two minutes; writes bench/COURSE.md.
bench-course: setup
	$(BIN)/python -m bench.course_page

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
