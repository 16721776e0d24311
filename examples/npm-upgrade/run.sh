#!/bin/sh
# Upgrades a real npm package under a real service: once to a version that is healthy and broken, which is rolled back without any
# network, and once to a good one, which is kept. Everything happens in a scratch directory that goes in the end.
#
# Needs Rust, npm and node. The network is used once, to fill npm's cache. RUNBOOK may name a `runbook` that is built.
set -eu

OLD=0.16.3
BROKEN=1.0.0-beta.3
GOOD=0.17.4

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
port=${PORT:-18923}

say() { printf '\n== %s\n' "$*"; }
die() { printf 'run.sh: %s\n' "$*" >&2; exit 1; }

npm_into() { # PREFIX VERSION
    (cd "$scratch/empty" && npm install --global --prefix "$1" --no-audit --no-fund --no-update-notifier \
        --loglevel=error "json-server@$2")
}

# Every file and link below DIR with its type, mode, owner, content and, for files, its time to the nanosecond.
fingerprint() { # DIR
    (
        cd "$1"
        find . -type f -printf '%P %m %U:%G %T@\n' | LC_ALL=C sort
        find . -type l -printf '%P -> %l\n' | LC_ALL=C sort
        find . -type d -printf '%P/ %m %U:%G\n' | LC_ALL=C sort
        find . -type f -exec sha256sum {} + | LC_ALL=C sort
    ) | sha256sum | cut -d' ' -f1
}

apply() { # FILE [ARGUMENT]...
    file=$1
    shift
    "$runbook" apply "$here/$file" --state-dir "$scratch/state" --yes \
        --var "prefix=$scratch/prefix" --var "data=$scratch/data" --var "port=$port" "$@"
}

expect() { # CODE WHAT COMMAND...
    wanted=$1 what=$2
    shift 2
    code=0
    "$@" || code=$?
    [ "$code" -eq "$wanted" ] || die "$what ended with exit code $code, not $wanted"
    printf '\n   exit code %s, as it should be: %s\n' "$code" "$what"
}

finish() {
    "$runbook" apply "$here/stop.yaml" --state-dir "$scratch/state" --yes >/dev/null 2>&1 || true
    rm -rf "$scratch"
}

# The part with the network: npm's cache gets all that the two upgrades need, and the old version is installed.
with_network() {
    command -v npm >/dev/null || die "npm is not on PATH"
    say "npm $(npm --version), node $(node --version), scratch directory $scratch"
    for version in $BROKEN $GOOD; do
        say "filling npm's cache with json-server $version"
        npm_into "$scratch/warm-$version" "$version"
        rm -rf "$scratch/warm-$version"
    done
    say "installing json-server $OLD into $scratch/prefix"
    npm_into "$scratch/prefix" "$OLD"
    cp "$here/orders.json" "$scratch/data/"
}

# The part without: started in a network namespace of its own where that is allowed.
without_network() {
    export npm_config_offline=true
    say "the service comes up with $OLD"
    expect 0 "start" apply start.yaml
    node "$here/client.mjs" "http://127.0.0.1:$port"
    before=$(fingerprint "$scratch/prefix")-$(fingerprint "$scratch/data")

    say "the upgrade to $BROKEN: the process is up, / answers 200, and searches find everything"
    expect 3 "the broken upgrade is rolled back" apply plan.yaml --env demo --var "target=$BROKEN"
    after=$(fingerprint "$scratch/prefix")-$(fingerprint "$scratch/data")
    [ "$before" = "$after" ] || die "after the rollback the files are not as before"
    printf '   every file is as before: %s\n' "$after"
    node "$here/client.mjs" "http://127.0.0.1:$port"

    say "the upgrade to $GOOD"
    expect 0 "the good upgrade is kept" apply plan.yaml --env demo --var "target=$GOOD"
    node "$here/client.mjs" "http://127.0.0.1:$port"

    say "the same once more"
    expect 0 "there is nothing to do" apply plan.yaml --env demo --var "target=$GOOD"
}

if [ -z "${RUNBOOK:-}" ]; then
    say "building runbook (a few minutes the first time)"
    cargo build --quiet --manifest-path "$root/Cargo.toml" -p runbook
    RUNBOOK=${CARGO_TARGET_DIR:-$root/target}/debug/runbook
fi
export RUNBOOK
runbook=$RUNBOOK

if [ "${1:-}" = without-network ]; then
    scratch=$2
    trap finish EXIT
    trap 'exit 130' INT TERM
    [ "$3" = namespace ] && ip link set lo up
    without_network
    exit 0
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
mkdir "$scratch/empty" "$scratch/data" "$scratch/state"
export npm_config_cache="$scratch/cache"
with_network

if unshare --net sh -c 'ip link set lo up' 2>/dev/null; then
    say "from here on without network: in a network namespace of its own, with nothing but loopback"
    unshare --net "$here/run.sh" without-network "$scratch" namespace
elif unshare --map-root-user --net sh -c 'ip link set lo up' 2>/dev/null; then
    say "from here on without network: in a user and network namespace of its own, with nothing but loopback"
    unshare --map-root-user --net "$here/run.sh" without-network "$scratch" namespace
else
    say "from here on npm cannot reach a registry: no namespace is allowed here, so it is told a dead address"
    npm_config_registry=http://127.0.0.1:9 "$here/run.sh" without-network "$scratch" address
fi
say "done: one broken upgrade rolled back without network, one good upgrade kept"
