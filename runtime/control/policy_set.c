#include "control/policy_set.h"

#include "base/digest.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LAYERS_MAX = 64, DIR_DEPTH_MAX = 8 };

/* What sets share: most versions differ from their neighbours, and from the binary, in few files. */
struct policy_text {
    unsigned refs;
    size_t len;
    const char *bytes;
    char own[]; /* empty when the bytes are lent */
};

struct policy_set {
    unsigned refs;
    const struct policy_set *kin;           /* lent while the set is filled */
    struct policy_layer layers[LAYERS_MAX]; /* their files, module and source names are ours */
    size_t layer_count;
    struct policy_text **texts; /* one a file, in the order they came */
    size_t file_count, bytes;
    char digest[DIGEST_SHA256_HEX];
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static const struct policy_file *find_file(const struct policy_layer *layer, const char *module)
{
    for (size_t i = 0; i < layer->file_count; i++) {
        if (strcmp(layer->files[i].module, module) == 0)
            return &layer->files[i];
    }
    return NULL;
}

static struct policy_layer *begin_layer(struct policy_set *set, const char *name, struct err *err)
{
    if (set->layer_count == LAYERS_MAX) {
        err_set(err, ERR_LIMIT, "more than %d layers of policies", LAYERS_MAX);
        return NULL;
    }
    struct policy_layer *layer = &set->layers[set->layer_count++];
    *layer = (struct policy_layer){.name = mem_str(name)};
    return layer;
}

static struct policy_text *find_text(const struct policy_set *set, const char *bytes, size_t len)
{
    for (size_t i = 0; set != NULL && i < set->file_count; i++) {
        struct policy_text *text = set->texts[i];
        if (text->len == len && (text->bytes == bytes || memcmp(text->bytes, bytes, len) == 0))
            return text;
    }
    return NULL;
}

static struct policy_text *keep_text(const struct policy_set *set, const char *bytes, size_t len,
                                     bool lent)
{
    struct policy_text *text = find_text(set->kin, bytes, len);
    if (text == NULL)
        text = find_text(set, bytes, len);
    if (text == NULL) {
        text = mem_alloc(sizeof(*text) + (lent ? 0 : len + 1));
        *text = (struct policy_text){.len = len, .bytes = lent ? bytes : text->own};
        if (!lent)
            memcpy(text->own, bytes, len);
    }
    text->refs++;
    return text;
}

static int add_text(struct policy_set *set, struct policy_layer *layer,
                    const struct policy_file *file, bool lent, struct err *err)
{
    if (set->file_count >= POLICY_FILES_MAX)
        return err_set(err, ERR_LIMIT, "%s: more than %d policy files", file->source,
                       POLICY_FILES_MAX);
    if (set->bytes + file->len > POLICY_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "%s: the policies are larger than %d bytes", file->source,
                       POLICY_BYTES_MAX);
    struct policy_file *files =
        mem_grow((struct policy_file *)layer->files, (layer->file_count + 1) * sizeof(*files));
    struct policy_text *text = keep_text(set, file->text, file->len, lent);
    files[layer->file_count++] =
        (struct policy_file){mem_str(file->module), mem_str(file->source), text->bytes, text->len};
    layer->files = files;
    set->texts = mem_grow(set->texts, (set->file_count + 1) * sizeof(struct policy_text *));
    set->texts[set->file_count++] = text;
    set->bytes += text->len;
    set->digest[0] = '\0';
    return 0;
}

static int add_file(struct policy_set *set, struct policy_layer *layer, const char *module,
                    const char *source, const char *text, size_t len, struct err *err)
{
    return add_text(set, layer, &(struct policy_file){module, source, text, len}, false, err);
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct policy_file *)a)->module, ((const struct policy_file *)b)->module);
}

/* Sorts, and gives each x.init the second name x. */
static int end_layer(struct policy_set *set, struct policy_layer *layer, struct err *err)
{
    for (size_t i = layer->file_count; i-- > 0;) {
        const struct policy_file file = layer->files[i];
        if (!ends_with(file.module, ".init"))
            continue;
        char *alias = mem_strn(file.module, strlen(file.module) - strlen(".init"));
        int failed = 0;
        if (find_file(layer, alias) == NULL)
            failed = add_file(set, layer, alias, file.source, file.text, file.len, err);
        free(alias);
        if (failed != 0)
            return -1;
    }
    if (layer->file_count > 1)
        qsort((struct policy_file *)layer->files, layer->file_count, sizeof(struct policy_file),
              compare_files);
    return 0;
}

