/* SPDX-License-Identifier: Apache-2.0 */
/* Noticing that a repository's compressor is another one than before. */
#include "libreplica/publish/compressor_record.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"
#include "libreplica/store/file.h"

#define RECORD_SIZE_MAX 64

static const char *record_path(const struct publish_target *target, apr_pool_t *pool)
{
    const char *slash = strrchr(target->reflog_checksum, '/');

    return apr_pstrcat(pool,
                       apr_pstrmemdup(pool, target->reflog_checksum,
                                      (size_t)(slash - target->reflog_checksum)),
                       "/compressor", NULL);
}

/* As `isal 0badcafe`. */
static const char *describe(enum compressor_kind kind, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s %08x", compressor_kind_name(kind),
                        compressor_fingerprint(kind));
}

static bool read_record(const char **record, const struct publish_target *target,
                        apr_pool_t *pool, struct error *error)
{
    struct error reason;
    struct text text;

    if (file_read(&text, record_path(target, pool), RECORD_SIZE_MAX, pool, &reason)) {
        while (text.length > 0 && text.bytes[text.length - 1] == '\n')
            text.length--;
        *record = text_for_people(text, RECORD_SIZE_MAX, pool);
        return true;
    }
    *record = NULL;
    if (reason.code != ERROR_NOT_FOUND && error != NULL)
        *error = reason;
    return reason.code == ERROR_NOT_FOUND;
}

bool compressor_record_check(const struct publish_target *target, apr_pool_t *pool,
                             struct error *error)
{
    const char *present = describe(target->compressor, pool), *record;

    if (!read_record(&record, target, pool, error))
        return false;
    if (record == NULL)
        record = describe(COMPRESSOR_ZLIB, pool);
    if (strcmp(record, present) != 0)
        log_write(LOG_LEVEL_WARNING,
                  "publish-compressor-changed repository=%s was='%s' is='%s': contents "
                  "that are published again get new names and are stored once more",
                  target->fqrn, record, present);
    return true;
}

bool compressor_record_write(const struct publish_target *target, apr_pool_t *pool,
                             struct error *error)
{
    const char *present = describe(target->compressor, pool), *record;

    if (!read_record(&record, target, pool, error))
        return false;
    if (record != NULL && strcmp(record, present) == 0)
        return true;
    return file_replace(record_path(target, pool),
                        text_of(apr_pstrcat(pool, present, "\n", NULL)), 0644, pool,
                        error);
}
