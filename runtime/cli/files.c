#include "cli/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KUSTOMIZE "kustomize.config.k8s.io/"

int file_read(const char *path, struct buf *out, struct err *err)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (file == NULL)
        return err_errno(err, errno, "cannot read `%s`", path);
    char piece[16384];
    size_t got;
    errno = 0;
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
        buf_add(out, piece, got);
    int failed = 0;
    if (ferror(file))
        failed = err_errno(err, errno, "cannot read `%s`", path);
    else if (out->failed)
        failed = err_set(err, ERR_LIMIT, "`%s` is larger than %zu bytes", path, out->bytes_max);
    if (!standard)
        fclose(file);
    return failed;
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, text, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        text += done;
        len -= (size_t)done;
    }
    return 0;
}

int file_replace(const char *path, const char *text, size_t len, struct err *err)
{
    char *fresh = mem_printf("%s.XXXXXX", path);
    int fd = mkostemp(fresh, O_CLOEXEC); /* mode 0600 */
    int failed = 0;
    if (fd < 0) {
        failed = err_errno(err, errno, "cannot write `%s`", path);
    } else {
        if (write_all(fd, text, len) != 0)
            failed = err_errno(err, errno, "cannot write `%s`", path);
        if (close(fd) != 0 && failed == 0)
            failed = err_errno(err, errno, "cannot write `%s`", path);
        if (failed == 0 && rename(fresh, path) != 0)
            failed = err_errno(err, errno, "cannot write `%s`", path);
        if (failed != 0)
            unlink(fresh);
    }
    free(fresh);
    return failed;
}

bool file_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int dir_pass_chart(const char *dir, bool named, bool *pass, struct err *err)
{
    char *path = mem_printf("%s/Chart.yaml", dir);
    *pass = access(path, F_OK) == 0;
    free(path);
    if (!*pass || !named)
        return 0;
    return err_set(err, ERR_INVALID, "`%s` is a Helm chart: give what `helm template` makes of it",
                   dir);
}

bool file_has_ending(const char *path, const char *ending)
{
    size_t len = strlen(path), end = strlen(ending);
    return len > end && strcmp(path + len - end, ending) == 0;
}

static int complain(const struct object_file *file, size_t doc, const char *field, struct err *err,
                    const char *text)
{
    int line = 1, column = 1;
    yaml_docs_where(file->docs, doc, field, &line, &column);
    return err_set(err, ERR_INVALID, "%s:%d:%d: %s", file->path, line, column, text);
}

static int add_object(struct object_file *file, struct jv *object, size_t doc, const char *prefix,
                      struct err *err)
{
    static const char *const wanted[] = {"apiVersion", "kind"};
    const char *api_version = jv_path_str(object, "apiVersion", NULL);
    if (api_version != NULL && strncmp(api_version, KUSTOMIZE, strlen(KUSTOMIZE)) == 0)
        return 0; /* instructions for kustomize, no object */
    if (!jv_is_object(object))
        return complain(file, doc, prefix, err, "this is not an object of Kubernetes");
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (jv_str(jv_get(object, wanted[i])) != NULL)
            continue;
        char *text = mem_printf("%s%s is missing or not a text", prefix, wanted[i]);
        complain(file, doc, prefix, err, text);
        free(text);
        return -1;
    }
    if (jv_path_str(object, "metadata", "name", NULL) == NULL) {
        char *text = mem_printf("%smetadata.name is missing or not a text", prefix);
        char *field = mem_printf("%smetadata", prefix);
        complain(file, doc, field, err, text);
        free(field);
        free(text);
        return -1;
    }
    file->objects = mem_grow(file->objects, (file->count + 1) * sizeof(*file->objects));
    file->objects[file->count++] = (struct object_place){object, doc, mem_str(prefix)};
    return 0;
}

static int add_doc(struct object_file *file, size_t doc, struct err *err)
{
    struct jv *value = yaml_docs_get(file->docs, doc);
    const char *kind = jv_str(jv_get(value, "kind"));
    struct jv *items = jv_get(value, "items");
    if (kind == NULL || strcmp(kind, "List") != 0 || !jv_is_array(items))
        return add_object(file, value, doc, "", err);
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < jv_size(items); i++) {
        char *prefix = mem_printf("items[%zu].", i);
        failed = add_object(file, jv_at(items, i), doc, prefix, err);
        free(prefix);
    }
    return failed;
}