static int read_file(struct policy_set *set, struct policy_layer *layer, const char *path,
                     const char *module, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return err_errno(err, errno, "cannot read `%s`", path);
    struct buf text;
    char piece[16384];
    size_t got;
    buf_init(&text, POLICY_BYTES_MAX);
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
        buf_add(&text, piece, got);
    int failed = ferror(file) ? err_errno(err, EIO, "cannot read `%s`", path) : 0;
    fclose(file);
    if (failed == 0 && text.failed)
        failed = err_set(err, ERR_LIMIT, "`%s` is larger than %d bytes", path, POLICY_BYTES_MAX);
    if (failed == 0)
        failed = add_file(set, layer, module, path, buf_str(&text), text.len, err);
    buf_deinit(&text);
    return failed;
}

static int read_dir(struct policy_set *set, struct policy_layer *layer, const char *root,
                    const char *below, const char *skip, int depth, struct err *err);

static int read_entry(struct policy_set *set, struct policy_layer *layer, const char *root,
                      const char *relative, int depth, struct err *err)
{
    struct stat info;
    char *path = mem_printf("%s/%s", root, relative);
    int failed = 0;
    if (stat(path, &info) != 0) {
        failed = err_errno(err, errno, "cannot read `%s`", path);
    } else if (S_ISDIR(info.st_mode)) {
        failed = read_dir(set, layer, root, relative, NULL, depth + 1, err);
    } else if (S_ISREG(info.st_mode)) {
        char *module = policy_module_of_path(relative);
        if (module != NULL)
            failed = read_file(set, layer, path, module, err);
        free(module);
    }
    free(path);
    return failed;
}

static int read_dir(struct policy_set *set, struct policy_layer *layer, const char *root,
                    const char *below, const char *skip, int depth, struct err *err)
{
    char *path = below[0] != '\0' ? mem_printf("%s/%s", root, below) : mem_str(root);
    DIR *dir = depth <= DIR_DEPTH_MAX ? opendir(path) : NULL;
    int failed = 0;
    if (dir == NULL)
        failed = depth > DIR_DEPTH_MAX
                     ? err_set(err, ERR_LIMIT, "`%s` is nested too deeply", path)
                     : err_errno(err, errno, "cannot read the directory `%s`", path);
    struct dirent *entry;
    while (failed == 0 && dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.' || (skip != NULL && strcmp(entry->d_name, skip) == 0))
            continue;
        char *relative =
            below[0] != '\0' ? mem_printf("%s/%s", below, entry->d_name) : mem_str(entry->d_name);
        failed = read_entry(set, layer, root, relative, depth, err);
        free(relative);
    }
    if (dir != NULL)
        closedir(dir);
    free(path);
    return failed;
}

struct policy_set *policy_set_new(const struct policy_set *kin)
{
    struct policy_set *set = mem_alloc(sizeof(*set));
    set->refs = 1;
    set->kin = kin;
    return set;
}

struct policy_set *policy_set_ref(struct policy_set *set)
{
    set->refs++;
    return set;
}

void policy_set_unref(struct policy_set *set)
{
    if (set == NULL || --set->refs > 0)
        return;
    for (size_t i = 0; i < set->layer_count; i++) {
        struct policy_layer *layer = &set->layers[i];
        for (size_t j = 0; j < layer->file_count; j++) {
            free((char *)layer->files[j].module);
            free((char *)layer->files[j].source);
        }
        free((struct policy_file *)layer->files);
        free((char *)layer->name);
    }
    for (size_t i = 0; i < set->file_count; i++) {
        if (--set->texts[i]->refs == 0)
            free(set->texts[i]);
    }
    free(set->texts);
    free(set);
}

static int add_layer(struct policy_set *set, const struct policy_layer *layer, bool lent,
                     struct err *err)
{
    struct policy_layer *copy = begin_layer(set, layer->name, err);
    if (copy == NULL)
        return -1;
    for (size_t i = 0; i < layer->file_count; i++) {
        if (add_text(set, copy, &layer->files[i], lent, err) != 0)
            return -1;
    }
    return end_layer(set, copy, err);
}

int policy_set_add(struct policy_set *set, const struct policy_layer *layer, struct err *err)
{
    return add_layer(set, layer, false, err);
}

