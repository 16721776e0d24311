#!/bin/sh
# The quickstart: a gateway is upgraded to a release that is healthy and broken, which is rolled back, and then to one
# that works, which is kept. Needs Rust and a C compiler; no root, no Node, no systemd. Everything happens in a scratch
# directory that goes in the end.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
port=${PORT:-18789}

say() { printf '\n== %s\n\n' "$*"; }
die() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }

apply() { # FILE [ARGUMENT]...
    file=$1
    shift
    "$runbook" apply "$here/$file" --state-dir "$scratch/runbook" --yes "$@"
}

upgrade() { # VERSION
    apply plan.yaml --env demo --var "target=$1" --var "releases=$scratch/releases" --var "home=$scratch" \
        --var "gateway=$gateway" --var "port=$port"
}

expect() { # CODE COMMAND...
    wanted=$1
    shift
    code=0
    "$@" || code=$?
    [ "$code" -eq "$wanted" ] || die "\`$*\` ended with exit code $code, not $wanted"
    printf '(exit code %s)\n' "$code"
}

# Every file, link and directory of the program and its state: type, mode, target and content.
fingerprint() {
    (
        cd "$scratch"
        find app state -exec ls -ldn {} + | awk '{ print $1, $3, $4, $9, $10, $11 }' | LC_ALL=C sort
        find app state -type f -exec cksum {} + | LC_ALL=C sort
    )
}

finish() {
    if [ -d "$scratch/runbook" ]; then
        apply stop.yaml >"$scratch/stop.log" 2>&1 || cat "$scratch/stop.log" >&2
    fi
    rm -rf "$scratch"
}

if [ -z "${RUNBOOK:-}" ]; then
    say "building runbook and the demo gateway (a few minutes the first time)"
    cargo build --quiet --manifest-path "$root/Cargo.toml" -p runbook -p demo-gateway
    target=${CARGO_TARGET_DIR:-$root/target}
    RUNBOOK=$target/debug/runbook
    GATEWAY=$target/debug/demo-gateway
fi
runbook=$RUNBOOK
gateway=${GATEWAY:?set it to the demo-gateway program}

scratch=$(mktemp -d)
trap finish EXIT
trap 'exit 130' INT TERM
mkdir "$scratch/releases"
for version in 1.0.0 1.1.0 1.2.0; do
    "$gateway" make-release "$version" "$scratch/releases/$version"
done
"$gateway" make-state "$scratch/state" --port "$port"

say "the gateway comes up with 1.0.0"
expect 0 upgrade 1.0.0
fingerprint >"$scratch/before"

say "1.1.0: it is up, its health is green, and its chat channel is dead"
expect 3 upgrade 1.1.0
fingerprint >"$scratch/after"
cmp "$scratch/before" "$scratch/after" || die "something is not as it was before"
printf 'Program and state: %s entries compared, all as before.\n' "$(wc -l <"$scratch/after" | tr -d ' ')"

say "1.2.0 works, and is kept"
expect 0 upgrade 1.2.0

say "the same once more"
expect 0 upgrade 1.2.0

say "what happened here"
"$runbook" history --state-dir "$scratch/runbook"
