# The image: made twice, looked into, and run as it will be: no shell, no root, nothing writable.

expect "it is made" "^sha256:[0-9a-f]{64}$" deploy/image/build --binary "$nemeton" --output "$work/image.tar" --name nemeton:latest
digest=$(umask 077; TZ=Asia/Tokyo deploy/image/build --binary "$nemeton" --output "$work/again.tar" --name nemeton:latest)
expect "the same input, the same bytes" "^$" cmp "$work/image.tar" "$work/again.tar"
mkdir -p "$work/image" "$work/root"
tar -C "$work/image" -xf "$work/image.tar"
blob() { echo "$work/image/blobs/sha256/${1#sha256:}"; }
manifest=$(blob "$digest")
config=$(blob "$(jq -r .config.digest "$manifest")") layer=$(blob "$(jq -r '.layers[0].digest' "$manifest")")
same "what the index names is there" "$digest" "$(jq -r '.manifests[0].digest' "$work/image/index.json")"
same "sizes are true" "$(jq -r '.config.size, .layers[0].size' "$manifest")" "$(stat -c %s "$config" "$layer")"
for file in "$work"/image/blobs/sha256/*; do
    same "a blob's name is its digest" "${file##*/}" "$(sha256sum <"$file" | cut -d' ' -f1)"
done
same "the layer is the one that the config means" "$(jq -r '.rootfs.diff_ids[0]' "$config")" "sha256:$(gzip -dc "$layer" | sha256sum | cut -d' ' -f1)"
same "for Docker, too" "$(blob "$(jq -r .config.digest "$manifest")")" "$work/image/$(jq -r '.[0].Config' "$work/image/manifest.json")"
same "who it runs as" "65532:65532" "$(jq -r .config.User "$config")"
same "what it runs" "/manager run" "$(jq -r '.config.Entrypoint + .config.Cmd | join(" ")' "$config")"
gzip -dc "$layer" | tar -C "$work/root" -xf -
size=$(gzip -dc "$layer" | wc -c)
[ "$size" -le 25000000 ] && good || bad "at most 25 MB" "$size bytes"
same "no shell, no package manager" "" "$(cd "$work/root" && find . -name 'sh' -o -name 'bash' -o -name 'busybox' -o -name 'apt*' -o -name 'dpkg-query')"
same "nothing that gives rights" "" "$(find "$work/root" -perm /6000)"
same "the program is the one" "$("$nemeton" version)" "$("$work/root/manager" version)"
expect "certificates" "BEGIN CERTIFICATE" head -n 3 "$work/root/etc/ssl/certs/ca-certificates.crt"
same "a licence for each package" "$(cd "$work/root/var/lib/dpkg/status.d" && ls)" "$(cd "$work/root/usr/share/doc" && ls | grep -v '^nemeton$')"
if [ "$(id -u)" = 0 ]; then
    within_image() { unshare --mount --propagation private sh -c 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec chroot --userspec=65532:65532 "$0" "$@"' "$work/root" "$@"; }
    expect "it runs from a root that is read-only" "^nemeton $("$nemeton" version | cut -d' ' -f2)" within_image /manager version
    expect "without a word it looks for its API server" "no cluster is configured" sh -c "$(declare -f within_image); work='$work'; unset KUBECONFIG; within_image /manager 2>&1; [ \$? = 3 ]"
    expect "options alone mean run" "address is expected" sh -c "$(declare -f within_image); work='$work'; within_image /manager --leader-elect --metrics-bind-address=x 2>&1; [ \$? = 2 ]"
fi
expect "a program with sanitizers is refused" "sanitizers|no program" sh -c "deploy/image/build --binary /bin/nothing --output '$work/no.tar' 2>&1 || true"
expect "a name without a tag is refused" "has no tag: nemeton:latest" sh -c "deploy/image/build --name nemeton 2>&1 || true"
