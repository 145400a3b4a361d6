/* SPDX-License-Identifier: Apache-2.0 */
/* Which master public keys a repository is read with. */
#include "libreplica/store/public_key.h"

#include <apr_strings.h>

bool public_key_of(const char **setting, const struct repository *repository,
                   const char *confdir, const char *keys, apr_pool_t *pool,
                   struct error *error)
{
    struct settings *client = settings_create(pool);
    const char *path = apr_pstrcat(pool, confdir, "/repositories.d/",
                                   repository->local_name, "/client.conf", NULL);

    *setting = settings_text(repository->settings, SETTING_PUBLIC_KEY);
    if (**setting != '\0' || repository->kind != REPOSITORY_STRATUM0)
        return true;
    if (!settings_read(client, SETTING_SCOPE_REPOSITORY, path, false, error))
        return false;
    *setting = settings_text(client, SETTING_PUBLIC_KEY);
    if (**setting == '\0')
        *setting = apr_pstrcat(pool, keys, "/", repository->fqrn, ".pub", NULL);
    return true;
}
