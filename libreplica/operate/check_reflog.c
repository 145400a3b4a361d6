/* SPDX-License-Identifier: Apache-2.0 */
/* The reflog of a check: against its checksum and against the manifest. */
#include "libreplica/operate/check_internal.h"

#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/history.h"
#include "libreplica/format/reflog.h"
#include "libreplica/operate/journal.h"
#include "libreplica/store/file.h"
#include "libreplica/store/reflog_file.h"

#define CHECKSUM_SIZE_MAX 256

struct inspection {
    struct check *check;
    const char *copy;    /* a working copy of the reflog, if there is one */
    bool is_usable;      /* the copy can be opened */
    const char *problem; /* NULL: all is well */
};

static const char *checksum_file(const struct inspection *inspection, apr_pool_t *pool)
{
    return repository_reflog_checksum_file(inspection->check->repository, pool);
}

/* *checksum is the null hash if there is none that can be read. */
static bool read_checksum(struct hash *checksum, const struct inspection *inspection,
                          apr_pool_t *pool, struct error *error)
{
    struct text content;

    memset(checksum, 0, sizeof(*checksum));
    if (!file_read(&content, checksum_file(inspection, pool), CHECKSUM_SIZE_MAX, pool,
                   error))
        return error->code == ERROR_NOT_FOUND;
    while (content.length > 0 && content.bytes[content.length - 1] <= ' ')
        content.length--;
    if (!hash_parse(checksum, content))
        memset(checksum, 0, sizeof(*checksum));
    return true;
}

static bool find_entries(struct inspection *inspection, struct reflog *reflog,
                         apr_pool_t *pool, struct error *error)
{
    struct object objects[MANIFEST_OBJECTS];
    char name[OBJECT_NAME_SIZE];
    bool found;

    manifest_objects(objects, inspection->check->manifest);
    for (int i = 0; i < MANIFEST_OBJECTS && inspection->problem == NULL; i++) {
        if (hash_is_null(&objects[i].hash))
            continue;
        if (!reflog_contains(reflog, &objects[i], &found, error))
            return false;
        if (!found)
            inspection->problem =
                apr_pstrcat(inspection->check->pool, "it lacks ",
                            object_name(name, &objects[i]), " of the manifest", NULL);
    }
    return true;
}

/* A tag whose catalogs the origin had already lost never came here: nothing is missing,
 * but for the origin itself. */
static bool forget_absent_tags(struct check *check, struct reflog *reflog,
                               struct error *error)
{
    struct store_status status;
    bool stored, known = true;

    if (check->repository->kind == REPOSITORY_STRATUM0)
        return true;
    for (int i = 0; i < check->tags->nelts; i++) {
        struct tag *tag = &APR_ARRAY_IDX(check->tags, i, struct tag);
        struct object root = {tag->catalog, OBJECT_CATALOG};

        if (!store_stat(check->store, &root, &status, &stored, error) ||
            (!stored && !reflog_contains(reflog, &root, &known, error)))
            return false;
        if (!stored && !known)
            memset(&tag->catalog, 0, sizeof(tag->catalog));
    }
    return true;
}

static void look_into(struct inspection *inspection, apr_pool_t *pool)
{
    struct reflog *reflog;
    struct error problem;

    inspection->is_usable =
        reflog_open(&reflog, inspection->copy, inspection->check->repository->fqrn, false,
                    pool, &problem);
    if (inspection->is_usable) {
        if (!find_entries(inspection, reflog, pool, &problem) ||
            !forget_absent_tags(inspection->check, reflog, &problem))
            inspection->is_usable = false;
        reflog_close(reflog, NULL);
    }
    if (!inspection->is_usable)
        inspection->problem = apr_pstrdup(inspection->check->pool, problem.message);
}

static void compare_checksums(struct inspection *inspection, struct text content,
                              const struct hash *stored)
{
    enum hash_algorithm algorithm = !hash_is_null(stored)
                                        ? stored->algorithm
                                        : inspection->check->manifest->catalog.algorithm;
    char found[HASH_TEXT_SIZE], expected[HASH_TEXT_SIZE];
    struct hash hash;

    hash_bytes(&hash, algorithm, content.bytes, content.length);
    if (hash_is_null(stored))
        inspection->problem = "it has no checksum";
    else if (!hash_equals(&hash, stored))
        inspection->problem = apr_psprintf(
            inspection->check->pool, "it has the unexpected hash %s (expected %s)",
            hash_format(found, &hash), hash_format(expected, stored));
}

