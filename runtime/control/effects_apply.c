/* Apply: compare with what is there, send only what differs, and never take what is not ours.
 *
 *   cache says what is there ─→ nothing differs: done, "same"
 *   (or a live GET, where it   ├ nobody owns it any more: is its owner there to stay?
 *    cannot say)               ├ fewer replicas: the gate
 *                              ├ replicas no longer named: hand them over first, then apply
 *                              └ apply ─→ foreign keys in maps that are ours whole: merge patch
 */
#include "control/effects_internal.h"

#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

#define HANDOVER_MANAGER_SUFFIX "-handover"

static void compare(struct effect_call *call, bool fresh);

/* Of all that decides what an apply would do. Printing is the cheapest way to look at everything;
 * policies give the same object in the same order. */
static uint64_t digest_of(const struct effect *effect)
{
    struct buf text;
    buf_init(&text, EFFECTS_DIGEST_BYTES_MAX);
    jv_print(effect->body, 0, &text);
    for (size_t i = 0; i < effect->whole_count; i++)
        buf_printf(&text, " %s", effect->whole[i]);
    uint64_t digest = text.failed ? 0 : digest_fnv1a_64(buf_str(&text), text.len, 0);
    buf_deinit(&text);
    return digest;
}

/* Applying this body to the object as it is now changes nothing. */
static void remember(struct effect_call *call, const struct jv *object)
{
    const char *uid = jv_path_str(object, "metadata", "uid", NULL);
    const char *rv = jv_path_str(object, "metadata", "resourceVersion", NULL);
    struct store_item *item = NULL;
    if (uid == NULL || rv == NULL || !effect_cached(call, call->effect->name, &item) ||
        item == NULL)
        return;
    if (strcmp(item->uid, uid) == 0 && strcmp(item->resource_version, rv) == 0)
        item->memo = call->digest;
}

static bool is_remembered(const struct effect_call *call, const struct store_item *item)
{
    return call->digest != 0 && item->memo == call->digest;
}

/* object NULL: it is as cached. */
static void finish(struct effect_call *call, const struct jv *object, const char *change)
{
    struct jv *result = jv_object();
    if (object != NULL)
        jv_set(result, "object", jv_ref((struct jv *)object));
    jv_set_str(result, "change", change);
    if (strcmp(change, "same") == 0)
        effect_count(call, "nemeton_writes_skipped_total");
    effect_finish(call, result, NULL);
    jv_unref(result);
}

static const char *controller_uid(const struct jv *object)
{
    const struct jv *references = jv_path(object, "metadata", "ownerReferences", NULL);
    for (size_t i = 0; i < jv_size(references); i++) {
        if (jv_bool_value(jv_get(jv_at(references, i), "controller")))
            return jv_path_str(jv_at(references, i), "uid", NULL);
    }
    return NULL;
}

/* What another controller owns is not ours to write, nor is what nobody owns when it was not among
 * what our watch selects. */
static int check_ownership(const struct effect_call *call, struct err *err)
{
    const char *ours = controller_uid(call->wanted);
    const char *theirs = controller_uid(call->live);
    if (ours == NULL)
        return 0;
    if (theirs != NULL && strcmp(ours, theirs) != 0)
        return err_set(err, ERR_CONFLICT,
                       "%s `%s` exists already and is controlled by another owner (uid %s): "
                       "rename or remove one of them",
                       call->kind->kind, call->effect->name, theirs);
    if (theirs == NULL && call->gentle)
        return err_set(err, ERR_CONFLICT,
                       "%s `%s` exists already and belongs to nobody: remove it, or give it the "
                       "labels of the one wanted to have it taken over",
                       call->kind->kind, call->effect->name);
    return 0;
}

/* What was made for one object is not for another that has taken its name. The server says the same
 * (409) when there is none at all. */
static int check_uid(const struct effect_call *call, struct err *err)
{
    const char *meant = jv_path_str(call->wanted, "metadata", "uid", NULL);
    const char *is = jv_path_str(call->live, "metadata", "uid", NULL);
    if (meant == NULL || is == NULL || strcmp(meant, is) == 0)
        return 0;
    err_set(err, ERR_CONFLICT, "%s `%s` is another one by now: this was meant for uid %s",
            call->kind->kind, call->effect->name, meant);
    err->http_status = 409;
    return -1;
}

