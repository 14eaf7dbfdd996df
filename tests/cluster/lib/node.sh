# Sourced by tests/cluster/cluster: a real node (containerd, kubelet, kube-proxy, cluster DNS) in
# namespaces of its own, see lib/node-init. The control plane runs in its network.

. "$root/tests/cluster/lib/image.sh"
link=nemeton-node # the machine's end of the cable to the node; there can be one, so it is the lock, too
network=198.18    # of a range that no network uses: RFC 2544
pods=$network.128.0/17
pause_image=docker.io/nemeton-test/pause:1
init_pid() { cat "$dir/init" 2>/dev/null || echo 0; }
in_node() { nsenter --target "$(init_pid)" --mount --net --pid --root -- "$@"; }
holder() { # who has the machine's node
    ip link show "$link" >/dev/null 2>&1 || return 1
    ip link show "$link" | sed -n 's/.*alias //p'
}
node_packages() { # what is missing of packages_node
    . "$root/deploy/packages.sh"
    # shellcheck disable=SC2086 # one word a package
    packages_missing $packages_node
}
# Why this machine cannot run a node, in one line; nothing when that has to be tried.
node_obstacle() {
    local where missing
    [ "$(id -u)" = 0 ] || { echo "a node needs root"; return; }
    [ "$release" != 1.20 ] || { echo "the node profile is for releases from 1.33 on"; return; }
    missing=$(node_packages)
    [ -z "$missing" ] || { echo "missing packages: $missing"; return; }
    for where in "$dir" "$bin"; do
        case $where in /run/* | /var/run/* | /var/lib/* | /var/log/*) echo "$where is hidden from a node; choose another place"; return ;; esac
    done
    if where=$(holder); then echo "one node at a time, and $where has it (\`tests/cluster/cluster down --dir $where\` ends it)"; return; fi
}
# Tries it: a container in namespaces, with a limit of memory, and rules for packets. Prints what failed.
# To be run in a shell of its own.
node_trial() {
    local tries=0
    fail() { echo "$*"; exit 1; }
    group=nemeton-trial-$$ dir=$(mktemp -d)
    trap 'node_end; kill_all -KILL; rm -rf "$dir"' EXIT
    mkdir -p "$dir/log"
    snapshotter=overlayfs
    node_namespaces
    in_node sh -c 'ip link add trial type veth peer name other && iptables -t nat -A OUTPUT -p udp -m comment --comment trial -m statistic --mode random --probability 0.5 -j RETURN &&
        echo 1 >/proc/sys/net/ipv4/ip_forward' || { echo "no network devices or packet rules can be made"; return; }
    choose_snapshotter
    start_containerd
    image_load "$dir/pause.tar"
    in_node ctr -a "$dir/containerd.sock" -n k8s.io run --detach --snapshotter "$snapshotter" --memory-limit 20000000 \
        --cgroup "/$group/trial" $pause_image trial >"$dir/log/trial.log" 2>&1 || { tail -n 1 "$dir/log/trial.log"; return; }
    until in_node ctr -a "$dir/containerd.sock" -n k8s.io tasks ls | grep -q RUNNING; do
        tries=$((tries + 1))
        [ $tries -lt 20 ] || { echo "a container ends as soon as it was started"; return; }
        sleep 0.1
    done
}
pause_program() { # pause_program FILE
    musl-gcc -static -Os -s -Wall -Wextra -Werror -o "$1" "$root/tests/cluster/lib/pause.c"
}
node_namespaces() { # process 1, and nothing else yet
    local tries=0 error
    mkdir -p "$dir/pause"
    pause_program "$dir/pause/pause"
    image_make "$dir/pause.tar" "$dir/pause" /pause $pause_image
    rm -f "$dir/init"
    # In a change root the root is no mount that could be made private; node-init sees to it.
    run node unshare --mount --net --pid --ipc --fork --kill-child --propagation \
        "$(mountpoint -q / && echo private || echo unchanged)" \
        "$root/tests/cluster/lib/node-init" start "$dir" "$dir/pause/pause" "$group"
    until [ -s "$dir/init" ]; do
        tries=$((tries + 1))
        if ! alive node || [ $tries -gt 100 ]; then
            error=$(tail -n 1 "$dir/log/node.log")
            fail "no namespaces for a node: ${error:-they are not ready in time}"
        fi
        sleep 0.05
    done
}
choose_snapshotter() { # overlays cannot always be mounted, for example on another overlay
    mkdir -p "$dir/probe/a" "$dir/probe/b" "$dir/probe/c" "$dir/probe/d"
    snapshotter=native
    if in_node mount -t overlay -o "lowerdir=$dir/probe/a,upperdir=$dir/probe/b,workdir=$dir/probe/c" overlay "$dir/probe/d" 2>/dev/null; then
        snapshotter=overlayfs
        in_node umount "$dir/probe/d"
    fi
}
start_containerd() {
    mkdir -p "$dir/cni"
    cat >"$dir/containerd.toml" <<END
version = 2
root = "$dir/containerd"
state = "$dir/containerd-state"
[grpc]
  address = "$dir/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$dir/containerd-opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause_image"
  # Without the right to raise a process's score, which not all machines give, nothing would start.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$snapshotter"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$dir/cni"
END
    cat >"$dir/cni/10-node.conflist" <<END
{"cniVersion": "0.4.0", "name": "node", "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local", "subnet": "$pods", "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
    run containerd nsenter --target "$(init_pid)" --mount --net --pid --root -- containerd -c "$dir/containerd.toml"
    wait_for 20 containerd ctr -a "$dir/containerd.sock" version
}
image_load() { # image_load FILE…: images into the node, from files
    local file
    for file in "$@"; do
        ctr -a "$dir/containerd.sock" -n k8s.io images import --snapshotter "${snapshotter:-$(cat "$dir/snapshotter")}" "$file" >/dev/null
    done
}
# The cable: the machine's end is the lock, and goes with the network of the other end.
connect_node() {
    ip link add "$link" type veth peer name machine netns "$(init_pid)" 2>/dev/null || fail "$(node_obstacle)"
    ip link set "$link" alias "$dir"
    ip address add $network.0.1/30 dev "$link"
    ip link set "$link" up
    in_node sh -c "ip address add $address/30 dev machine && ip link set machine up && ip route add default via $network.0.1"
    ip route add $pods via $address
    ip route add $services/16 via $address
}
begin_node() {
    local obstacle
    obstacle=$(node_obstacle)
    [ -z "$obstacle" ] || fail "$obstacle"
    node_namespaces
    connect_node
    choose_snapshotter
    echo $snapshotter >"$dir/snapshotter"
    start_containerd
    beside_node=(nsenter "--net=/proc/$(init_pid)/ns/net" --)
}
join_node() {
    image_load "$dir/pause.tar"
    cat >"$dir/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
containerRuntimeEndpoint: unix://$dir/containerd.sock
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: /$group
enforceNodeAllocatable: [none]
failSwapOn: false
clusterDNS: [${services%.*}.10]
clusterDomain: cluster.local
resolvConf: $dir/resolv.conf
readOnlyPort: 0
podLogsDir: /var/log/pods
maxPods: 250
serializeImagePulls: false
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 50Mi}
eventRecordQPS: 0
END
    echo "options ndots:1" >"$dir/resolv.conf"
    run kubelet nsenter --target "$(init_pid)" --mount --net --pid --root -- "$bin/kubelet" --config="$dir/kubelet.yaml" \
        --kubeconfig="$dir/kubeconfig" --root-dir="$dir/kubelet" --cert-dir="$dir/kubelet-pki" --hostname-override=node \
        --node-ip="$address"
    run proxy nsenter --target "$(init_pid)" --mount --net --pid --root -- "$bin/kube-proxy" --kubeconfig="$dir/kubeconfig" \
        --proxy-mode=iptables --hostname-override=node --cluster-cidr="$pods" --conntrack-max-per-core=0 \
        --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
    if [ ! "$bin/coredns.tar" -nt "$bin/coredns" ]; then
        mkdir -p "$dir/dns"
        cp "$bin/coredns" "$dir/dns/coredns"
        image_make "$dir/dns.tar" "$dir/dns" /coredns docker.io/nemeton-test/coredns:1
        mv "$dir/dns.tar" "$bin/coredns.tar"
    fi
    image_load "$bin/coredns.tar"
    kubectl apply -f "$root/tests/cluster/dns.yaml" >/dev/null
    wait_for 60 "the node" sh -c "'$bin/kubectl' --kubeconfig '$dir/kubeconfig' get node node --no-headers | grep -qw Ready"
    wait_for 60 "cluster DNS" kubectl -n kube-system wait --for=condition=Available --timeout=1s deployment/coredns
}
# Ends process 1, and with it all that runs in the node.
node_end() {
    local pid tries=200
    pid=$(init_pid)
    # Its parent outside tells that the number is still its own.
    if alive node && grep -q "^PPid:[[:space:]]*$(cat "$dir/node.pid")\$" "/proc/$pid/status" 2>/dev/null; then
        kill -9 "$pid" 2>/dev/null || true
        # It is gone when the last of the others is.
        while [ -e "/proc/$pid" ] && [ $tries -gt 0 ]; do
            sleep 0.05
            tries=$((tries - 1))
        done
    fi
    for tries in 1 2 3; do
        unshare --mount --propagation unchanged "$root/tests/cluster/lib/node-init" clean "$group" && break
        sleep 0.2
    done
}
