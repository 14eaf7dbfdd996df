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
# image_make NAME OUT FOLDER COMMAND: one layer, as a tar that `ctr images import` takes
image_make() {
    local name=$1 out=$2 folder=$3 command=$4 work layer config manifest arch
    work=$(mktemp -d)
    arch=$(dpkg --print-architecture)
    mkdir -p "$work/blobs/sha256"
    layer=$(image_tar "$folder" | image_blob "$work")
    config=$(printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["%s"],"Env":["PATH=/"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$arch" "$command" "${layer% *}" | image_blob "$work")
    manifest=$(printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%s}]}' \
        "${config% *}" "${config#* }" "${layer% *}" "${layer#* }" | image_blob "$work")
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"io.containerd.image.name":"%s"}}]}' \
        "${manifest% *}" "${manifest#* }" "$name" >"$work/index.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$work/oci-layout"
    image_tar "$work" >"$out"
    rm -rf "$work"
}