int policy_set_lend(struct policy_set *set, const struct policy_layer *layer, struct err *err)
{
    return add_layer(set, layer, true, err);
}

int policy_set_add_dir(struct policy_set *set, const char *name, const char *dir, const char *skip,
                       struct err *err)
{
    struct policy_layer *layer = begin_layer(set, name, err);
    if (layer == NULL || read_dir(set, layer, dir, "", skip, 0, err) != 0)
        return -1;
    if (layer->file_count == 0)
        return err_set(err, ERR_NOT_FOUND, "`%s` holds no *.lua files", dir);
    return end_layer(set, layer, err);
}

int policy_set_add_configmap(struct policy_set *set, const char *name, const struct jv *configmap,
                             struct err *err)
{
    const char *namespace = jv_path_str(configmap, "metadata", "namespace", NULL);
    const char *object = jv_path_str(configmap, "metadata", "name", NULL);
    struct policy_layer *layer = begin_layer(set, name, err);
    if (layer == NULL)
        return -1;
    if (jv_size(jv_get(configmap, "binaryData")) > 0)
        return err_set(err, ERR_INVALID,
                       "ConfigMap %s/%s has binaryData: policies are text, put them under data",
                       namespace, object);
    struct jv_iter iter = {0};
    while (jv_next(jv_get(configmap, "data"), &iter)) {
        size_t len = 0;
        const char *text = jv_strn(iter.value, &len);
        if (ends_with(iter.key, ".md") || ends_with(iter.key, ".txt"))
            continue;
        char *module = strchr(iter.key, '/') == NULL ? policy_module_of_path(iter.key) : NULL;
        if (module == NULL || text == NULL) {
            free(module);
            return err_set(err, ERR_INVALID,
                           "ConfigMap %s/%s key %s: a policy's key ends in .lua (or .md, .txt)",
                           namespace, object, iter.key);
        }
        char *source = mem_printf("ConfigMap %s/%s key %s", namespace, object, iter.key);
        int failed = add_file(set, layer, module, source, text, len, err);
        free(source);
        free(module);
        if (failed != 0)
            return -1;
    }
    return end_layer(set, layer, err);
}

const struct policy_layer *policy_set_layers(const struct policy_set *set, size_t *count)
{
    *count = set->layer_count;
    return set->layers;
}

static void digest_str(struct digest *digest, const char *text)
{
    digest_add(digest, text, strlen(text) + 1);
}

const char *policy_set_digest(struct policy_set *set)
{
    if (set->digest[0] != '\0')
        return set->digest;
    struct digest *digest = digest_sha256_new();
    for (size_t i = 0; i < set->layer_count; i++) {
        const struct policy_layer *layer = &set->layers[i];
        digest_str(digest, layer->name);
        for (size_t j = 0; j < layer->file_count; j++) {
            digest_str(digest, layer->files[j].module);
            digest_add(digest, layer->files[j].text, layer->files[j].len);
            digest_str(digest, "");
        }
    }
    digest_finish_hex(digest, set->digest);
    return set->digest;
}

static const struct policy_layer *find_layer(const struct policy_set *set, const char *name)
{
    for (size_t i = 0; i < set->layer_count; i++) {
        if (strcmp(set->layers[i].name, name) == 0)
            return &set->layers[i];
    }
    return NULL;
}

bool policy_set_same_layer(const struct policy_set *a, const struct policy_set *b, const char *name)
{
    const struct policy_layer *one = a != NULL ? find_layer(a, name) : NULL;
    const struct policy_layer *two = b != NULL ? find_layer(b, name) : NULL;
    if (one == NULL || two == NULL || one->file_count != two->file_count)
        return false;
    for (size_t i = 0; i < one->file_count; i++) {
        const struct policy_file *x = &one->files[i], *y = &two->files[i];
        if (strcmp(x->module, y->module) != 0 || x->len != y->len ||
            memcmp(x->text, y->text, x->len) != 0)
            return false;
    }
    return true;
}

char *policy_module_of_path(const char *path)
{
    size_t len = strlen(path);
    if (!ends_with(path, ".lua") || len == strlen(".lua"))
        return NULL;
    char *module = mem_strn(path, len - strlen(".lua"));
    for (char *c = module; *c != '\0'; c++) {
        if (*c == '/')
            *c = '.';
    }
    return module;
}
