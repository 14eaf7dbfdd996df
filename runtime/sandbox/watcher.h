/* Watches: each reads the history at its own pace, in order, and ends in one of a few known ways.
 *
 * A commit only notes that there is news; a deferred call carries it to every watch. The state to
 * begin with is sent in pieces from a snapshot, so a big one does not stop the loop and a slow
 * reader is waited for (up to a limit).
 */
#ifndef NEMETON_SANDBOX_WATCHER_H
#define NEMETON_SANDBOX_WATCHER_H

#include "sandbox/request.h"

struct watchers;

struct watchers *watchers_new(struct apiserver *server);
void watchers_free(struct watchers *watchers); /* cuts the open ones */
void watchers_notify(struct watchers *watchers);
void watchers_lag_changed(struct watchers *watchers);
/* The kind is about to be defined anew: its watches end, as a real server's do, and clients come again. */
void watchers_end(struct watchers *watchers, const struct kind *kind);
size_t watchers_count(const struct watchers *watchers);

/* Takes the request over when it answers 0: it lives as long as the watch. */
int verb_watch(struct request *request, struct refusal *refusal);

#endif
