/* Files that a person names on the command line: texts, and the objects in them.
 *
 * A path is a file, "-" for the standard input, or, where said so, a directory, whose *.yaml, *.yml
 * and *.json files are meant, in the order of their names, without Helm charts. Errors name the file.
 */
#ifndef NEMETON_CLI_FILES_H
#define NEMETON_CLI_FILES_H

#include "base/yaml.h"

enum { FILE_DEPTH_MAX = 8, FILE_COUNT_MAX = 10000 };

/* Appends the content; the buf's maximum counts. */
int file_read(const char *path, struct buf *out, struct err *err);
/* Writes all or nothing, readable by its owner only: a new file takes the old one's place. */
int file_replace(const char *path, const char *text, size_t len, struct err *err);
bool file_is_dir(const char *path);
/* A Helm chart's files are templates, no objects yet: it is passed by, and an error when named. */
int dir_pass_chart(const char *dir, bool named, bool *pass, struct err *err);
bool file_has_ending(const char *path, const char *ending);

/* One file with objects. Lists (kind List) are opened up: their items count as objects. */
struct object_file {
    char *path;
    struct yaml_docs *docs;
    struct object_place {
        struct jv *object; /* lent by docs */
        size_t doc;        /* in docs, for yaml_docs_where */
        char *prefix;      /* "items[3]." of a list's item, else "" */
    } * objects;
    size_t count;
};
struct object_files {
    struct object_file *files;
    size_t count;
};

/* Reads every object below the paths. An object is a mapping with apiVersion, kind and
 * metadata.name; anything else is an error with line and column. */
int object_files_read(struct object_files *out, const char *const *paths, size_t count,
                      struct err *err);
void object_files_deinit(struct object_files *files);
/* Where a field of an object stands; 1:1 when it cannot be told. */
void object_file_where(const struct object_file *file, size_t index, const char *field, int *line,
                       int *column);

/* "Thing ns/name", for messages. */
void object_name(const struct jv *object, struct buf *out);

#endif
