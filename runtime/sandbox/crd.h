/* CustomResourceDefinitions: what makes a kind out of one, and takes it away again. */
#ifndef NEMETON_SANDBOX_CRD_H
#define NEMETON_SANDBOX_CRD_H

#include "sandbox/request.h"

#define CRD_CLEANUP_FINALIZER "customresourcecleanup.apiextensions.k8s.io"

/* Before validation: the status that only the server may set. */
void crd_prepare(struct jv *crd);
/* After the commit: adds, changes or removes the kind. */
void crd_committed(struct apiserver *server, const struct jv *before, const struct jv *after);
/* The CRD got its deletionTimestamp: deletes the objects, then itself when none is left. */
void crd_begin_delete(struct request *request, const struct jv *crd);
void crd_finish_delete(struct apiserver *server, const struct kind *kind);

#endif