static const char *change_of(const struct effect_call *call, const struct jv *answer)
{
    const char *before = jv_path_str(call->live, "metadata", "resourceVersion", NULL);
    const char *after = jv_path_str(answer, "metadata", "resourceVersion", NULL);
    if (call->live == NULL)
        return "created";
    return before != NULL && after != NULL && strcmp(before, after) == 0 ? "same" : "updated";
}

static void on_pruned(void *arg, const struct rest_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->rest_call = NULL;
    if (err != NULL) {
        effect_finish(call, NULL, err);
        return;
    }
    effect_wrote(call, response->object);
    remember(call, response->object);
    finish(call, response->object, "updated");
}

/* Sends the removal of foreign keys, if there are any. True when it did. */
static bool prune(struct effect_call *call, const struct jv *live)
{
    struct jv *patch =
        apply_prune_patch(call->wanted, live, call->effect->whole, call->effect->whole_count);
    if (patch == NULL)
        return false;
    struct write_request request = {.verb = WRITE_PATCH_MERGE,
                                    .namespace = effect_namespace(call),
                                    .name = call->effect->name,
                                    .body = patch};
    effect_write(call, &request, on_pruned);
    jv_unref(patch);
    return true;
}

static void applied(struct effect_call *call, const struct jv *answer)
{
    effect_wrote(call, answer);
    if (prune(call, answer))
        return;
    remember(call, answer);
    finish(call, answer, change_of(call, answer));
}

static void on_live(void *arg, const struct rest_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->rest_call = NULL;
    if (err != NULL && err->code != ERR_NOT_FOUND) {
        effect_finish(call, NULL, err);
        return;
    }
    jv_unref(call->live);
    call->live = err == NULL ? jv_ref((struct jv *)response->object) : NULL;
    compare(call, true);
}

static void get_live(struct effect_call *call)
{
    struct write_request request = {
        .verb = WRITE_GET, .namespace = effect_namespace(call), .name = call->effect->name};
    effect_write(call, &request, on_live);
}

static void on_applied(void *arg, const struct rest_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->rest_call = NULL;
    if (err == NULL) {
        if (call->live == NULL && response->status != 201)
            call->live = jv_object(); /* it was there, though nobody had told us */
        applied(call, response->object);
    } else if (call->gentle && call->live == NULL && err->code == ERR_CONFLICT && !call->refused) {
        call->refused = true;
        get_live(call);
    } else {
        effect_finish(call, NULL, err);
    }
}

static void send_apply(struct effect_call *call)
{
    struct write_request request = {.verb = WRITE_APPLY,
                                    .namespace = effect_namespace(call),
                                    .name = call->effect->name,
                                    .body = call->wanted,
                                    .no_force = call->live == NULL};
    call->gentle = call->live == NULL;
    effect_write(call, &request, on_applied);
}

static void on_gate(void *arg, const struct jv *object, const struct err *err)
{
    struct effect_call *call = arg;
    call->gate_call = NULL;
    if (err != NULL)
        effect_finish(call, NULL, err);
    else
        applied(call, object);
}

static bool lowers_replicas(const struct effect_call *call)
{
    const struct jv *wanted = jv_path(call->wanted, "spec", "replicas", NULL);
    const struct jv *live = jv_path(call->live, "spec", "replicas", NULL);
    return wanted != NULL && live != NULL && jv_int_value(wanted) < jv_int_value(live);
}

static void pass_gate(struct effect_call *call)
{
    struct gate_plan plan;
    effect_plan(call, &plan);
    plan.uid = jv_path_str(call->live, "metadata", "uid", NULL);
    plan.scale_to = call->wanted;
    plan.reason = plan.reason != NULL ? plan.reason : "fewer replicas are wanted";
    call->run->writes++;
    effect_count(call, "nemeton_writes_total");
    call->gate_call = gate_pass(call->run->shared->options.gate, &plan, on_gate, call);
}

/* True when our field manager owns spec.replicas of the live object (which came with its
 * managedFields). */
