/* SPDX-License-Identifier: Apache-2.0 */
/* Where a repository is that is to be published here. */
#include "replicactl/new_stratum0.h"

#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

bool new_stratum0_check_name(const char *fqrn, const struct command_context *context,
                             struct error *error)
{
    const char *server = apr_pstrcat(context->pool, context->confdir, "/repositories.d/",
                                     fqrn, "/server.conf", NULL);

    if (!text_is_repository_name(text_of(fqrn)))
        return error_set(error, ERROR_USAGE, "invalid repository name: %s",
                         text_for_people(text_of(fqrn), 100, context->pool));
    return access(server, F_OK) != 0 ||
           error_set(error, ERROR_EXISTS, "The repository %s already exists", fqrn);
}

/* Temporary files are always in the storage, where they can be renamed from. */
static bool choose_storage(struct stratum0_configuration *configuration,
                           const char *upstream, apr_pool_t *pool, struct error *error)
{
    const char *temporary, *usual;

    if (!repository_parse_upstream(&temporary, &configuration->storage, upstream, pool,
                                   error))
        return false;
    usual = repository_format_upstream(configuration->storage, pool);
    return strcmp(usual, upstream) == 0 ||
           error_set(error, ERROR_UNSUPPORTED,
                     "-u: the temporary directory has to be the storage's own: %s",
                     usual);
}

bool new_stratum0_places(struct stratum0_configuration *configuration,
                         const char *upstream, const struct command_context *context,
                         struct error *error)
{
    const struct settings *server = context->server;
    const char *fqrn = configuration->fqrn;
    apr_pool_t *pool = context->pool;

    if (configuration->url == NULL)
        configuration->url = apr_pstrcat(pool, "http://localhost/cvmfs/", fqrn, NULL);
    configuration->spool = apr_pstrcat(
        pool, settings_text(server, SETTING_SERVER_SPOOL_DIR), "/", fqrn, NULL);
    configuration->keys = command_keys_directory(context);
    configuration->storage =
        apr_pstrcat(pool, settings_text(server, SETTING_STORAGE_DIR), "/", fqrn, NULL);
    return upstream == NULL || choose_storage(configuration, upstream, pool, error);
}