static bool inspect(struct inspection *inspection, apr_pool_t *pool, struct error *error)
{
    struct check *check = inspection->check;
    struct hash stored;
    struct text content;

    inspection->problem = NULL;
    inspection->is_usable = false;
    unlink(inspection->copy);
    if (!read_checksum(&stored, inspection, pool, error))
        return false;
    if (!store_read(&content, check->store, REFLOG_NAME, REFLOG_SIZE_MAX, pool, error)) {
        if (error->code != ERROR_NOT_FOUND)
            return false;
        /* One who never collects may do without. */
        if (!hash_is_null(&stored) || check->manifest->garbage_collectable)
            inspection->problem = "it is missing";
        return true;
    }
    if (!file_write(inspection->copy, content, 0600, error))
        return false;
    look_into(inspection, pool);
    if (inspection->problem == NULL)
        compare_checksums(inspection, content, &stored);
    return true;
}

static bool add_objects(struct check *check, struct reflog *reflog, struct error *error)
{
    int64_t now = apr_time_sec(apr_time_now());
    struct object objects[MANIFEST_OBJECTS];
    struct store_status status;
    bool found;

    manifest_objects(objects, check->manifest);
    for (int i = 0; i < MANIFEST_OBJECTS; i++)
        if (!hash_is_null(&objects[i].hash) &&
            !reflog_add(reflog, &objects[i], now, false, error))
            return false;
    for (int i = 0; i < check->tags->nelts; i++) {
        struct object root = {APR_ARRAY_IDX(check->tags, i, struct tag).catalog,
                              OBJECT_CATALOG};

        found = !hash_is_null(&root.hash);
        if ((found && !store_stat(check->store, &root, &status, &found, error)) ||
            (found && !reflog_add(reflog, &root, now, false, error)))
            return false;
    }
    return true;
}

/* From what can still be read of it, and from what is served. */
static bool rebuild(struct inspection *inspection, apr_pool_t *pool, struct error *error)
{
    struct check *check = inspection->check;
    struct reflog *reflog;
    struct hash checksum;
    bool ok;

    if (!inspection->is_usable)
        unlink(inspection->copy);
    if (!reflog_open(&reflog, inspection->copy, check->repository->fqrn,
                     !inspection->is_usable, pool, error))
        return false;
    ok = add_objects(check, reflog, error);
    return reflog_close(reflog, ok ? error : NULL) && ok &&
           reflog_file_publish(&checksum, check->store, inspection->copy,
                               check->manifest->catalog.algorithm,
                               checksum_file(inspection, pool), pool, error);
}

static bool repair(struct inspection *inspection, apr_pool_t *pool, struct error *error)
{
    const char *name = inspection->check->repository->local_name;

    journal_write(name, "reference log reconstruction started");
    if (!rebuild(inspection, pool, error)) {
        journal_write(name, "failed to reconstruct reference log");
        return error_prefix(error, "reflog");
    }
    journal_write(name, "successfully reconstructed reference log");
    check_repaired(inspection->check, CHECK_REFLOG, "%s and its checksum", REFLOG_NAME);
    return true;
}

/* A snapshot writes the reflog and then its checksum: what does not fit may only be in
 * between, so look again while none is running. */
static bool inspect_again(struct inspection *inspection, apr_pool_t *pool,
                          struct error *error)
{
    struct check *check = inspection->check;
    struct lock *lock;
    bool ok;

    if (!lock_wait(&lock, repository_update_lock(check->repository, pool),
                   check->options->stop, pool, error))
        return false;
    ok = inspect(inspection, pool, error);
    lock_release(lock);
    return ok;
}

static bool check_in(struct inspection *inspection, apr_pool_t *pool, struct error *error)
{
    struct check *check = inspection->check;

    inspection->copy = apr_pstrcat(pool, check->scratch, "/reflog", NULL);
    check_say(check, "Inspecting log of references");
    if (!inspect(inspection, pool, error) ||
        (inspection->problem != NULL && check->update_lock == NULL &&
         !inspect_again(inspection, pool, error)))
        return error_prefix(error, "reflog");
    if (inspection->problem == NULL)
        return true;
    check_find(check, CHECK_REFLOG, "%s: %s", REFLOG_NAME, inspection->problem);
    return !check->options->repairs_reflog || repair(inspection, pool, error);
}

bool check_reflog(struct check *check, struct error *error)
{
    struct inspection inspection = {.check = check};
    apr_pool_t *own;
    bool ok;

    apr_pool_create(&own, check->pool);
    ok = check_in(&inspection, own, error);
    if (inspection.copy != NULL)
        unlink(inspection.copy);
    apr_pool_destroy(own);
    return ok;
}
