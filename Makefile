# Everything a newcomer needs: make demo, make test. `make help` lists all.
PYTHON ?=
VENV   := .venv
RUN    := $(VENV)/bin/python
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help demo up test lint bench lock clean

help: ## list what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

# The environment, made from the hash-checked lock: by uv where there is one, else by pip. PYTHON=... names its Python;
# else one that is there keeps its own, and a new one takes `python3` or a faster one.
$(VENV)/.ready: requirements.lock
	@python="$(PYTHON)"; \
	if [ -z "$$python" ] && $(RUN) -c '' 2>/dev/null; then python=$(RUN); fi; \
	[ -n "$$python" ] || python=$$(sh deploy/choose_python.sh) || exit 1; \
	if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python "$$python" $(VENV) && \
		uv pip sync --quiet --python $(RUN) --require-hashes requirements.lock; \
	else \
		"$$python" -m venv $(VENV) && $(RUN) -m pip install --quiet --require-hashes -r requirements.lock; \
	fi
	@touch $@

demo: $(VENV)/.ready ## show the whole product at work (ARGS="--exit --customers 500")
	@$(RUN) manage.py demo $(ARGS)

up: $(VENV)/.ready ## run everything in the foreground (ARGS="--port 8001")
	@$(RUN) manage.py up $(ARGS)

test: $(VENV)/.ready ## the whole test suite (ARGS="tests/campaigns -n 2")
	@$(RUN) -m pytest $(or $(ARGS),-n 2)

lint: $(VENV)/.ready ## ruff, mypy and the import rules
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(RUN) -m mypy .
	@$(VENV)/bin/lint-imports

bench: $(VENV)/.ready ## a benchmark (ARGS="delivery --quick")
	@$(RUN) -m tests.benchmarks $(ARGS)

lock: ## choose versions anew and write requirements.lock (needs uv)
	@uv lock --quiet --upgrade
	@uv export --quiet --format requirements-txt --no-emit-project --no-header --all-groups -o requirements.lock

clean: ## remove the environment and the embedded services' data
	@rm -rf $(VENV) .bannerline
