/* SPDX-License-Identifier: Apache-2.0 */
/* What to publish to, from a repository's configuration. */
#include "libreplica/publish/publish.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/date_phrase.h"
#include "libreplica/format/chunker.h"
#include "libreplica/format/compress.h"

static bool read_settings(struct publish_target *target, const struct settings *settings,
                          struct error *error)
{
    const char *algorithm = settings_text(settings, SETTING_HASH_ALGORITHM);
    const char *compression = settings_text(settings, SETTING_COMPRESSION_ALGORITHM);
    const apr_time_t any_time = apr_time_from_sec(2000000000);
    struct chunker chunker;
    apr_time_t unused;

    if (!hash_algorithm_parse(&target->algorithm, algorithm))
        return error_set(error, ERROR_SETTING,
                         "CVMFS_HASH_ALGORITHM='%s': use sha1, rmd160 or shake128",
                         algorithm);
    if (!compression_parse(&target->compression, compression))
        return error_set(error, ERROR_SETTING,
                         "CVMFS_COMPRESSION_ALGORITHM='%s': use default, zlib or none",
                         compression);
    if (!compressor_kind_parse(&target->compressor,
                               settings_text(settings, SETTING_COMPRESSOR)))
        return error_set(error, ERROR_SETTING,
                         "REPLICA_COMPRESSOR='%s': use zlib or isal",
                         settings_text(settings, SETTING_COMPRESSOR));
    if (!compressor_kind_check(target->compressor, error))
        return error_prefix(error, "REPLICA_COMPRESSOR");
    target->chunks_files = settings_boolean(settings, SETTING_USE_FILE_CHUNKING);
    target->keeps_whole_files =
        settings_boolean(settings, SETTING_GENERATE_LEGACY_BULK_CHUNKS);
    target->minimum_chunk = settings_number(settings, SETTING_MIN_CHUNK_SIZE);
    target->average_chunk = settings_number(settings, SETTING_AVG_CHUNK_SIZE);
    target->maximum_chunk = settings_number(settings, SETTING_MAX_CHUNK_SIZE);
    target->includes_xattrs = settings_boolean(settings, SETTING_INCLUDE_XATTRS);
    target->balances_catalogs = settings_boolean(settings, SETTING_AUTOCATALOGS);
    target->maximum_weight = settings_number(settings, SETTING_AUTOCATALOGS_MAX_WEIGHT);
    target->minimum_weight = settings_number(settings, SETTING_AUTOCATALOGS_MIN_WEIGHT);
    /* Named revisions are never garbage. */
    target->keeps_previous = !settings_boolean(settings, SETTING_PROMPT_GC);
    target->makes_automatic_tags = settings_boolean(settings, SETTING_AUTO_TAG);
    target->automatic_tags_since = settings_text(settings, SETTING_AUTO_TAG_TIMESPAN);
    if (*target->automatic_tags_since != '\0' &&
        !date_phrase_parse(&unused, text_of(target->automatic_tags_since), any_time,
                           error))
        return error_prefix(error, "CVMFS_AUTO_TAG_TIMESPAN");
    target->event_log = settings_text(settings, SETTING_EVENT_LOG);
    target->is_garbage_collectable =
        settings_boolean(settings, SETTING_GARBAGE_COLLECTION);
    target->skips_barriers =
        strcmp(settings_text(settings, SETTING_SYNCFS_LEVEL), "none") == 0;
    target->ttl_seconds = settings_number(settings, SETTING_REPOSITORY_TTL);
    target->whitelist_days = (int)settings_number(settings, SETTING_WHITELIST_DAYS);
    return !target->chunks_files ||
           chunker_start(&chunker, target->minimum_chunk, target->average_chunk,
                         target->maximum_chunk, error);
}

void publish_target_default(struct publish_target *target, const char *fqrn,
                            const char *storage, const char *spool, const char *keys,
                            apr_pool_t *pool)
{
    *target = (struct publish_target){
        .fqrn = fqrn,
        .storage = storage,
        .reflog_checksum = apr_pstrcat(pool, spool, "/reflog.chksum", NULL),
        .keys = keys,
    };
    /* Defaults are valid; a unit test reads them all. */
    read_settings(target, settings_create(pool), NULL);
}

bool publish_target_of(struct publish_target *target, const struct repository *repository,
                       const char *keys, apr_pool_t *pool, struct error *error)
{
    if (repository->kind != REPOSITORY_STRATUM0)
        return error_set(error, ERROR_UNSUPPORTED,
                         "repository %s is a replica; only a Stratum 0 can be published",
                         repository->local_name);
    *target = (struct publish_target){
        .fqrn = repository->fqrn,
        .storage = repository->storage,
        .temporary = repository->temporary,
        .reflog_checksum = repository_reflog_checksum_file(repository, pool),
        .keys = keys,
    };
    return read_settings(target, repository->settings, error) ||
           error_prefix(error, "repository %s", repository->local_name);
}
