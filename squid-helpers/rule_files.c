/* SPDX-License-Identifier: Apache-2.0 */
/* The rule files of a helper. */
#include "squid-helpers/rule_files.h"

#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "libreplica/store/file.h"

#define LOOK_INTERVAL APR_USEC_PER_SEC

/* A file as it was when it was read. */
struct seen {
    const char *path;
    struct stat state; /* all zero: it was not there */
};

/* One reading of all files. */
struct reading {
    apr_pool_t *pool;
    apr_array_header_t *seen; /* of struct seen */
    void *compiled;           /* NULL: it failed */
};

struct rule_files {
    const char *file;
    rule_compiler *compile;
    apr_pool_t *pool;
    apr_time_t looked;   /* 0: never */
    struct reading good; /* in use; its pool may be NULL */
    struct reading last; /* the same, or one that failed */
};

struct rule_files *rule_files_create(const char *file, rule_compiler *compile,
                                     apr_pool_t *pool)
{
    struct rule_files *files = apr_pcalloc(pool, sizeof(*files));

    files->file = apr_pstrdup(pool, file);
    files->compile = compile;
    files->pool = pool;
    return files;
}

static struct stat state_of(const char *path)
{
    struct stat state;

    if (stat(path, &state) != 0)
        memset(&state, 0, sizeof(state));
    return state;
}

static bool read_rules(struct text *content, void *baton, const char *file,
                       apr_pool_t *pool, struct error *error)
{
    struct reading *reading = baton;
    struct seen *seen = apr_array_push(reading->seen);

    /* Looked at before it is read: a change in between is found at the next look. */
    seen->path = apr_pstrdup(reading->pool, file);
    seen->state = state_of(file);
    return file_read(content, file, RULE_FILE_SIZE_MAX, pool, error);
}

static bool is_changed(const struct seen *seen)
{
    struct stat now = state_of(seen->path);

    return now.st_ino != seen->state.st_ino || now.st_dev != seen->state.st_dev ||
           now.st_size != seen->state.st_size ||
           now.st_mtim.tv_sec != seen->state.st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != seen->state.st_mtim.tv_nsec ||
           now.st_ctim.tv_sec != seen->state.st_ctim.tv_sec ||
           now.st_ctim.tv_nsec != seen->state.st_ctim.tv_nsec;
}

static bool any_is_changed(const struct reading *reading)
{
    for (int i = 0; i < reading->seen->nelts; i++)
        if (is_changed(&APR_ARRAY_IDX(reading->seen, i, struct seen)))
            return true;
    return false;
}

static bool read_all(struct rule_files *files, struct reading *reading,
                     struct error *error)
{
    struct rule_source source = {.read = read_rules, .baton = reading};

    if (apr_pool_create(&reading->pool, files->pool) != APR_SUCCESS)
        return error_set(error, ERROR_IO, "no memory for rules");
    reading->seen = apr_array_make(reading->pool, 4, sizeof(struct seen));
    if (files->compile(&reading->compiled, files->file, &source, reading->pool, error))
        return true;
    reading->compiled = NULL;
    return false;
}

/* Forget READING unless it is the one in use. */
static void forget(struct rule_files *files, const struct reading *reading)
{
    if (reading->pool != NULL && reading->pool != files->good.pool)
        apr_pool_destroy(reading->pool);
}

bool rule_files_refresh(struct rule_files *files, apr_time_t now, struct error *error)
{
    struct reading reading = {0}, before = files->good;
    bool is_good;

    if (files->looked != 0 && now - files->looked < LOOK_INTERVAL)
        return true;
    files->looked = now;
    if (files->last.pool != NULL && !any_is_changed(&files->last))
        return true;
    is_good = read_all(files, &reading, error);
    if (reading.pool == NULL)
        return false;
    forget(files, &files->last);
    files->last = reading;
    if (is_good) {
        files->good = reading;
        forget(files, &before);
    }
    return is_good;
}

void *rule_files_compiled(const struct rule_files *files)
{
    return files->good.compiled;
}
