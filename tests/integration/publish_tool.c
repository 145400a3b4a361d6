/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing from the command line, without configuration: for tests and benches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <apr_general.h>

#include "libreplica/publish/whitelists.h"
#include "tests/integration/tool_options.h"

static const char usage[] =
    "publish_tool create|ingest|resign FOLDER FQRN [directory] [option=value...]\n"
    "  FOLDER holds storage, spool and keys; options: hash, compression, minimum,\n"
    "  average, maximum, chunks, whole, xattrs, balance, heavy, light, tags, "
    "collectable,\n"
    "  ttl, workers, now, days\n";

static bool run(int argc, char **argv, apr_pool_t *pool, struct error *error)
{
    struct publish_target target;
    struct publish_beginning beginning = {0};
    struct whitelist_terms terms = {.days = 30};
    struct publish_result result;
    int64_t now = apr_time_sec(apr_time_now()), days = terms.days;

    tool_number(&now, argc, argv, "now");
    tool_number(&days, argc, argv, "days");
    terms.days = (int)days;
    if (!tool_target(&target, argc, argv, pool, error))
        return false;
    if (strcmp(argv[1], "create") == 0)
        return publish_create_keys(&target, apr_time_from_sec(now), pool, error) &&
               publish_create_repository(&target, &beginning, apr_time_from_sec(now),
                                         pool, error);
    if (strcmp(argv[1], "resign") == 0)
        return publish_sign_whitelist(&target, &terms, apr_time_from_sec(now), pool,
                                      error);
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
    tool_show_log();
    apr_pool_create(&pool, NULL);
    ok = run(argc, argv, pool, &error);
    if (!ok)
        fprintf(stderr, "%s\n", error.message);
    apr_pool_destroy(pool);
    return ok ? 0 : 1;
}
