/* Reading and writing objects one after the other: each call turns the loop until it is answered.
 *
 * For commands, which have nothing else to do meanwhile. Works over any transport: the network, or
 * the loopback of a world in this process.
 */
#ifndef NEMETON_CLI_CLIENT_H
#define NEMETON_CLI_CLIENT_H

#include "kube/apply.h"

enum {
    CLIENT_CONNECT_MS = 20000,
    CLIENT_ANSWER_MS = 120000,
    CLIENT_PAGE = 500,
    CLIENT_LIST_TRIES = 3,
};

struct client;
struct client_options { /* all must outlive the client */
    struct loop *loop;
    struct transport *transport;
    struct kube_config *config;
    struct random_source *random;
    const char *user_agent; /* NULL: the usual one */
};
struct client *client_new(const struct client_options *options);
void client_free(struct client *client); /* NULL is fine */

/* Asks for the server's version. */
int client_ping(struct client *client, struct err *err);
const char *client_version(const struct client *client);
/* All objects of a kind, each complete with apiVersion and kind; an array, yours. A kind that the
 * server does not have is ERR_NOT_FOUND. namespace and labels may be NULL. */
struct jv *client_list(struct client *client, const char *api_version, const char *kind,
                       const char *namespace, const char *labels, struct err *err);
/* NULL and ERR_NOT_FOUND when it is not there. Yours. */
struct jv *client_get(struct client *client, const char *api_version, const char *kind,
                      const char *namespace, const char *name, struct err *err);
/* WRITE_CREATE or WRITE_UPDATE of a whole object. */
int client_write(struct client *client, enum write_verb verb, const struct jv *object,
                 struct err *err);
/* Deletes the object that this is, by its uid, and in the background what it owns. */
int client_delete(struct client *client, const struct jv *object, struct err *err);
/* Is the kind in a namespace? -1 and err when the server does not have it. */
int client_is_namespaced(struct client *client, const char *api_version, const char *kind,
                         struct err *err);

#endif
