#!/bin/sh
# Finds or places the agent on this host, and becomes it. It comes on standard input, after a line that sets its arguments: the word that
# marks our lines, the agent's digest (SHA-256) and its length in bytes, how to become root, the state directory or nothing.
#
# Nobody sends more before a marked line asks for it: some shells read ahead.
set -u
umask 077
mark=$1 digest=$2 length=$3 become=$4 state=$5

say() { printf '\n%s %s\n' "$mark" "$(printf '%s' "$*" | tr '\n\t' '  ')"; }

fail() {
    say "failed $*"
    exit 1
}

digest_of() {
    if command -v sha256sum >/dev/null; then
        sha256sum <"$1"
    elif command -v shasum >/dev/null; then
        shasum -a 256 <"$1"
    else
        openssl dgst -sha256 -r <"$1"
    fi
}

# Whole too: a power cut may leave a file without its end.
is_there() { [ -x "$agent" ] && [ "$(wc -c <"$agent")" -eq "$length" ]; }

# Its half-done file is gone before anybody hears of it, who may hang up then.
refuse() {
    rm -f "$new"
    fail "$@"
}

place() (
    command -v sha256sum >/dev/null || command -v shasum >/dev/null || command -v openssl >/dev/null || fail digest
    said=$(mkdir -p "$dir" 2>&1) || fail place "$dir: $said"
    new=$dir/.new.$$
    trap 'rm -f "$new"' EXIT
    trap 'exit 1' HUP INT PIPE TERM
    # What a power cut left of others.
    find "$dir" -name '.new.*' -mtime +1 -exec rm -f {} + 2>/dev/null
    say "lacks $(uname -s) $(uname -m)"
    said=$({ head -c "$length" >"$new"; } 2>&1) || refuse place "$dir: $said"
    sum=$(digest_of "$new")
    [ "${sum%% *}" = "$digest" ] || refuse damaged
    said=$(chmod 700 "$new" 2>&1) || refuse place "$dir: $said"
    said=$("$new" --version 2>&1 </dev/null)
    code=$?
    case $code$said in
    0*) ;;
    126*'Permission denied' | 126*'not permitted') refuse noexec "$dir" ;;
    *) refuse run "${said:+$said }(exit code $code)" ;;
    esac
    sync "$new" 2>/dev/null
    said=$(mv -f "$new" "$agent" 2>&1) || refuse place "$dir: $said"
)

main() {
    # Messages are read, so they are English; the agent gets back what the host has. ssh may have brought `C` along for the same reason.
    locale=${LC_ALL-}
    LC_ALL=C
    export LC_ALL
    system=$(uname -s)
    case $system in
    Linux | Darwin) ;;
    *) fail system "$system" ;;
    esac
    if [ "$become" = sudo ] && [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail sudo
        say escalating
        exec sudo -n -- sh
    fi
    case ${XDG_STATE_HOME-} in
    /*) own=$XDG_STATE_HOME/runbook ;;
    *) own=${HOME-}/.local/state/runbook ;;
    esac
    [ "$(id -u)" != 0 ] || own=/var/lib/runbook
    dir=${state:-${RUNBOOK_STATE_DIR:-$own}}/agent/$digest
    agent=$dir/runbook
    is_there || place || exit 1
    set -- agent attach
    [ -z "$state" ] || set -- --state-dir "$state" "$@"
    case $locale in
    '' | C) unset LC_ALL ;;
    *) LC_ALL=$locale ;;
    esac
    say attached
    exec "$agent" "$@"
}

main
