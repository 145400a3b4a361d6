/* SPDX-License-Identifier: Apache-2.0 */
/* A new certificate for a repository. */
#include "libreplica/publish/renewal.h"

#include <apr_strings.h>

#include "libreplica/format/signature.h"
#include "libreplica/publish/keyring.h"
#include "libreplica/publish/whitelists.h"
#include "libreplica/store/file.h"

static bool read_certificate(struct certificate **certificate, const char *path,
                             apr_pool_t *pool, struct error *error)
{
    struct text pem;

    return file_read(&pem, path, KEYRING_FILE_MAX, pool, error) &&
           (certificate_parse(certificate, pem, pool, error) ||
            error_prefix(error, "%s", path));
}

/* A renewal that was cut off between the two renames of renewal_install. */
static bool is_half_installed(const struct renewal *renewal, const struct key *key,
                              apr_pool_t *pool)
{
    struct certificate *present, *next;

    return read_certificate(&present, renewal->certificate, pool, NULL) &&
           !certificate_matches(present, key) &&
           read_certificate(&next, renewal->new_certificate, pool, NULL) &&
           certificate_matches(next, key);
}

bool renewal_prepare(struct renewal *renewal, const struct publish_target *target,
                     bool keeps_key, apr_time_t now, apr_pool_t *pool,
                     struct error *error)
{
    const char *path = apr_pstrcat(pool, target->keys, "/", target->fqrn, NULL);
    struct key *key;
    struct text pem;

    *renewal =
        (struct renewal){.key = apr_pstrcat(pool, path, ".key", NULL),
                         .certificate = apr_pstrcat(pool, path, ".crt", NULL),
                         .new_certificate = apr_pstrcat(pool, path, ".crt.new", NULL)};
    if (!keyring_read_private(&key, renewal->key, pool, error))
        return false;
    renewal->is_listed = is_half_installed(renewal, key, pool);
    if (renewal->is_listed)
        return true;
    if (!keeps_key)
        renewal->new_key = apr_pstrcat(pool, path, ".key.new", NULL);
    return (keeps_key || keyring_make_private(&key, renewal->new_key, pool, error)) &&
           certificate_create(&pem, key, target->fqrn, now, pool, error) &&
           file_replace(renewal->new_certificate, pem, KEYRING_PUBLIC_MODE, pool, error);
}

bool renewal_list(const struct renewal *renewal, const struct publish_target *target,
                  apr_time_t now, apr_pool_t *pool, struct error *error)
{
    struct whitelist_terms terms = {.days = target->whitelist_days};
    struct certificate *next;

    if (renewal->is_listed)
        return true;
    if (!read_certificate(&next, renewal->new_certificate, pool, error))
        return false;
    terms.also = certificate_der(next);
    return publish_sign_whitelist(target, &terms, now, pool, error);
}

bool renewal_install(const struct renewal *renewal, apr_pool_t *pool, struct error *error)
{
    return (renewal->new_key == NULL ||
            file_rename(renewal->key, renewal->new_key, pool, error)) &&
           file_rename(renewal->certificate, renewal->new_certificate, pool, error);
}
