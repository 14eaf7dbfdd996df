# shellcheck shell=bash
# established KUBECTL [OPTION...]: until the kinds that were brought are served, 20 s at most. `kubectl wait` fails at
# once where one has no conditions yet ("accessor error"), so it is asked again.
established() {
    local try
    for try in $(seq 20); do
        "$@" wait --for=condition=Established --timeout=20s \
            crd/druids.druid.apache.org crd/druidingestions.druid.apache.org && return 0
        [ "$try" = 20 ] || sleep 1
    done
    return 1
}