static int read_file(struct object_files *out, const char *path, struct err *err)
{
    struct buf text;
    if (out->count == FILE_COUNT_MAX)
        return err_set(err, ERR_LIMIT, "more than %d files", FILE_COUNT_MAX);
    buf_init(&text, YAML_BYTES_MAX);
    int failed = file_read(path, &text, err);
    struct object_file file = {0};
    if (failed == 0) {
        file.docs = yaml_parse(buf_str(&text), text.len, err);
        failed = file.docs == NULL ? err_wrap(err, "%s", path) : 0;
    }
    buf_deinit(&text);
    if (failed != 0)
        return -1;
    file.path = mem_str(strcmp(path, "-") == 0 ? "(standard input)" : path);
    for (size_t i = 0; failed == 0 && i < yaml_docs_count(file.docs); i++)
        failed = add_doc(&file, i, err);
    out->files = mem_grow(out->files, (out->count + 1) * sizeof(*out->files));
    out->files[out->count++] = file;
    return failed;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int read_path(struct object_files *out, const char *path, int depth, struct err *err)
{
    if (!file_is_dir(path)) {
        bool named = depth == 0 || file_has_ending(path, ".yaml") ||
                     file_has_ending(path, ".yml") || file_has_ending(path, ".json");
        return named ? read_file(out, path, err) : 0;
    }
    if (depth == FILE_DEPTH_MAX)
        return err_set(err, ERR_LIMIT, "`%s` is nested too deeply", path);
    bool pass = false;
    int failed = dir_pass_chart(path, depth == 0, &pass, err);
    if (failed != 0 || pass)
        return failed;
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_visible, alphasort);
    if (count < 0)
        return err_errno(err, errno, "cannot read the directory `%s`", path);
    for (int i = 0; i < count; i++) {
        char *below = mem_printf("%s/%s", path, entries[i]->d_name);
        if (failed == 0)
            failed = read_path(out, below, depth + 1, err);
        free(below);
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int object_files_read(struct object_files *out, const char *const *paths, size_t count,
                      struct err *err)
{
    *out = (struct object_files){0};
    for (size_t i = 0; i < count; i++) {
        if (read_path(out, paths[i], 0, err) != 0) {
            object_files_deinit(out);
            return -1;
        }
    }
    return 0;
}

void object_files_deinit(struct object_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        struct object_file *file = &files->files[i];
        for (size_t k = 0; k < file->count; k++)
            free(file->objects[k].prefix);
        free(file->objects);
        yaml_docs_free(file->docs);
        free(file->path);
    }
    free(files->files);
    *files = (struct object_files){0};
}

/* The longest member whose name the path begins with: "a.b.c" is the member "a.b" and then "c" where
 * there is one of that name. */
static const char *longest_member(const struct jv *object, const char *path)
{
    const char *best = NULL;
    size_t best_len = 0;
    struct jv_iter iter = {0};
    while (jv_next(object, &iter)) {
        if (iter.key_len <= best_len || strncmp(path, iter.key, iter.key_len) != 0)
            continue;
        char after = path[iter.key_len];
        if (after == '\0' || after == '.' || after == '[') {
            best = iter.key;
            best_len = iter.key_len;
        }
    }
    return best;
}

/* The path in the form that yaml_docs_where knows, as far as the object has it. */
static void exact_path(const struct jv *value, const char *path, struct buf *out)
{
    while (*path != '\0') {
        if (*path == '.')
            path++;
        if (jv_is_object(value)) {
            const char *key = longest_member(value, path);
            if (key == NULL)
                return;
            jv_path_key(out, key);
            path += strlen(key);
            value = jv_get(value, key);
        } else if (jv_is_array(value) && *path == '[') {
            char *end = NULL;
            size_t index = strtoul(path + 1, &end, 10);
            if (*end != ']' || index >= jv_size(value))
                return;
            jv_path_index(out, index);
            path = end + 1;
            value = jv_at(value, index);
        } else {
            return;
        }
    }
}

void object_file_where(const struct object_file *file, size_t index, const char *field, int *line,
                       int *column)
{
    const struct object_place *place = &file->objects[index];
    struct buf path;
    buf_init(&path, 4096);
    char *whole = mem_printf("%s%s", place->prefix, field);
    exact_path(yaml_docs_get(file->docs, place->doc), whole, &path);
    *line = *column = 1;
    yaml_docs_where(file->docs, place->doc, buf_str(&path), line, column);
    free(whole);
    buf_deinit(&path);
}

void object_name(const struct jv *object, struct buf *out)
{
    const char *kind = jv_str(jv_get(object, "kind"));
    const char *namespace = jv_path_str(object, "metadata", "namespace", NULL);
    const char *name = jv_path_str(object, "metadata", "name", NULL);
    buf_printf(out, "%s %s%s%s", kind != NULL ? kind : "?", namespace != NULL ? namespace : "",
               namespace != NULL ? "/" : "", name != NULL ? name : "?");
}
