#include "kube/config_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_SHOWN_MAX = 20 };

int config_read(const char *path, size_t bytes_max, struct buf *out, struct err *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would wait for its writer */
    if (fd < 0) {
        int errnum = errno;
        err_errno(err, errnum, "`%s`", path);
        if (err && errnum == ENOENT)
            err->code = ERR_NOT_FOUND;
        return -1;
    }
    if (fstat(fd, &info) == 0 && S_ISFIFO(info.st_mode)) {
        close(fd);
        return err_set(err, ERR_INVALID, "`%s` is a pipe: a file is needed, write it to one", path);
    }
    buf_init(out, bytes_max);
    int result = -1;
    for (;;) {
        char chunk[16384];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_errno(err, errno, "`%s`", path);
        } else if (n > 0) {
            if (buf_add(out, chunk, (size_t)n) == 0)
                continue;
            err_set(err, ERR_TOO_LARGE, "`%s`: larger than %zu bytes", path, bytes_max);
        } else {
            result = 0;
        }
        break;
    }
    close(fd);
    if (result != 0)
        buf_deinit(out);
    return result;
}

static void file_deinit(struct config_file *file)
{
    free(file->path);
    free(file->dir);
    yaml_docs_free(file->docs);
}

static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mem_str(".");
    return slash == path ? mem_str("/") : mem_strn(path, (size_t)(slash - path));
}

static int list_check(const struct config_file *file, const char *list, const char *noun,
                      struct err *err)
{
    const struct jv *entries = jv_get(file->root, list);
    if (!entries || jv_type(entries) == JV_NULL)
        return 0;
    if (!jv_is_array(entries))
        return err_set(err, ERR_INVALID, "%s: %s: must be a list of {name, %s}", file->path, list,
                       noun);
    for (size_t i = 0; i < jv_size(entries); i++) {
        const char *name = jv_str(jv_get(jv_at(entries, i), "name"));
        const struct jv *body = jv_get(jv_at(entries, i), noun);
        if (!name)
            return err_set(err, ERR_INVALID,
                           "%s: %s[%zu]: name: must be a string (put numbers in quotes)",
                           file->path, list, i);
        if (body && !jv_is_object(body) && jv_type(body) != JV_NULL)
            return err_set(err, ERR_INVALID, "%s: %s[%zu]: %s: must be a map of fields", file->path,
                           list, i, noun);
        for (size_t k = 0; k < i; k++) {
            const char *other = jv_str(jv_get(jv_at(entries, k), "name"));
            if (other && strcmp(other, name) == 0)
                return err_set(err, ERR_INVALID, "%s: %s: two entries are named `%s`; rename one",
                               file->path, list, name);
        }
    }
    return 0;
}

static int file_check(const struct config_file *file, struct err *err)
{
    if (!file->root)
        return 0;
    if (!jv_is_object(file->root))
        return err_set(err, ERR_INVALID, "%s: not a kubeconfig: a map of fields is expected",
                       file->path);
    const char *kind = jv_str(jv_get(file->root, "kind"));
    const char *version = jv_str(jv_get(file->root, "apiVersion"));
    if ((kind && strcmp(kind, "Config") != 0) || (version && strcmp(version, "v1") != 0))
        return err_set(err, ERR_INVALID,
                       "%s: not a kubeconfig: it is `%s` of `%s`, expected `Config` of `v1`",
                       file->path, kind ? kind : "?", version ? version : "?");
    const struct jv *current = jv_get(file->root, "current-context");
    if (current && jv_type(current) != JV_NULL && !jv_str(current))
        return err_set(err, ERR_INVALID, "%s: current-context: must be a string (use quotes)",
                       file->path);
    if (list_check(file, "clusters", "cluster", err) != 0 ||
        list_check(file, "users", "user", err) != 0)
        return -1;
    return list_check(file, "contexts", "context", err);
}

int config_files_add(struct config_files *files, const char *path, struct err *err)
{
    if (files->count == CONFIG_FILES_MAX)
        return err_set(err, ERR_LIMIT, "KUBECONFIG: more than %d files", CONFIG_FILES_MAX);
    struct buf text;
    if (config_read(path, CONFIG_FILE_BYTES_MAX, &text, err) != 0)
        return -1;
    struct config_file file = {.path = mem_str(path), .dir = dir_of(path)};
    file.docs = yaml_parse(buf_str(&text), text.len, err);
    buf_deinit(&text);
    if (!file.docs) {
        err_wrap(err, "%s", path);
        file_deinit(&file);
        return -1;
    }
    size_t documents = yaml_docs_count(file.docs);
    if (documents > 0)
        file.root = yaml_docs_get(file.docs, 0);
    if (file.root && jv_type(file.root) == JV_NULL)
        file.root = NULL;
    if (documents > 1) {
        err_set(err, ERR_INVALID, "%s: holds %zu YAML documents; a kubeconfig is a single one",
                path, documents);
        file_deinit(&file);
        return -1;
    }
    if (file_check(&file, err) != 0) {
        file_deinit(&file);
        return -1;
    }
    files->items[files->count++] = file;
    return 0;
}

void config_files_deinit(struct config_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        file_deinit(&files->items[i]);
    files->count = 0;
}

const char *config_files_current_context(const struct config_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        const char *name = jv_str(jv_get(files->items[i].root, "current-context"));
        if (name && *name)
            return name;
    }
    return NULL;
}

bool config_files_find(const struct config_files *files, const char *list, const char *noun,
                       const char *name, struct config_entry *entry)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct jv *entries = jv_get(files->items[i].root, list);
        for (size_t k = 0; k < jv_size(entries); k++) {
            const char *found = jv_str(jv_get(jv_at(entries, k), "name"));
            if (!found || strcmp(found, name) != 0)
                continue;
            *entry = (struct config_entry){
                .file = &files->items[i],
                .list = list,
                .noun = noun,
                .name = found,
                .index = k,
                .body = jv_get(jv_at(entries, k), noun),
            };
            return true;
        }
    }
    return false;
}

static bool named_before(const struct config_files *files, const char *list, const char *name,
                         size_t file)
{
    for (size_t i = 0; i < file; i++) {
        const struct jv *entries = jv_get(files->items[i].root, list);
        for (size_t k = 0; k < jv_size(entries); k++)
            if (strcmp(jv_str(jv_get(jv_at(entries, k), "name")), name) == 0)
                return true;
    }
    return false;
}

void config_files_names(const struct config_files *files, const char *list, struct buf *out)
{
    size_t shown = 0, hidden = 0;
    for (size_t i = 0; i < files->count; i++) {
        const struct jv *entries = jv_get(files->items[i].root, list);
        for (size_t k = 0; k < jv_size(entries); k++) {
            const char *name = jv_str(jv_get(jv_at(entries, k), "name"));
            if (named_before(files, list, name, i))
                continue;
            if (shown == NAMES_SHOWN_MAX) {
                hidden++;
                continue;
            }
            buf_printf(out, "%s`%s`", shown ? ", " : "", name);
            shown++;
        }
    }
    if (shown == 0)
        buf_add_str(out, "none");
    if (hidden > 0)
        buf_printf(out, " and %zu more", hidden);
}
