/* Label selectors, in both of their forms.
 *
 * The text form ("a=b,c!=d,e in (x,y),!f,n>3") is what list and watch take; the object form
 * (matchLabels, matchExpressions) is what workloads carry. Both become the same struct. Syntax and
 * meaning are those of the Kubernetes libraries: `!=` and `notin` match where the key is absent.
 */
#ifndef NEMETON_BASE_SELECTOR_H
#define NEMETON_BASE_SELECTOR_H

#include "base/json.h"

enum { SELECTOR_REQUIREMENTS_MAX = 256 };

struct selector;
/* NULL or "" selects everything. */
struct selector *selector_parse(const char *text, struct err *err);
/* A LabelSelector object: empty selects everything; NULL or null selects nothing. */
struct selector *selector_of_object(const struct jv *label_selector, struct err *err);
bool selector_matches(const struct selector *selector,
                      const struct jv *labels);          /* labels may be NULL */
bool selector_is_empty(const struct selector *selector); /* selects everything */
/* The canonical text: requirements sorted by key, as `kubectl scale` and the Scale object show it. */
int selector_print(const struct selector *selector, struct buf *out);
void selector_free(struct selector *selector);

#endif
