/* The kubeconfig that a sandbox hands out. */
#ifndef NEMETON_CLI_SANDBOX_KUBECONFIG_H
#define NEMETON_CLI_SANDBOX_KUBECONFIG_H

#include "base/buf.h"

#include <stdint.h>

void sandbox_kubeconfig_print(uint16_t port, const char *ca_pem, const char *token,
                              struct buf *out);

#endif
