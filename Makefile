# Two commands matter: `make brief` and `make test`. The rest is what they need.
PYTHON ?= python3
BIN := .venv/bin
Q ?= What are the links between Trump and Putin?
LLM ?= local
SLUG = $(shell printf '%s' "$(Q)" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9' '-' | cut -c1-60 | sed 's/^-*//; s/-*$$//')

.PHONY: brief test lint types tests unit gate corpus lock clean
.DELETE_ON_ERROR:

brief: .venv/answers
	@$(BIN)/citebrief index corpus
	@mkdir -p briefs
	@$(BIN)/citebrief ask "$(Q)" --llm $(LLM) --output "briefs/$(SLUG).md" --output "briefs/$(SLUG).json" --output "briefs/$(SLUG).html"

test: lint types tests

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: .venv/installed
	$(BIN)/mypy

# Every lane but the slow one. Two workers, and a file's tests in one of them: each worker loads the models.
WORKERS ?= 2
tests: .venv/installed
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile

# No torch and no model: under a minute.
unit: .venv/installed
	$(BIN)/pytest -m 'not integration and not browser and not slow'

# The demo suite against its baseline, without a model; then one question of it with the local one.
# A refusal of a question that has an answer counts 0: five of the suite's forty are refused.
# Two questions at a time: what one does on a single core leaves the other core to the models of the other.
BARS := --gate 'citation_recall>=0.85' --gate 'citation_precision>=0.85' --gate 'uncited_rate==0' --gate 'invalid_citation_rate==0'
gate: .venv/installed
	@rm -rf build/gate && mkdir -p build/gate
	$(BIN)/citebrief index corpus --store build/gate/index --quiet
	$(BIN)/citebrief eval run eval/cases/demo.jsonl --out build/gate/extractive --llm extractive --jobs 2 --store build/gate/index \
		--baseline eval/cases/demo.baseline.json --junit build/gate/extractive.xml $(BARS)
	$(BIN)/citebrief eval run eval/cases/demo.jsonl --limit 1 --out build/gate/local --llm local --store build/gate/index \
		--junit build/gate/local.xml $(BARS)

# What answering needs, at the versions of the lock. pip's own settings decide where packages come from.
.venv/answers: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "citebrief needs Python 3.11 or newer; name one with PYTHON=…")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint requirements.lock --editable '.[local]'
	@touch $@

# Everything of the lock: the tests' tools and Ray too.
.venv/installed: .venv/answers
	$(BIN)/pip install --quiet --requirement requirements.lock
	@touch $@

# The PDFs and DOCXs of corpus/, from their sources.
corpus: .venv/installed
	$(BIN)/python corpus/sources/build.py

# One lock for every platform. torch's own CUDA packages stay out: pip adds them where a torch build asks for them.
lock:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-header --no-annotate --quiet \
		| grep -vE '^(torch|triton|nvidia-|cuda-)' > requirements.lock
	echo 'torch==2.13.0' >> requirements.lock

clean:
	rm -rf .venv .citebrief briefs build dist *.egg-info
