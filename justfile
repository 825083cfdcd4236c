# Everything that a developer types often; `just` alone lists it.
default:
    @just --list

# Set the environment up as the lock file says
setup:
    python3 start.py shell

# Formatting, lint, types, borders between rooms, spelling
check:
    .venv/bin/ruff format --check .
    .venv/bin/ruff check .
    .venv/bin/mypy
    .venv/bin/lint-imports
    .venv/bin/codespell src docs tests README.md CHANGELOG.md CONTRIBUTING.md

# All tests but the rehearsals; real control planes, Cassandra nodes and az are started by some: minutes
unit:
    .venv/bin/pytest -n 2 --dist loadfile -m "not rehearsal and not long"

# The rehearsals that take too long for CI: interruptions, troubles, a third region, every row read without the first
rehearse:
    .venv/bin/pytest -m long

# What CI runs
test:
    python3 start.py test

# The whole expansion on a fresh rehearsal lab
demo:
    .venv/bin/hybridspan demo

# Renew the lock file
lock:
    .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra lab --group dev pyproject.toml -o requirements/all.txt