static bool owns_replicas(const struct effect_call *call)
{
    const struct jv *managed = jv_path(call->live, "metadata", "managedFields", NULL);
    for (size_t i = 0; i < jv_size(managed); i++) {
        const struct jv *entry = jv_at(managed, i);
        const char *manager = jv_path_str(entry, "manager", NULL);
        const char *operation = jv_path_str(entry, "operation", NULL);
        if (manager != NULL && operation != NULL && strcmp(operation, "Apply") == 0 &&
            strcmp(manager, call->run->shared->field_manager) == 0 &&
            jv_path(entry, "fieldsV1", "f:spec", "f:replicas", NULL) != NULL)
            return true;
    }
    return false;
}

static void on_handed_over(void *arg, const struct rest_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->rest_call = NULL;
    if (err != NULL) {
        effect_finish(call, NULL, err);
        return;
    }
    call->handed_over = true;
    jv_unref(call->live);
    call->live = jv_ref((struct jv *)response->object);
    send_apply(call);
}

/* Leaving out replicas that we owned would reset them to one. Somebody else must own them first. */
static void hand_over(struct effect_call *call)
{
    struct jv *body = jv_object();
    jv_set_str(body, "apiVersion", call->kind->api_version);
    jv_set_str(body, "kind", call->kind->kind);
    struct jv *metadata = jv_ensure(body, "metadata", NULL);
    jv_set_str(metadata, "name", call->effect->name);
    if (effect_namespace(call) != NULL)
        jv_set_str(metadata, "namespace", effect_namespace(call));
    jv_set_str(metadata, "resourceVersion",
               jv_path_str(call->live, "metadata", "resourceVersion", NULL));
    jv_set(jv_ensure(body, "spec", NULL), "replicas",
           jv_ref(jv_path(call->live, "spec", "replicas", NULL)));
    char *manager = mem_printf("%s%s", call->run->shared->field_manager, HANDOVER_MANAGER_SUFFIX);
    struct write_request request = {.verb = WRITE_APPLY,
                                    .namespace = effect_namespace(call),
                                    .name = call->effect->name,
                                    .body = body,
                                    .field_manager = manager};
    effect_write(call, &request, on_handed_over);
    free(manager);
    jv_unref(body);
}

static void write_difference(struct effect_call *call)
{
    bool scalable = jv_path(call->live, "spec", "replicas", NULL) != NULL;
    bool named = jv_path(call->wanted, "spec", "replicas", NULL) != NULL;
    if (lowers_replicas(call))
        pass_gate(call);
    else if (scalable && !named && !call->is_fresh)
        get_live(call); /* who owns the replicas is only known to the server */
    else if (scalable && !named && owns_replicas(call))
        hand_over(call);
    else
        send_apply(call);
}

/* What nobody owns would be owned by the primary of this run again. */
static bool is_taken_over(const struct effect_call *call)
{
    const char *ours = controller_uid(call->wanted);
    return ours != NULL && strcmp(ours, call->run->uid) == 0 && controller_uid(call->live) == NULL;
}

static void on_owner(void *arg, const struct rest_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    const struct effects_run *run = call->run;
    call->rest_call = NULL;
    if (err != NULL && err->code != ERR_NOT_FOUND) {
        effect_finish(call, NULL, err);
        return;
    }
    const struct jv *metadata = err == NULL ? jv_get(response->object, "metadata") : NULL;
    const char *uid = jv_path_str(metadata, "uid", NULL);
    if (uid != NULL && strcmp(uid, run->uid) == 0 &&
        jv_get(metadata, "deletionTimestamp") == NULL) {
        call->owner_asked = true;
        write_difference(call);
        return;
    }
    struct err gone = {0};
    err_set(&gone, ERR_CONFLICT,
            "%s `%s` belongs to nobody, and %s `%s` is gone or being deleted: it is left alone",
            call->kind->kind, call->effect->name, run->kind, run->name);
    gone.http_status = 409;
    effect_finish(call, NULL, &gone);
}

/* Kubernetes takes the owner from what is to stay when it goes (--cascade=orphan). A run that began
 * before would give it back, and all would be deleted with it. So an owner is asked before it takes
 * something over, as Kubernetes' own controllers do. */
