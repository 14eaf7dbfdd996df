# Sourced by tests/cluster/cluster: builds the binaries of a release into the cache, once.

# Go as new as the modules ask for. Where the machine's Go is older, the toolchain itself is a module.
find_go() {
    local have tool
    have=$(go env GOVERSION 2>/dev/null | sed 's/^go//') || have=
    if [ -n "$have" ] && [ "$(printf '%s\n1.26\n' "$have" | sort -V | head -1)" = 1.26 ]; then return; fi
    if [ ! -x "$cache/go/bin/go" ]; then
        command -v go >/dev/null || fail "go is missing: apt-get install golang-go"
        tool=golang.org/toolchain@v0.0.1-go1.26.0.linux-$(dpkg --print-architecture)
        mkdir -p "$cache"
        (cd "$cache" && GOTOOLCHAIN=local GOFLAGS=-mod=mod go mod download -json "$tool") >"$cache/toolchain.json" ||
            fail "cannot download $tool"
        rm -rf "$cache/go.new"
        cp -r "$(sed -n 's/.*"Dir": "\(.*\)",*/\1/p' "$cache/toolchain.json")" "$cache/go.new"
        chmod -R u+w "$cache/go.new"
        find "$cache/go.new/bin" "$cache/go.new/pkg/tool" -type f -exec chmod +x {} +
        mv "$cache/go.new" "$cache/go"
    fi
    export GOROOT=$cache/go PATH="$cache/go/bin:$PATH"
}
module() { # module NAME: an empty module in a scratch folder
    rm -rf "${work:?}/$1" && mkdir -p "$work/$1" && cd "$work/$1" && go mod init "local/$1" 2>/dev/null
}
get() { go get "$@" 2>"$work/get.log" || { tail -5 "$work/get.log" >&2; fail "go get $* failed"; }; }
built() { [ -x "$bin/$1" ]; }
linker_flags() { # linker_flags PREFIX: without them the server calls itself v0.0.0
    local minor=${kube#v1.} v
    printf %s "-s -w"
    for v in "$1k8s.io/component-base/version" "$1k8s.io/client-go/pkg/version"; do
        printf %s " -X $v.gitVersion=$kube -X $v.gitMajor=1 -X $v.gitMinor=${minor%%.*}"
    done
}
build_kubernetes() {
    local staging=v0.${kube#v1.} file language b m missing=
    local p=k8s.io/kubernetes/cmd
    for b in $programs; do built "$b" || missing="$missing $b"; done
    echo "cluster: building of Kubernetes $kube:$missing (about 10 minutes the first time)" >&2
    module kube
    file=$(go mod download -json "k8s.io/kubernetes@$kube" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
    [ -n "$file" ] || fail "the module k8s.io/kubernetes@$kube cannot be downloaded"
    # The release's own go.mod points at folders of its repository; the same code is published as
    # modules with the matching v0 version.
    set -- -require "k8s.io/kubernetes@$kube"
    for m in $(sed -n 's/^[[:space:]]*\(k8s\.io\/[a-z0-9-]*\) => \.\/staging.*/\1/p' "$file" | sort -u); do
        set -- "$@" -replace "$m=$m@$staging"
    done
    go mod edit "$@"
    language=$(sed -n 's/^go //p' "$file")
    go mod edit -go="$language" -godebug="default=go$(printf %s "$language" | cut -d. -f1,2)"
    set --
    for b in $missing; do set -- "$@" "$p/$b@$kube"; done
    get "$@"
    for b in $missing; do
        go build -trimpath -ldflags "$(linker_flags "")" -o "$bin/$b.new" "$p/$b"
        mv "$bin/$b.new" "$bin/$b"
    done
}

# The old release: Debian's source package holds the tree with all it needs, and the same suite has the
# Go, the etcd and the kubectl of that time. Nothing is installed, the packages are unpacked here; the
# lists of packages are private, so that root is not needed and the machine may have another suite.
build_packaged() {
    local tool source options reflect2=github.com/modern-go/reflect2
    local keys=/usr/share/keyrings/debian-archive-keyring.gpg mirror
    local packages="golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev etcd-server kubernetes-client"
    echo "cluster: building Kubernetes $kube (about 10 minutes)" >&2
    for tool in apt-get dpkg-deb make rsync; do
        command -v "$tool" >/dev/null || fail "$tool is missing, which builds Kubernetes $kube: apt-get install $tool"
    done
    [ -f "$keys" ] || fail "$keys is missing: apt-get install debian-archive-keyring"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep '/debian/$' | head -n 1) || true
    mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/packages" "$work/unpacked"
    printf "%s [signed-by=$keys] ${mirror:-http://deb.debian.org/debian} bookworm main\n" deb deb-src >"$work/apt/sources"
    options="-qq -o Dir::Etc::SourceList=$work/apt/sources -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists=$work/apt/lists -o Dir::Cache=$work/apt -o APT::Sandbox::User=root"
    cd "$work/packages"
    # shellcheck disable=SC2086 # options are words
    { apt-get $options update && apt-get $options source --download-only kubernetes &&
        apt-get $options download $packages; } >"$work/apt.log" 2>&1 ||
        { tail -n 5 "$work/apt.log" >&2; fail "the packages of Kubernetes $kube could not be downloaded"; }
    for tool in *.deb; do dpkg-deb -x "$tool" "$work/unpacked"; done
    source=$work/gopath/src/k8s.io/kubernetes
    mkdir -p "$source"
    tar -xzf kubernetes_*.orig.tar.gz --strip-components 1 -C "$source"
    # The one in the tree is for Go before 1.18: with a newer one the server crashes on JSON maps.
    rm -r "${source:?}/vendor/$reflect2"
    cp -r "$work/unpacked/usr/share/gocode/src/$reflect2" "$source/vendor/$reflect2"
    (
        export GOROOT=$work/unpacked/usr/lib/go-1.19 GOPATH=$work/gopath GO111MODULE=off CGO_ENABLED=0 GOFLAGS=
        export PATH=$GOROOT/bin:$PATH
        cd "$source"
        make generated_files >"$work/generate.log" 2>&1 || { tail -n 5 "$work/generate.log" >&2; exit 1; }
        go build -trimpath -ldflags "$(linker_flags k8s.io/kubernetes/vendor/)" -o "$work/built/" $(printf './cmd/%s ' ${programs% kubectl})
    ) || fail "Kubernetes $kube could not be built"
    mv "$work"/built/* "$work/unpacked/usr/bin/etcd" "$work/unpacked/usr/bin/kubectl" "$bin/"
}
# borrow FILE MODULE VERSION: what another release's folder has already, when it was built from that
borrow() {
    local other
    for other in "$cache"/kubernetes-*/"$1"; do
        [ -f "$other" ] || continue
        go version -m "$other" 2>/dev/null | grep "[[:space:]]$2[[:space:]]$3" >/dev/null || continue
        ln -f "$other" "$bin/$1"
        [ "$1" != kwok ] || cp -r "$(dirname "$other")/stages" "$bin/stages"
        return 0
    done
    return 1
}
build_etcd() {
    echo "cluster: building etcd $etcd" >&2
    module etcd
    get "go.etcd.io/etcd/server/v3@$etcd"
    go build -trimpath -ldflags '-s -w' -o "$bin/etcd.new" go.etcd.io/etcd/server/v3
    mv "$bin/etcd.new" "$bin/etcd"
}
build_kwok() {
    echo "cluster: building the node simulator $kwok" >&2
    module kwok
    get "sigs.k8s.io/kwok/cmd/kwok@$kwok"
    go build -trimpath -ldflags '-s -w' -o "$bin/kwok.new" sigs.k8s.io/kwok/cmd/kwok
    rm -rf "$bin/stages"
    cp -r "$(go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage" "$bin/stages"
    chmod -R u+w "$bin/stages"
    mv "$bin/kwok.new" "$bin/kwok"
}
# Cluster DNS, with the few plugins that it needs.
build_coredns() {
    echo "cluster: building CoreDNS $coredns" >&2
    module coredns
    cp "$root/tests/cluster/lib/coredns.go" main.go
    get "github.com/coredns/coredns@$coredns"
    go mod tidy 2>"$work/get.log" || { tail -n 5 "$work/get.log" >&2; fail "go mod tidy failed"; }
    go build -trimpath -ldflags '-s -w' -o "$bin/coredns.new" .
    mv "$bin/coredns.new" "$bin/coredns"
}
# A client that nobody here wrote: client-go of the release, in a program of ours (tests/kubectl).
informers() {
    local sources=("$root"/tests/kubectl/informers*.go) out
    out=$bin/informers-$(cat "${sources[@]}" | cksum | cut -d' ' -f1)
    if [ ! -x "$out" ]; then
        mkdir -p "$bin"
        exec 9>"$bin/.lock"
        flock 9
        work=$bin/.work-informers
        trap 'rm -rf "$work"' EXIT
        rm -rf "$work"
        mkdir -p "$work"
        find_go
        export GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS=-mod=mod GOWORK=off
        module informers
        cp "${sources[@]}" .
        get "k8s.io/client-go@v0.${kube#v1.}"
        go mod tidy 2>"$work/get.log" || { tail -n 5 "$work/get.log" >&2; fail "go mod tidy failed"; }
        rm -f "$bin"/informers-*
        go build -trimpath -ldflags '-s -w' -o "$out.new" .
        mv "$out.new" "$out"
        exec 9>&-
    fi
    echo "$out"
}
is_complete() {
    local b
    for b in $programs $tools; do built "$b" || return 1; done
}
build() {
    local b
    programs="kube-apiserver kube-controller-manager kube-scheduler kubectl" tools="etcd kwok"
    if [ "$profile" = node ]; then programs="$programs kubelet kube-proxy" tools="etcd coredns"; fi
    if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
        for b in etcd kube-apiserver; do
            [ -x "$KUBEBUILDER_ASSETS/$b" ] || fail "KUBEBUILDER_ASSETS is set, and $KUBEBUILDER_ASSETS/$b is not there"
        done
        programs=${programs#kube-apiserver } tools=${tools#etcd }
    fi
    is_complete && return
    mkdir -p "$bin"
    exec 9>"$bin/.lock"
    flock 9
    if ! is_complete; then
        work=$bin/.work
        trap 'rm -rf "$work"' EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM HUP
        rm -rf "$work"
        mkdir -p "$work"
        if [ "$etcd" = packaged ] && ! built kubectl; then build_packaged; fi
        find_go
        export GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS=-mod=mod GOWORK=off
        for b in $programs; do
            built "$b" || { build_kubernetes && break; }
        done
        case $tools in *etcd*) built etcd || borrow etcd go.etcd.io/etcd/server/v3 "$etcd" || build_etcd ;; esac
        case $tools in *kwok*) built kwok || borrow kwok sigs.k8s.io/kwok "$kwok" || build_kwok ;; esac
        case $tools in
        *coredns*) built coredns || borrow coredns github.com/coredns/coredns "$coredns" || build_coredns ;;
        esac
        cd "$root"
        rm -rf "$work"
        trap - EXIT INT TERM HUP
    fi
    exec 9>&-
}
