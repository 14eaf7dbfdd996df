/* Tables: what `kubectl get` shows, computed by the server (meta.k8s.io Table).
 *
 * Columns of built-in kinds are those of the real server; of custom kinds those of the CRD's
 * additionalPrinterColumns (Age when there are none).
 */
#ifndef NEMETON_SANDBOX_TABLES_H
#define NEMETON_SANDBOX_TABLES_H

#include "sandbox/request.h"

/* columnDefinitions as an array; yours. */
struct jv *table_columns(const struct request *request);
/* One row: {"cells":[…],"object":…}. object: as includeObject asks (None, Metadata, Object). Yours. */
struct jv *table_row(const struct request *request, const struct stored *stored);

#endif
