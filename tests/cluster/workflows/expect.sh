# Sourced by the workflows: what a step must say, now or soon. Counts into passed and failed.

passed=0 failed=0
good() { passed=$((passed + 1)); }
bad() { # bad STEP TEXT
    failed=$((failed + 1))
    echo "FAILED: $workflow: $1"
    printf '%s\n' "$2" | tail -n 25 | cut -c1-300 | sed 's/^/    /'
}
matches() { grep -qE -- "$2" <<<"$(printf '%s' "$1" | tr '\n' '~')"; }
# expect STEP PATTERN COMMAND…: exit 0, and the pattern (extended, over the whole output) in what it says
expect() {
    local step=$1 pattern=$2 out
    shift 2
    if out=$("$@" 2>&1) && matches "$out" "$pattern"; then good; else bad "$step: wanted /$pattern/ from: $*" "$out"; fi
}
# soon STEP SECONDS PATTERN COMMAND…: the same within so many seconds
soon() {
    local step=$1 pattern=$3 end out=
    end=$(($(date +%s%N) + $2 * 1000000000))
    shift 3
    while :; do
        if out=$("$@" 2>&1) && matches "$out" "$pattern"; then
            good
            return
        fi
        [ "$(date +%s%N)" -lt $end ] || break
        sleep 0.1
    done
    bad "$step: wanted /$pattern/ in time from: $*" "$out"
}
# same STEP WANTED FOUND
same() {
    if [ "$2" = "$3" ]; then good; else bad "$1" "wanted: $2
found:  $3"; fi
}
