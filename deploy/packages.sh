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

# packages_here: whether this is Debian, or a distribution made of it
packages_here() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ -r /etc/os-release ] || return 0
    (
        . /etc/os-release
        case " ${ID:-} ${ID_LIKE:-} " in *" debian "*) ;; *) exit 1 ;; esac
    )
}

# packages_show FILE: apt's own words about how far it is, on a terminal as one line that changes; what else it
# says goes into FILE. The last line is its exit code, which is the answer.
packages_show() {
    packages_code=1
    while IFS= read -r packages_line; do
        case $packages_line in
        dlstatus:* | pmstatus:*)
            [ -t 1 ] || continue
            packages_line=${packages_line#*:*:}
            printf '\r\033[K    %3d %%  %.60s' "${packages_line%%[.:]*}" "${packages_line#*:}"
            ;;
        ended:*) packages_code=${packages_line#ended:} ;;
        *) printf '%s\n' "$packages_line" >>"$1" ;;
        esac
    done
    [ ! -t 1 ] || printf '\r\033[K'
    return "$packages_code"
}

# packages_need NAME…: installs what is missing, as root or with sudo; says what to do otherwise.
# NEMETON_PACKAGES=present: somebody has seen to it.
packages_need() {
    [ "${NEMETON_PACKAGES:-}" != present ] || return 0
    if ! packages_here; then
        echo "This is not Debian, so nothing is installed. Install what these Debian packages hold, and run it" >&2
        echo "again with NEMETON_PACKAGES=present:" "$@" >&2
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
            echo "Missing packages, and neither root nor sudo to install them. As root: apt-get install $*" >&2
            return 1
        fi
    fi
    case $# in 1) echo "Installing 1 package: $*" ;; *) echo "Installing $# packages: $*" ;; esac
    packages_log=$(mktemp)
    if {
        $as_root apt-get update -qq -o APT::Status-Fd=1 2>&1 &&
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
                -o APT::Status-Fd=1 "$@" 2>&1
        echo "ended:$?"
    } </dev/null | packages_show "$packages_log"; then
        rm -f "$packages_log"
        return 0
    fi
    tail -n 15 "$packages_log" >&2
    rm -f "$packages_log"
    echo "apt-get could not install: $*" >&2
    return 1
}

# packages_download NAME: its .deb into the working folder, for what must not be installed; reads apt's lists
# anew where they are missing, which takes root or sudo
packages_download() {
    apt-get download -qq "$1" >/dev/null 2>&1 && return 0
    as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update -qq >/dev/null 2>&1 && apt-get download -qq "$1" >/dev/null 2>&1
}