static void ask_owner(struct effect_call *call, const struct kube_kind *kind)
{
    const struct effects_run *run = call->run;
    struct write_request request = {.verb = WRITE_GET,
                                    .kind = kind,
                                    .namespace = kind->namespaced ? run->namespace : NULL,
                                    .name = run->name};
    effect_write(call, &request, on_owner);
}

static bool looked_after(struct effects_run *run)
{
    if (run->looked_after < 0 && run->options.primary != NULL) {
        struct jv *primary = store_item_parse(run->options.primary);
        run->looked_after = jv_size(jv_get(primary, "status")) > 0;
        jv_unref(primary);
    }
    return run->looked_after == 1;
}

static void log_difference(const struct effect_call *call)
{
    struct buf path;
    buf_init(&path, 512);
    apply_differs(call->wanted, call->live, &path);
    log_debug(call->run->options.log, "An object differs from what is wanted", "kind",
              call->kind->kind, "name", call->effect->name, "field", buf_str(&path));
    buf_deinit(&path);
}

/* fresh: `live` (or its absence) was just read from the server. */
static void compare(struct effect_call *call, bool fresh)
{
    struct effects_run *run = call->run;
    if (call->live == NULL) {
        /* A workload of a primary that has been looked after before may exist although the cache
         * does not select it; its replicas must not be lowered past the gate. */
        if (!fresh && looked_after(run) &&
            jv_path(call->wanted, "spec", "replicas", NULL) != NULL) {
            call->gentle = true;
            get_live(call);
        } else {
            send_apply(call);
        }
        return;
    }
    struct err err = {0};
    if (check_uid(call, &err) != 0 || check_ownership(call, &err) != 0) {
        effect_finish(call, NULL, &err);
        return;
    }
    bool differs = apply_differs(call->wanted, call->live, NULL);
    if (differs && log_enabled(run->options.log, LOG_DEBUG))
        log_difference(call);
    const struct kube_kind *kind =
        differs && is_taken_over(call) && !call->owner_asked
            ? discovery_get(run->shared->options.discovery, run->api_version, run->kind)
            : NULL;
    call->is_fresh = fresh;
    if (kind != NULL)
        ask_owner(call, kind);
    else if (differs)
        write_difference(call);
    else if (!prune(call, call->live)) {
        remember(call, call->live);
        finish(call, call->live, "same");
    }
}

/* The body with metadata and annotations of its own; all else is shared with it. */
static struct jv *own_form(const struct jv *body)
{
    struct jv *form = jv_copy(body);
    const struct jv *metadata = jv_get(body, "metadata");
    const struct jv *annotations = jv_get(metadata, "annotations");
    if (jv_is_object(metadata))
        jv_set(form, "metadata", jv_copy(metadata));
    if (jv_is_object(annotations))
        jv_set(jv_get(form, "metadata"), "annotations", jv_copy(annotations));
    return form;
}

/* What is sent: complete, and with the hash of itself. */
static void prepare(struct effect_call *call)
{
    char hash[33];
    call->wanted = own_form(call->effect->body);
    struct jv *metadata = jv_ensure(call->wanted, "metadata", NULL);
    const char *namespace = effect_namespace(call);
    if (namespace != NULL && jv_get(metadata, "namespace") == NULL)
        jv_set_str(metadata, "namespace", namespace);
    apply_hash(call->wanted, hash);
    jv_set_str(jv_ensure(metadata, "annotations", NULL), APPLY_ANNOTATION, hash);
    jv_set_str(call->wanted, "apiVersion", call->kind->api_version); /* may be the older one */
}

void effect_apply_start(struct effect_call *call)
{
    const char *name = call->effect->name;
    if (name == NULL || call->effect->body == NULL) {
        struct err err = {0};
        err_set(&err, ERR_INVALID, "apply: metadata.name is missing");
        effect_finish(call, NULL, &err);
        return;
    }
    struct store_item *item = NULL;
    int known = effect_cached(call, name, &item);
    call->digest = digest_of(call->effect);
    if (item != NULL && is_remembered(call, item)) {
        finish(call, NULL, "same");
        return;
    }
    prepare(call);
    if (known == 0) {
        get_live(call);
        return;
    }
    call->live = item != NULL ? store_item_parse(item) : NULL;
    compare(call, false);
}
