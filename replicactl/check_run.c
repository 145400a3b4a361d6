/* SPDX-License-Identifier: Apache-2.0 */
/* One check and its last lines. */
#include "replicactl/check_run.h"

#include <apr_strings.h>

#include "libreplica/store/public_key.h"

static void say_found(const struct check_options *options,
                      const struct check_result *result, apr_pool_t *pool)
{
    for (int i = 0; i < CHECK_KINDS; i++)
        if (result->found[i] > 0)
            options->say(options->baton,
                         apr_psprintf(pool,
                                      "%" APR_INT64_T_FMT " %s, %" APR_INT64_T_FMT
                                      " of them repaired",
                                      (apr_int64_t)result->found[i],
                                      check_kind_name((enum check_kind)i),
                                      (apr_int64_t)result->repaired[i]));
}

static const char *verdict(const struct check_result *result)
{
    if (check_result_open(result) > 0)
        return "CATALOG PROBLEMS OR OTHER ERRORS FOUND";
    for (int i = 0; i < CHECK_KINDS; i++)
        if (result->found[i] > 0)
            return "all problems are repaired";
    return "no problems found";
}

bool check_run(bool *clean, const struct command_context *context,
               const struct repository *repository, const struct check_options *options,
               struct error *error)
{
    struct check_options with_key = *options;
    apr_pool_t *pool = context->pool;
    struct check_result result;
    bool ok;

    *clean = false;
    if (!public_key_of(&with_key.public_key, repository, context->confdir,
                       command_keys_directory(context), pool, error))
        return false;
    options->say(options->baton, apr_psprintf(pool, "Verifying integrity of %s...",
                                              repository->local_name));
    ok = check_repository(&result, repository, &with_key, pool, error);
    options->say(options->baton,
                 apr_psprintf(pool,
                              "%" APR_INT64_T_FMT " catalogs, %" APR_INT64_T_FMT
                              " objects checked",
                              (apr_int64_t)result.catalogs, (apr_int64_t)result.objects));
    say_found(options, &result, pool);
    if (ok)
        options->say(options->baton, verdict(&result));
    *clean = ok && check_result_open(&result) == 0;
    return ok;
}
