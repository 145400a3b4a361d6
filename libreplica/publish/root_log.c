/* SPDX-License-Identifier: Apache-2.0 */
/* Extending the reflog. */
#include "libreplica/publish/root_log.h"

#include "libreplica/base/log.h"
#include "libreplica/format/reflog.h"
#include "libreplica/store/file.h"
#include "libreplica/store/reflog_file.h"

#define CHECKSUM_SIZE_MAX 256

/* A difference is told, not fatal: a crash may have come between the two files. */
static void check_present(const struct publish_target *target, struct text content,
                          apr_pool_t *pool)
{
    struct hash expected, actual;
    struct error reason;
    struct text text;

    if (!file_read(&text, target->reflog_checksum, CHECKSUM_SIZE_MAX, pool, &reason)) {
        log_write(LOG_LEVEL_WARNING, "reflog-checksum-unreadable reason='%s'",
                  reason.message);
        return;
    }
    while (text.length > 0 && text.bytes[text.length - 1] <= ' ')
        text.length--;
    if (!hash_parse(&expected, text)) {
        log_write(LOG_LEVEL_WARNING, "reflog-checksum-malformed file=%s",
                  target->reflog_checksum);
        return;
    }
    hash_bytes(&actual, expected.algorithm, content.bytes, content.length);
    if (!hash_equals(&actual, &expected))
        log_write(LOG_LEVEL_WARNING, "reflog-checksum-differs file=%s",
                  target->reflog_checksum);
}

/* A copy of the present reflog to work on; *found false: there is none. */
static bool copy_present(bool *found, struct publication *publication, const char *path,
                         apr_pool_t *pool, struct error *error)
{
    struct store_status status;
    struct text content;

    if (!store_stat_file(publication->store, REFLOG_NAME, &status, found, error))
        return false;
    if (!*found)
        return true;
    if (!store_read(&content, publication->store, REFLOG_NAME, REFLOG_SIZE_MAX, pool,
                    error))
        return false;
    check_present(publication->target, content, pool);
    return file_replace(path, content, 0600, pool, error);
}

/* Garbage collection takes it from the time stamps until when the one before was in use:
 * they are those of the end of this run. A root that stays does not become younger, but
 * what else is still in use does. */
static bool add_all(struct reflog *reflog, const struct manifest *next,
                    int64_t present_seconds, struct error *error)
{
    const struct object objects[] = {
        {next->catalog, OBJECT_CATALOG},
        {next->certificate, OBJECT_CERTIFICATE},
        {next->history, OBJECT_HISTORY},
        {next->metainfo, OBJECT_METAINFO},
    };

    for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++)
        if (!hash_is_null(&objects[i].hash) &&
            !reflog_add(reflog, &objects[i], present_seconds,
                        objects[i].type != OBJECT_CATALOG, error))
            return false;
    return true;
}

bool root_log_extend(struct publication *publication, struct manifest *next,
                     apr_pool_t *pool, struct error *error)
{
    struct reflog *reflog;
    const char *path;
    bool found;

    if (!store_scratch_path(&path, publication->store, pool, error) ||
        !copy_present(&found, publication, path, pool, error))
        return false;
    return reflog_open(&reflog, path, publication->target->fqrn, !found, pool, error) &&
           add_all(reflog, next, publication_present_seconds(publication), error) &&
           reflog_close(reflog, error) &&
           reflog_file_publish(&next->reflog, publication->store, path,
                               next->catalog.algorithm,
                               publication->target->reflog_checksum, pool, error);
}
