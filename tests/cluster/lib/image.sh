# Sourced: images for the tests are made as the operator's own is.
. "$(dirname "${BASH_SOURCE[0]}")/../../../deploy/image/oci.sh"
