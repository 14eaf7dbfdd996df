# Sourced: makes an OCI image without an engine. Same input, same bytes.

# image_blob WORK: keeps standard input as a blob; prints its digest's hex and its size
image_blob() {
    local sum
    cat >"$1/new"
    sum=$(sha256sum <"$1/new" | cut -d' ' -f1)
    mv "$1/new" "$1/blobs/sha256/$sum"
    echo "$sum $(stat -c %s "$1/blobs/sha256/$sum")"
}
image_tar() { # image_tar FOLDER: a tar of it, the same for the same content
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=ustar -C "$1" -cf - .
}
# image_make OUT FOLDER COMMAND NAME…: one layer, as a tar that `ctr images import` takes
image_make() {
    local out=$1 folder=$2 command=$3 work layer config manifest name comma=
    local type=application/vnd.oci.image
    shift 3
    work=$(mktemp -d)
    mkdir -p "$work/blobs/sha256"
    layer=$(image_tar "$folder" | image_blob "$work")
    config=$(printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["%s"],"Env":["PATH=/"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(dpkg --print-architecture)" "$command" "${layer% *}" | image_blob "$work")
    manifest=$(printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"%s.layer.v1.tar","digest":"sha256:%s","size":%s}]}' \
        $type $type "${config% *}" "${config#* }" $type "${layer% *}" "${layer#* }" | image_blob "$work")
    for name in "$@"; do
        printf '%s{"mediaType":"%s.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"io.containerd.image.name":"%s"}}' \
            "$comma" $type "${manifest% *}" "${manifest#* }" "$name"
        comma=,
    done | { printf '{"schemaVersion":2,"manifests":['; cat; printf ']}'; } >"$work/index.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$work/oci-layout"
    image_tar "$work" >"$out"
    rm -rf "$work"
}
