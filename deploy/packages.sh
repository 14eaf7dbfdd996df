# Sourced by deploy/quickstart and tests/run: which distribution packages are needed, and how to get
# them. Needs nothing but a shell. All libraries come from the distribution.

packages_build="gcc libc6-dev cmake ninja-build pkg-config liblua5.4-dev lua-cjson-dev libcurl4-openssl-dev libyaml-dev
 libjansson-dev libmicrohttpd-dev libssl-dev ca-certificates"
packages_test="libcmocka-dev clang-format lua5.4 lua-check universal-ctags curl openssl git jq procps
 python3 python3-venv"
packages_cluster="openssl git curl jq procps lua5.4" # and golang-go where there is no Go
packages_node="containerd runc containernetworking-plugins iptables iproute2 musl-tools" # real pods
packages_druid="maven openjdk-17-jdk-headless" # real Druid in them

# packages_missing NAME…: those of the list that are not installed
packages_missing() {
    for package in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
        *" installed") ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

# packages_need NAME…: installs what is missing, as root or with sudo; says what to do otherwise
packages_need() {
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "This script installs packages with apt-get, which is not here. Install what these Debian" >&2
        echo "packages hold, then run it again: $*" >&2
        return 1
    fi
    # shellcheck disable=SC2046 # one word a package
    set -- $(packages_missing "$@")
    [ $# -gt 0 ] || return 0
    as_root=
    if [ "$(id -u)" != 0 ]; then
        if command -v sudo >/dev/null 2>&1; then
            as_root=sudo
        else
            echo "Missing packages, and neither root nor sudo to install them: $*" >&2
            return 1
        fi
    fi
    echo "Installing $# packages: $*"
    packages_log=$(mktemp)
    if $as_root apt-get update -qq >"$packages_log" 2>&1 &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
            >>"$packages_log" 2>&1; then
        rm -f "$packages_log"
        return 0
    fi
    tail -n 15 "$packages_log" >&2
    rm -f "$packages_log"
    echo "apt-get could not install: $*" >&2
    return 1
}
