/* Kubernetes quantities ("500m", "1.5Gi", 2, "1e3"): equal by value, whatever their form. */
#ifndef NEMETON_KUBE_APPLY_QUANTITY_H
#define NEMETON_KUBE_APPLY_QUANTITY_H

#include "base/json.h"

/* False as well when one of them is not a quantity of at most 18 significant digits. */
bool quantity_equal(const struct jv *a, const struct jv *b);

#endif
