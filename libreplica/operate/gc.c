/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of garbage collection, in order. */
#include "libreplica/operate/gc_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libreplica/base/date.h"
#include "libreplica/format/history.h"
#include "libreplica/operate/deletion_log.h"
#include "libreplica/operate/gc_reflog.h"
#include "libreplica/operate/gc_sweep.h"
#include "libreplica/store/stored_catalog.h"

void gc_say(const struct gc *gc, const char *format, ...)
{
    char line[ERROR_MESSAGE_SIZE + 128];
    va_list arguments;

    if (gc->options->say == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    gc->options->say(gc->options->baton, line);
}

static void say_step(const struct gc *gc, const char *what)
{
    char date[DATE_UTC_SIZE];

    date_format_utc(date, apr_time_now());
    gc_say(gc, "  --> %s [%s]", what, date);
}

static bool read_manifest(struct gc *gc, struct error *error)
{
    struct text text;

    if (!store_read(&text, gc->store, MANIFEST_NAME, MANIFEST_SIZE_MAX, gc->pool,
                    error) ||
        !manifest_parse(&gc->manifest, text, gc->pool, error))
        return error_prefix(error, "our manifest");
    if (strcmp(gc->manifest->fqrn, gc->options->fqrn) != 0)
        return error_set(error, ERROR_NAME_MISMATCH,
                         "our manifest is of '%.60s', not of '%s'", gc->manifest->fqrn,
                         gc->options->fqrn);
    if (!gc->manifest->garbage_collectable)
        return error_set(error, ERROR_REFUSED,
                         "Garbage Collection is not enabled for %s: its publisher has to "
                         "allow it",
                         gc->options->fqrn);
    hash_bytes(&gc->manifest_hash, HASH_SHA1, text.bytes, text.length);
    return true;
}

static bool open_reflog(struct gc *gc, struct error *error)
{
    const struct gc_options *options = gc->options;
    bool found;

    if (!gc_reflog_open(&gc->reflog, &found, gc->store, options->fqrn,
                        options->reflog_checksum_file, gc->pool, error))
        return false;
    if (found)
        return true;
    if (options->dry_run)
        return error_set(error, ERROR_NOT_FOUND,
                         "Reflog reconstruction needed. Cannot do a dry-run.");
    gc_say(gc, "There is no reflog: it is rebuilt from what is in the store");
    gc->result->has_rebuilt_reflog = true;
    return gc_reflog_rebuild(gc->store, gc->manifest, options->max_catalog_bytes,
                             options->reflog_checksum_file, gc->pool, error) &&
           gc_reflog_open(&gc->reflog, &found, gc->store, options->fqrn,
                          options->reflog_checksum_file, gc->pool, error);
}

static bool read_tags(struct gc *gc, struct error *error)
{
    struct object object = {gc->manifest->history, OBJECT_HISTORY};
    char name[OBJECT_NAME_SIZE];
    const char *path, *fqrn;
    struct hash previous;
    bool found;

    gc->tags = apr_array_make(gc->pool, 0, sizeof(struct tag));
    if (hash_is_null(&object.hash))
        return true;
    if (!stored_object_inflate(&path, &found, gc->store, &object,
                               gc->options->max_catalog_bytes, gc->pool, error))
        return false;
    if (!found)
        return error_set(error, ERROR_NOT_FOUND,
                         "the tag database %s is missing: nothing is deleted",
                         object_name(name, &object));
    return history_read(&fqrn, &previous, &gc->tags, path, gc->pool, error) ||
           error_prefix(error, "tag database %s", object_name(name, &object));
}

struct listing {
    const struct gc *gc;
    struct deletion_log *log; /* NULL: none */
};

static bool list_object(void *baton, enum gc_section section, unsigned int depth,
                        const struct object *object, struct error *error)
{
    struct listing *listing = baton;
    char name[OBJECT_NAME_SIZE];

    if (listing->log != NULL)
        deletion_log_add(listing->log, object);
    if (listing->gc->options->lists)
        gc_say(listing->gc, "Sweep: %s", object_name(name, object));
    return true;
}

static bool list_condemned(struct gc *gc, struct error *error)
{
    struct listing listing = {gc, NULL};

    if (*gc->options->deletion_log != '\0' &&
        !deletion_log_open(&listing.log, gc->options->deletion_log, gc->pool, error))
        return false;
    return gc_each_condemned(gc, list_object, &listing, error) &&
           (listing.log == NULL || deletion_log_close(listing.log, error));
}

static bool journal_object(void *baton, enum gc_section section, unsigned int depth,
                           const struct object *object, struct error *error)
{
    return gc_journal_add(baton, section, depth, object, error);
}

static bool write_journal(struct gc *gc, struct error *error)
{
    struct gc_journal_writer *writer;

    return gc_journal_create(&writer, gc->store, gc->options->fqrn, &gc->manifest_hash,
                             gc->pool, error) &&
           gc_each_condemned(gc, journal_object, writer, error) &&
           gc_journal_finish(writer, error);
}

static bool is_log_writable(struct gc *gc, struct error *error)
{
    FILE *file;

    if (*gc->options->deletion_log == '\0')
        return true;
    file = fopen(gc->options->deletion_log, "ae");
    if (file != NULL)
        return fclose(file) == 0;
    return error_set(error, ERROR_PERMISSION, "cannot write to the deletion log %s",
                     gc->options->deletion_log);
}

static bool sweep(struct gc *gc, struct error *error)
{
    const struct gc_options *options = gc->options;
    struct gc_sweep_options sweep_options = {
        .reflog_checksum_file = options->reflog_checksum_file,
        .deletion_log = options->deletion_log,
        .lists = options->lists,
        .stop = options->stop,
        .say = options->say,
        .baton = options->baton,
    };
    int64_t removed;

    if (gc->is_clean)
        return true;
    if (!write_journal(gc, error))
        return error_prefix(error, "the journal of what to remove");
    return gc_sweep(&removed, gc->store, &sweep_options, gc->pool, error);
}

static bool collect(struct gc *gc, struct error *error)
{
    struct gc_result *result = gc->result;

    say_step(gc, "marking unreferenced objects");
    if (!gc_mark(gc, error))
        return false;
    say_step(gc, "sweeping unreferenced objects");
    if (!gc_condemn(gc, error) ||
        !(gc->options->dry_run ? list_condemned(gc, error) : sweep(gc, error)))
        return false;
    gc_say(gc,
           "%s %lld revisions, %lld catalogs, %lld objects, %lld certificates, tag "
           "databases and metainfo objects; kept %lld revisions besides tags",
           gc->options->dry_run ? "Would remove" : "Removed",
           (long long)result->roots_condemned, (long long)result->catalogs_condemned,
           (long long)result->objects_condemned, (long long)result->auxiliary_condemned,
           (long long)result->roots_kept);
    say_step(gc, "done garbage collecting");
    return true;
}

bool gc_run(struct gc_result *result, struct store *store,
            const struct gc_options *options, apr_pool_t *pool, struct error *error)
{
    struct gc *gc;
    apr_pool_t *own;
    bool ok;

    memset(result, 0, sizeof(*result));
    apr_pool_create(&own, pool);
    gc = apr_pcalloc(own, sizeof(*gc));
    gc->options = options;
    gc->result = result;
    gc->store = store;
    gc->pool = own;
    ok = is_log_writable(gc, error) && read_manifest(gc, error) &&
         open_reflog(gc, error) && read_tags(gc, error) && collect(gc, error);
    apr_pool_destroy(own);
    return ok;
}
