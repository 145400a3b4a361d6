/* SPDX-License-Identifier: Apache-2.0 */
/* Looking users up. */
#include "libreplica/operate/owner.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>
#include <apr_strings.h>

#define PASSWORD_BUFFER_SIZE (64 * 1024)

bool owner_find(struct owner *owner, const char *name, apr_pool_t *pool,
                struct error *error)
{
    char *buffer = apr_palloc(pool, PASSWORD_BUFFER_SIZE);
    struct passwd entry, *found = NULL;
    int status = getpwnam_r(name, &entry, buffer, PASSWORD_BUFFER_SIZE, &found);

    if (found == NULL && (status == 0 || status == ENOENT || status == ESRCH))
        return error_set(error, ERROR_NOT_FOUND, "No user %s", name);
    if (found == NULL)
        return error_set_errno(error, status, "cannot look up the user %s", name);
    *owner = (struct owner){apr_pstrdup(pool, name), entry.pw_uid};
    return true;
}

const char *owner_current_name(apr_pool_t *pool)
{
    char *buffer = apr_palloc(pool, PASSWORD_BUFFER_SIZE);
    struct passwd entry, *found = NULL;

    getpwuid_r(geteuid(), &entry, buffer, PASSWORD_BUFFER_SIZE, &found);
    return found != NULL ? apr_pstrdup(pool, found->pw_name)
                         : apr_psprintf(pool, "%lu", (unsigned long)geteuid());
}
