/* SPDX-License-Identifier: Apache-2.0 */
/* This server's reflog, kept so that garbage collection, ours or the reference's, finds
 * what was stored. One that is lost or damaged is written anew from what is served. */
#include "libreplica/replicate/snapshot_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"
#include "libreplica/format/history.h"
#include "libreplica/format/reflog.h"
#include "libreplica/store/file.h"
#include "libreplica/store/reflog_file.h"

static bool add(struct reflog *reflog, const struct object *object, struct error *error)
{
    return hash_is_null(&object->hash) ||
           reflog_add(reflog, object, apr_time_sec(apr_time_now()), false, error);
}

static bool add_all(struct snapshot *snapshot, struct reflog *reflog, struct error *error)
{
    struct object objects[MANIFEST_OBJECTS];
    bool ok = true;

    manifest_objects(objects, snapshot->ensemble.manifest);
    for (int i = 0; ok && i < MANIFEST_OBJECTS; i++)
        ok = add(reflog, &objects[i], error);
    for (int i = 0; ok && i < snapshot->tags->nelts; i++) {
        const struct tag *tag = &APR_ARRAY_IDX(snapshot->tags, i, struct tag);
        struct object root = {tag->catalog, OBJECT_CATALOG};

        if (!catalog_walk_was_skipped(snapshot->walk, &tag->catalog))
            ok = add(reflog, &root, error);
    }
    return ok;
}

/* A working copy of our reflog at PATH, opened; without one, or with a damaged one, a new
 * one. */
static bool open_copy(struct reflog **reflog, struct snapshot *snapshot, const char *path,
                      struct error *error)
{
    const char *fqrn = snapshot->options->fqrn;
    struct error problem;
    struct text content;

    if (store_read(&content, snapshot->store, REFLOG_NAME, REFLOG_SIZE_MAX,
                   snapshot->pool, &problem)) {
        if (!file_write(path, content, 0600, error))
            return false;
        if (reflog_open(reflog, path, fqrn, false, snapshot->pool, &problem))
            return true;
        /* A disk that is full says nothing about the reflog: what it knows is kept. */
        if (problem.code != ERROR_BAD_FORMAT && problem.code != ERROR_NAME_MISMATCH) {
            *error = problem;
            return false;
        }
        log_write(LOG_LEVEL_WARNING, "repository=%s reflog is damaged, written anew: %s",
                  fqrn, problem.message);
        unlink(path);
    } else if (problem.code != ERROR_NOT_FOUND) {
        *error = problem;
        return false;
    }
    return reflog_open(reflog, path, fqrn, true, snapshot->pool, error);
}

static bool publish_reflog(struct snapshot *snapshot, const char *path,
                           struct error *error)
{
    struct hash checksum;

    return reflog_file_publish(
        &checksum, snapshot->store, path, snapshot->ensemble.manifest->catalog.algorithm,
        snapshot->options->reflog_checksum_file, snapshot->pool, error);
}

bool snapshot_update_reflog(struct snapshot *snapshot, struct error *error)
{
    struct reflog *reflog;
    const char *path;

    if (!store_scratch_path(&path, snapshot->store, snapshot->pool, error) ||
        !open_copy(&reflog, snapshot, path, error))
        return error_prefix(error, "reflog");
    if (!add_all(snapshot, reflog, error)) {
        reflog_close(reflog, NULL);
        return error_prefix(error, "reflog");
    }
    return (reflog_close(reflog, error) && publish_reflog(snapshot, path, error)) ||
           error_prefix(error, "reflog");
}
