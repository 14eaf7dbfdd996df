# Sourced: makes an OCI image without an engine. Same input, same bytes.

# image_blob WORK: keeps standard input as a blob; prints its digest's hex and its size
image_blob() {
    local sum
    cat >"$1/new"
    sum=$(sha256sum <"$1/new" | cut -d' ' -f1)
    mv "$1/new" "$1/blobs/sha256/$sum"
    echo "$sum $(stat -c %s "$1/blobs/sha256/$sum")"
}
image_tar() { # image_tar FOLDER [OPTION…]: a tar of it, the same for the same content
    local folder=$1
    shift
    tar "$@" --sort=name --mtime="@${SOURCE_DATE_EPOCH:-0}" --owner=0 --group=0 --numeric-owner --format=ustar -C "$folder" -cf - .
}
# image_make OUT FOLDER COMMAND NAME…: one layer, as a tar that `ctr images import`, `docker load`, `podman
# load` and `skopeo` take: an OCI layout, and beside it what older Docker engines read. A NAME has a tag.
# image_config, when set, is JSON for the image's config beside Entrypoint, for example '"User":"1:1",'; image_level
# how hard to compress (9).
image_make() {
    local out=$1 folder=$2 command=$3 work layer diff config manifest name comma= architecture
    local type=application/vnd.oci.image
    shift 3
    architecture=$(dpkg --print-architecture)
    work=$(mktemp -d)
    mkdir -p "$work/blobs/sha256"
    image_tar "$folder" >"$work/layer"
    diff=$(sha256sum <"$work/layer" | cut -d' ' -f1)
    layer=$(gzip -n "-${image_level:-9}" <"$work/layer" | image_blob "$work")
    rm "$work/layer"
    config=$(printf '{"created":"%s","architecture":"%s","os":"linux","config":{%s"Entrypoint":["%s"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(date -u -d "@${SOURCE_DATE_EPOCH:-0}" +%Y-%m-%dT%H:%M:%SZ)" "$architecture" \
        "${image_config:-"\"Env\":[\"PATH=/\"],"}" "$command" "$diff" | image_blob "$work")
    manifest=$(printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"%s.layer.v1.tar+gzip","digest":"sha256:%s","size":%s}]}' \
        $type $type "${config% *}" "${config#* }" $type "${layer% *}" "${layer#* }" | image_blob "$work")
    for name in "$@"; do
        printf '%s{"mediaType":"%s.manifest.v1+json","digest":"sha256:%s","size":%s,"platform":{"architecture":"%s","os":"linux"},"annotations":{"io.containerd.image.name":"%s","org.opencontainers.image.ref.name":"%s"}}' \
            "$comma" $type "${manifest% *}" "${manifest#* }" "$architecture" "$name" "${name##*:}"
        comma=,
    done | { printf '{"schemaVersion":2,"manifests":['; cat; printf ']}'; } >"$work/index.json"
    comma=
    for name in "$@"; do
        printf '%s"%s"' "$comma" "$name"
        comma=,
    done | {
        printf '[{"Config":"blobs/sha256/%s","Layers":["blobs/sha256/%s"],"RepoTags":[' "${config% *}" "${layer% *}"
        cat
        printf ']}]'
    } >"$work/manifest.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$work/oci-layout"
    image_tar "$work" --mode=u=rwX,go=rX >"$out"
    rm -rf "$work"
    image_digest=sha256:${manifest% *}
}
