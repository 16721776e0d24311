# Short names for what the README tells. Every recipe works without just: it is the line below its name.

# List the recipes
default:
    @just --list

# A gateway is upgraded, found broken, put back, and upgraded again
quickstart:
    ./examples/quickstart/run.sh

# The same with a real npm package and a real service
npm-upgrade:
    cargo build -p runbook
    RUNBOOK="$PWD/target/debug/runbook" ./examples/npm-upgrade/run.sh

# All tests
test *ARGS:
    ./.ci/test {{ARGS}}

# Format, lints, architecture
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo xtask tidy

# The one static file that is shipped
dist:
    cargo xtask dist

# Measurements, which no test depends on
bench *ARGS:
    cargo bench --workspace {{ARGS}}

# Write schemas/*.json and docs/kinds.md from the tables of the code
schemas:
    cargo run --quiet -p runbook -- schema --write schemas
    cargo run --quiet -p runbook -- steps --markdown > docs/kinds.md

# Everything that continuous integration runs
ci:
    ./.ci/run
