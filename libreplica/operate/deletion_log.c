/* SPDX-License-Identifier: Apache-2.0 */
/* The deletion log. */
#include "libreplica/operate/deletion_log.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <apr_strings.h>

struct deletion_log {
    const char *path;
    FILE *file;
};

static apr_status_t close_file(void *baton)
{
    struct deletion_log *log = baton;

    if (log->file != NULL)
        fclose(log->file);
    log->file = NULL;
    return APR_SUCCESS;
}

/* "# Garbage Collection started at 20 Nov 2026 11:25:07", local time. */
static void add_dated(struct deletion_log *log, const char *word, const char *end)
{
    time_t now = time(NULL);
    char date[64];
    struct tm t;

    localtime_r(&now, &t);
    strftime(date, sizeof(date), "%e %b %Y %H:%M:%S", &t);
    fprintf(log->file, "# Garbage Collection %s at %s%s\n", word,
            date[0] == ' ' ? date + 1 : date, end);
}

bool deletion_log_open(struct deletion_log **log, const char *path, apr_pool_t *pool,
                       struct error *error)
{
    struct deletion_log *opened = apr_palloc(pool, sizeof(*opened));

    opened->path = apr_pstrdup(pool, path);
    opened->file = fopen(path, "ae");
    if (opened->file == NULL)
        return error_set_errno(error, errno, "cannot write to the deletion log %s", path);
    apr_pool_cleanup_register(pool, opened, close_file, apr_pool_cleanup_null);
    add_dated(opened, "started", "");
    if (fflush(opened->file) != 0)
        return error_set_errno(error, errno, "cannot write to the deletion log %s", path);
    *log = opened;
    return true;
}

void deletion_log_add(struct deletion_log *log, const struct object *object)
{
    char name[OBJECT_NAME_SIZE];

    fprintf(log->file, "%s\n", object_name(name, object));
}

bool deletion_log_close(struct deletion_log *log, struct error *error)
{
    FILE *file = log->file;
    bool ok;

    add_dated(log, "finished", "\n");
    ok = ferror(file) == 0;
    log->file = NULL;
    if (fclose(file) == 0 && ok)
        return true;
    return error_set(error, ERROR_IO, "the deletion log %s is not complete: %s",
                     log->path, "it could not be written");
}
