/* SPDX-License-Identifier: Apache-2.0 */
/* The named snapshots of an origin. */
#include "libreplica/replicate/snapshot_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libreplica/format/history.h"
#include "libreplica/replicate/object_transfer.h"
#include "libreplica/store/file.h"

bool snapshot_inflate_object(const char *path, struct snapshot *snapshot,
                             const struct object *object, struct error *error)
{
    int64_t size;
    bool ok;
    int from;

    if (!store_open_object(&from, snapshot->store, object, error))
        return false;
    ok = file_inflate(&size, path, from, snapshot->options->max_catalog_bytes, error);
    close(from);
    return ok;
}

static bool read_tags(struct snapshot *snapshot, const struct object *object,
                      struct error *error)
{
    const char *path, *fqrn;
    struct hash previous;

    if (!store_scratch_path(&path, snapshot->store, snapshot->pool, error) ||
        !snapshot_inflate_object(path, snapshot, object, error) ||
        !history_read(&fqrn, &previous, &snapshot->tags, path, snapshot->pool, error))
        return false;
    if (strcmp(fqrn, snapshot->options->fqrn) != 0)
        return error_set(error, ERROR_NAME_MISMATCH, "is for '%s', not for '%s'",
                         text_for_people(text_of(fqrn), 60, snapshot->pool),
                         snapshot->options->fqrn);
    return true;
}

bool snapshot_fetch_tags(struct snapshot *snapshot, struct error *error)
{
    struct object object = {snapshot->ensemble.manifest->history, OBJECT_HISTORY};
    char name[OBJECT_NAME_SIZE];

    snapshot->tags = apr_array_make(snapshot->pool, 0, sizeof(struct tag));
    if (hash_is_null(&object.hash))
        return true;
    if (!object_fetch(snapshot->store, snapshot->fetcher, &object,
                      snapshot->options->max_object_bytes, snapshot->pool, error))
        return error_prefix(error, "tag database");
    if (!read_tags(snapshot, &object, error))
        return error_prefix(error, "tag database %s", object_name(name, &object));
    snapshot->result->tags = snapshot->tags->nelts;
    snapshot_say(snapshot, "Found %d named snapshots", snapshot->tags->nelts);
    return true;
}
