/* The strategies of built-in kinds, by noun; kinds_builtin.c refers to them. */
#ifndef NEMETON_SANDBOX_STRATEGY_H
#define NEMETON_SANDBOX_STRATEGY_H

#include "sandbox/kinds.h"

extern const struct strategy strategy_plain, strategy_quota, strategy_namespace, strategy_pod,
    strategy_service, strategy_config_map, strategy_secret, strategy_claim, strategy_volume,
    strategy_node, strategy_event, strategy_stateful_set, strategy_deployment, strategy_replica_set,
    strategy_revision, strategy_budget, strategy_ingress, strategy_autoscaler, strategy_lease,
    strategy_storage_class, strategy_crd, strategy_role, strategy_role_binding,
    strategy_network_policy;

#endif
