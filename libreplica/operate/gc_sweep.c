/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying out the journal of garbage collection. */
#include "libreplica/operate/gc_sweep.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"
#include "libreplica/format/manifest.h"
#include "libreplica/operate/deletion_log.h"
#include "libreplica/operate/gc_reflog.h"

struct sweep {
    struct store *store;
    const struct gc_sweep_options *options;
    struct deletion_log *log; /* NULL: none */
    int64_t objects;
};

static void say(const struct gc_sweep_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(const struct gc_sweep_options *options, const char *format, ...)
{
    char line[ERROR_MESSAGE_SIZE + 128];
    va_list arguments;

    if (options->say == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    options->say(options->baton, line);
}

/* A catalog that is there vouches for all that it refers to, also after a power cut: so
 * what refers is gone for good before what is referred to goes. */
static bool remove_object(void *baton, enum gc_section section, unsigned int depth,
                          const struct object *object, struct error *error)
{
    struct sweep *sweep = baton;
    char name[OBJECT_NAME_SIZE];

    if (object == NULL)
        return store_barrier(sweep->store, error);
    if (sweep->options->stop != NULL && *sweep->options->stop)
        return error_set(error, ERROR_CANCELLED,
                         "stopped while removing objects: the next run finishes that");
    sweep->objects++;
    if (sweep->log != NULL)
        deletion_log_add(sweep->log, object);
    if (sweep->options->lists)
        say(sweep->options, "Sweep: %s", object_name(name, object));
    return store_remove(sweep->store, object, error);
}

static bool read_journal(struct sweep *sweep, apr_pool_t *pool, struct error *error)
{
    struct gc_journal journal;
    bool found;

    if (!gc_journal_read(&journal, &found, sweep->store, remove_object, sweep, pool,
                         error))
        return false;
    return found || error_set(error, ERROR_IO, "%s in %s vanished", GC_JOURNAL_NAME,
                              store_root(sweep->store));
}

bool gc_sweep(int64_t *removed, struct store *store,
              const struct gc_sweep_options *options, apr_pool_t *pool,
              struct error *error)
{
    struct sweep sweep = {store, options, NULL, 0};
    struct error problem;

    *removed = 0;
    /* A log that cannot be written must not keep the sweep from its end. */
    if (*options->deletion_log != '\0' &&
        !deletion_log_open(&sweep.log, options->deletion_log, pool, &problem)) {
        say(options, "WARNING: %s", problem.message);
        sweep.log = NULL;
    }
    if (!read_journal(&sweep, pool, error) ||
        !gc_reflog_forget(store, options->reflog_checksum_file, pool, error) ||
        !gc_journal_drop(store, error))
        return false;
    if (sweep.log != NULL && !deletion_log_close(sweep.log, &problem))
        say(options, "WARNING: %s", problem.message);
    *removed = sweep.objects;
    return true;
}

struct check {
    struct store *store;
    apr_time_t written; /* the journal */
    bool is_overtaken;
};

/* An object that is newer than the journal was stored by somebody who did not know it. */
static bool check_object(void *baton, enum gc_section section, unsigned int depth,
                         const struct object *object, struct error *error)
{
    struct check *check = baton;
    struct store_status status;
    bool found;

    if (object == NULL || check->is_overtaken)
        return true;
    if (!store_stat(check->store, object, &status, &found, error))
        return false;
    check->is_overtaken = found && status.changed > check->written;
    return true;
}

static bool is_for_manifest(struct store *store, const struct gc_journal *journal,
                            apr_pool_t *pool)
{
    struct text text;
    struct hash hash;

    if (!store_read(&text, store, MANIFEST_NAME, MANIFEST_SIZE_MAX, pool, NULL))
        return false;
    hash_bytes(&hash, HASH_SHA1, text.bytes, text.length);
    return hash_equals(&hash, &journal->manifest);
}

/* *reason: why the journal must not be carried out; NULL if it may. */
static bool find_objection(const char **reason, bool *found, struct store *store,
                           const char *fqrn, apr_pool_t *pool, struct error *error)
{
    struct check check = {.store = store};
    struct gc_journal journal;
    struct store_status status;

    *reason = NULL;
    if (!store_stat_file(store, GC_JOURNAL_NAME, &status, found, error))
        return false;
    if (!*found)
        return true;
    check.written = status.changed;
    if (!gc_journal_read(&journal, found, store, check_object, &check, pool, error)) {
        *reason = apr_pstrdup(pool, error->message);
        return error->code == ERROR_BAD_FORMAT;
    }
    if (strcmp(journal.fqrn, fqrn) != 0)
        *reason = "it is of another repository";
    else if (!is_for_manifest(store, &journal, pool))
        *reason = "another revision is served now";
    else if (check.is_overtaken)
        *reason = "objects in it were stored again";
    return true;
}

bool gc_recover(bool *finished, struct store *store, const char *fqrn,
                const struct gc_sweep_options *options, apr_pool_t *pool,
                struct error *error)
{
    const char *reason;
    int64_t removed;

    if (!find_objection(&reason, finished, store, fqrn, pool, error))
        return error_prefix(error, "an interrupted garbage collection");
    if (!*finished)
        return true;
    if (reason != NULL) {
        say(options, "An interrupted garbage collection is given up: %s", reason);
        log_write(LOG_LEVEL_WARNING, "repository=%s gc journal dropped: %s", fqrn,
                  reason);
        return gc_journal_drop(store, error);
    }
    say(options, "An earlier garbage collection was cut off, finishing it");
    if (!gc_sweep(&removed, store, options, pool, error))
        return error_prefix(error, "an interrupted garbage collection");
    say(options, "Removed the rest of %lld objects", (long long)removed);
    return true;
}
