/* SPDX-License-Identifier: Apache-2.0 */
/* Writing ttl.json. */
#include "libreplica/operate/ttl_manifest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>

#include "libreplica/base/log.h"
#include "libreplica/format/upload_path.h"
#include "libreplica/store/expiry.h"

#define MICROSECONDS 1000000.0

struct listing {
    struct changes *changes;
    json_t *files;
};

bool ttl_manifest_is_wanted(const struct repository *repository)
{
    return settings_boolean(repository->settings, SETTING_TTL_MANIFEST);
}

/* Whether what is there is what the record was written for. The chunks of a file are not
 * compared: two files of one size and time at one place are told apart when it expires.
 */
static bool counts(const struct expiry_record *record, const struct catalog_entry *entry)
{
    struct expiry_content content = {
        .size = entry->size, .mtime_seconds = entry->mtime_seconds, .hash = entry->hash};

    if (S_ISDIR(entry->mode)) {
        content.size = EXPIRY_TREE;
        content.hash = (struct hash){HASH_UNSET};
    } else if (!S_ISREG(entry->mode)) {
        return false;
    }
    return expiry_content_fits(record->content, &content,
                               (entry->flags & CATALOG_CHUNKED) == 0);
}

static bool list_record(void *baton, const struct expiry_record *record,
                        apr_time_t expires_at, struct error *error)
{
    struct listing *listing = baton;
    struct catalog_entry entry;
    bool found;

    if (!changes_lookup(listing->changes, &found, &entry, record->path, error))
        return false;
    if (found && counts(record, &entry))
        json_object_set_new(
            listing->files, record->path + 1,
            json_pack("{s:f}", "expires_at", (double)expires_at / MICROSECONDS));
    return true;
}

static bool put_text(struct changes *changes, json_t *files, apr_time_t now,
                     struct error *error)
{
    struct change_attributes attributes = {.mode = 0644,
                                           .uid = geteuid(),
                                           .gid = getegid(),
                                           .mtime_seconds = apr_time_sec(now)};
    char *text = json_dumps(files, JSON_COMPACT | JSON_REAL_PRECISION(16));
    bool ok = text != NULL
                  ? changes_put_text(changes, UPLOAD_RESERVED, text_of(text), &attributes,
                                     error)
                  : error_set(error, ERROR_IO, "no memory for %s", UPLOAD_RESERVED);

    free(text);
    return ok;
}

static bool put_listing(struct changes *changes, const struct repository *repository,
                        apr_time_t now, apr_pool_t *pool, struct error *error)
{
    struct listing listing = {changes, json_object()};
    struct expiry *expiry;
    bool ok = expiry_open(&expiry, repository->spool, pool, error) &&
              expiry_each(expiry, list_record, &listing, pool, error) &&
              put_text(changes, listing.files, now, error);

    json_decref(listing.files);
    return ok;
}

bool ttl_manifest_put(struct changes *changes, const struct repository *repository,
                      apr_time_t now, apr_pool_t *pool, struct error *error)
{
    bool is_directory;

    if (!ttl_manifest_is_wanted(repository))
        return true;
    if (!changes_has_directory(&is_directory, changes, UPLOAD_RESERVED, error))
        return false;
    if (!is_directory)
        return put_listing(changes, repository, now, pool, error);
    log_write(LOG_LEVEL_WARNING, "ttl-manifest repository=%s: %s is a directory",
              repository->local_name, UPLOAD_RESERVED);
    return true;
}
