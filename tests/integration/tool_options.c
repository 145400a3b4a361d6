/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of the publishing tools. */
#include "tests/integration/tool_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"
#include "libreplica/format/compress.h"

static void show_log(void *baton, enum log_level level, const char *line)
{
    fprintf(stderr, "%s: %s\n", log_level_name(level), line);
}

const char *tool_option(int argc, char **argv, const char *name, const char *fallback)
{
    size_t length = strlen(name);

    for (int i = 4; i < argc; i++)
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
            return argv[i] + length + 1;
    return fallback;
}

void tool_number(int64_t *value, int argc, char **argv, const char *name)
{
    const char *text = tool_option(argc, argv, name, NULL);

    if (text != NULL)
        *value = atoll(text);
}

static void flag(bool *value, int argc, char **argv, const char *name)
{
    const char *text = tool_option(argc, argv, name, NULL);

    if (text != NULL)
        *value = strcmp(text, "yes") == 0;
}

static bool read_options(struct publish_target *target, int argc, char **argv,
                         struct error *error)
{
    int64_t workers = 0;

    tool_number(&target->minimum_chunk, argc, argv, "minimum");
    tool_number(&target->average_chunk, argc, argv, "average");
    tool_number(&target->maximum_chunk, argc, argv, "maximum");
    tool_number(&target->maximum_weight, argc, argv, "heavy");
    tool_number(&target->minimum_weight, argc, argv, "light");
    tool_number(&target->ttl_seconds, argc, argv, "ttl");
    tool_number(&workers, argc, argv, "workers");
    target->workers = (int)workers;
    flag(&target->chunks_files, argc, argv, "chunks");
    flag(&target->keeps_whole_files, argc, argv, "whole");
    flag(&target->includes_xattrs, argc, argv, "xattrs");
    flag(&target->balances_catalogs, argc, argv, "balance");
    flag(&target->makes_automatic_tags, argc, argv, "tags");
    flag(&target->is_garbage_collectable, argc, argv, "collectable");
    if (!hash_algorithm_parse(&target->algorithm,
                              tool_option(argc, argv, "hash", "sha1")) ||
        !compression_parse(&target->compression,
                           tool_option(argc, argv, "compression", "zlib")))
        return error_set(error, ERROR_USAGE, "unknown hash or compression");
    return compressor_kind_parse(&target->compressor,
                                 tool_option(argc, argv, "compressor", "zlib")) ||
           error_set(error, ERROR_USAGE, "unknown compressor");
}

bool tool_target(struct publish_target *target, int argc, char **argv, apr_pool_t *pool,
                 struct error *error)
{
    publish_target_default(target, argv[3], apr_pstrcat(pool, argv[2], "/storage", NULL),
                           apr_pstrcat(pool, argv[2], "/spool", NULL),
                           apr_pstrcat(pool, argv[2], "/keys", NULL), pool);
    return read_options(target, argc, argv, error);
}

void tool_show_log(void)
{
    log_set_sink(show_log, NULL, LOG_LEVEL_WARNING);
}
