/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing from the command line, without configuration: for tests and benches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"
#include "libreplica/format/compress.h"
#include "libreplica/publish/publish.h"

static const char usage[] =
    "publish_tool create|ingest|resign FOLDER FQRN [directory] [option=value...]\n"
    "  FOLDER holds storage, spool and keys; options: hash, compression, minimum,\n"
    "  average, maximum, chunks, whole, xattrs, tags, collectable, ttl, workers, now\n";

static void show_log(void *baton, enum log_level level, const char *line)
{
    fprintf(stderr, "%s: %s\n", log_level_name(level), line);
}

static const char *option(int argc, char **argv, const char *name, const char *fallback)
{
    size_t length = strlen(name);

    for (int i = 4; i < argc; i++)
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
            return argv[i] + length + 1;
    return fallback;
}

static void number(int64_t *value, int argc, char **argv, const char *name)
{
    const char *text = option(argc, argv, name, NULL);

    if (text != NULL)
        *value = atoll(text);
}

static void flag(bool *value, int argc, char **argv, const char *name)
{
    const char *text = option(argc, argv, name, NULL);

    if (text != NULL)
        *value = strcmp(text, "yes") == 0;
}

static bool read_options(struct publish_target *target, int argc, char **argv,
                         struct error *error)
{
    int64_t workers = 0;

    number(&target->minimum_chunk, argc, argv, "minimum");
    number(&target->average_chunk, argc, argv, "average");
    number(&target->maximum_chunk, argc, argv, "maximum");
    number(&target->ttl_seconds, argc, argv, "ttl");
    number(&workers, argc, argv, "workers");
    target->workers = (int)workers;
    flag(&target->chunks_files, argc, argv, "chunks");
    flag(&target->keeps_whole_files, argc, argv, "whole");
    flag(&target->includes_xattrs, argc, argv, "xattrs");
    flag(&target->makes_automatic_tags, argc, argv, "tags");
    flag(&target->is_garbage_collectable, argc, argv, "collectable");
    if (!hash_algorithm_parse(&target->algorithm, option(argc, argv, "hash", "sha1")) ||
        !compression_parse(&target->compression,
                           option(argc, argv, "compression", "zlib")))
        return error_set(error, ERROR_USAGE, "unknown hash or compression");
    return true;
}

static bool run(int argc, char **argv, apr_pool_t *pool, struct error *error)
{
    struct publish_target target;
    struct publish_result result;
    int64_t now = apr_time_sec(apr_time_now());

    number(&now, argc, argv, "now");
    publish_target_default(&target, argv[3], apr_pstrcat(pool, argv[2], "/storage", NULL),
                           apr_pstrcat(pool, argv[2], "/spool", NULL),
                           apr_pstrcat(pool, argv[2], "/keys", NULL), pool);
    if (!read_options(&target, argc, argv, error))
        return false;
    if (strcmp(argv[1], "create") == 0)
        return publish_create_keys(&target, apr_time_from_sec(now), pool, error) &&
               publish_create_repository(&target, NULL, true, apr_time_from_sec(now),
                                         pool, error);
    if (strcmp(argv[1], "resign") == 0)
        return publish_sign_whitelist(&target, apr_time_from_sec(now), 30, pool, error);
    if (!publish_directory(&result, &target, argv[4], apr_time_from_sec(now), NULL, pool,
                           error))
        return false;
    printf("revision %lld entries %lld catalogs %lld stored %lld bytes %lld\n",
           (long long)result.revision, (long long)result.entries,
           (long long)result.catalogs, (long long)result.catalogs_stored,
           (long long)result.bytes);
    return true;
}

int main(int argc, char **argv)
{
    struct error error;
    apr_pool_t *pool;
    bool ok;

    apr_initialize();
    atexit(apr_terminate);
    if (argc < 4 || (strcmp(argv[1], "ingest") == 0 && argc < 5)) {
        fputs(usage, stderr);
        return 2;
    }
    log_set_sink(show_log, NULL, LOG_LEVEL_WARNING);
    apr_pool_create(&pool, NULL);
    ok = run(argc, argv, pool, &error);
    if (!ok)
        fprintf(stderr, "%s\n", error.message);
    apr_pool_destroy(pool);
    return ok ? 0 : 1;
}
