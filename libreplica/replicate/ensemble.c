/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching and verifying the ensemble. */
#include "libreplica/replicate/ensemble.h"

#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/inflate.h"
#include "libreplica/replicate/small_object.h"

struct object ensemble_certificate_object(const struct ensemble *ensemble)
{
    return (struct object){ensemble->manifest->certificate, OBJECT_CERTIFICATE};
}

/* Without a fetcher it is the store's own file that counts. */
static bool get_file(struct text *text, const struct ensemble_source *source,
                     const char *name, int64_t size_limit, bool no_cache,
                     apr_pool_t *pool, struct error *error)
{
    struct fetch_request request = {.base_url = source->origin_url,
                                    .path = name,
                                    .total_seconds = source->total_seconds,
                                    .no_cache = no_cache,
                                    .size_limit = size_limit};

    if (source->fetcher == NULL)
        return store_read(text, source->store, name, size_limit, pool, error);
    return fetch_text_of(text, source->fetcher, &request, pool, error);
}

bool ensemble_parse_manifest(struct manifest **manifest,
                             const struct ensemble_source *source, apr_pool_t *pool,
                             struct error *error)
{
    if (!manifest_parse(manifest, source->manifest_text, pool, error))
        return error_prefix(error, "%s/" MANIFEST_NAME, source->origin_url);
    if (strcmp((*manifest)->fqrn, source->fqrn) != 0)
        return error_set(
            error, ERROR_NAME_MISMATCH,
            "%s/" MANIFEST_NAME " is signed for '%s', not for '%s'", source->origin_url,
            text_for_people(text_of((*manifest)->fqrn), 60, pool), source->fqrn);
    if (hash_is_null(&(*manifest)->certificate))
        return error_set(error, ERROR_BAD_FORMAT,
                         "%s/" MANIFEST_NAME " names no certificate (X)",
                         source->origin_url);
    return true;
}

static bool fetch_manifest(struct ensemble *ensemble,
                           const struct ensemble_source *source, bool no_cache,
                           apr_pool_t *pool, struct error *error)
{
    struct ensemble_source with_text = *source;

    if ((source->manifest_text.length == 0 || no_cache) &&
        !get_file(&with_text.manifest_text, source, MANIFEST_NAME, MANIFEST_SIZE_MAX,
                  no_cache, pool, error))
        return error_prefix(error, "manifest");
    ensemble->manifest_text = with_text.manifest_text;
    return ensemble_parse_manifest(&ensemble->manifest, &with_text, pool, error);
}

static bool fetch_certificate(struct ensemble *ensemble,
                              const struct ensemble_source *source, apr_pool_t *pool,
                              struct error *error)
{
    struct object object = ensemble_certificate_object(ensemble);
    struct small_object_source from = {
        source->fetcher, source->any_upstream ? NULL : source->origin_url, source->store,
        ensemble->manifest->has_alternative_paths};
    struct text pem;

    return small_object_get(&ensemble->certificate_text, &from, &object, pool, error) &&
           inflate_text(&pem, ensemble->certificate_text, SMALL_OBJECT_MAX, pool,
                        error) &&
           certificate_parse(&ensemble->certificate, pem, pool, error);
}

static bool verify_manifest(const struct ensemble *ensemble, struct error *error)
{
    const struct manifest *manifest = ensemble->manifest;

    return signature_verify_digest_info(certificate_key(ensemble->certificate),
                                        manifest->signed_text, manifest->signature,
                                        error);
}

static bool fetch_whitelist(struct ensemble *ensemble,
                            const struct ensemble_source *source, bool no_cache,
                            apr_pool_t *pool, struct error *error)
{
    if (!get_file(&ensemble->whitelist_text, source, WHITELIST_NAME, WHITELIST_SIZE_MAX,
                  no_cache, pool, error))
        return error_prefix(error, "whitelist");
    if (!whitelist_parse(&ensemble->whitelist, ensemble->whitelist_text, pool, error))
        return error_prefix(error, "%s/" WHITELIST_NAME, source->origin_url);
    if (ensemble->whitelist->uses_pkcs7 || ensemble->whitelist->needs_ca_chain)
        return error_set(
            error, ERROR_UNSUPPORTED,
            "%s/" WHITELIST_NAME " relies on a certificate authority, which this "
            "version cannot check; ask the publisher for a whitelist signed with "
            "the master key",
            source->origin_url);
    return true;
}

static bool verify_whitelist(const struct ensemble *ensemble,
                             const struct ensemble_source *source, apr_time_t now,
                             struct error *error)
{
    const struct whitelist *whitelist = ensemble->whitelist;
    bool signed_by_any = false;

    if (!whitelist_check(whitelist, source->fqrn, now, error))
        return error_prefix(error, "%s/" WHITELIST_NAME, source->origin_url);
    for (int i = 0; !signed_by_any && i < source->master_keys->nelts; i++)
        signed_by_any = signature_verify_recovered(
            APR_ARRAY_IDX(source->master_keys, i, struct key *), whitelist->signed_text,
            whitelist->signature, error);
    if (!signed_by_any)
        return error_set(error, ERROR_BAD_SIGNATURE,
                         "%s/" WHITELIST_NAME
                         " is not signed by any of the %d configured "
                         "public keys (CVMFS_PUBLIC_KEY)",
                         source->origin_url, source->master_keys->nelts);
    return whitelist_check_certificate(whitelist, certificate_der(ensemble->certificate),
                                       error);
}

static bool fetch_once(struct ensemble *ensemble, const struct ensemble_source *source,
                       bool no_cache, apr_time_t now, apr_pool_t *pool,
                       struct error *error)
{
    if (!fetch_manifest(ensemble, source, no_cache, pool, error))
        return false;
    if (!fetch_certificate(ensemble, source, pool, error))
        return error_prefix(error, "certificate");
    if (!verify_manifest(ensemble, error))
        return error_prefix(error, "%s/" MANIFEST_NAME, source->origin_url);
    return fetch_whitelist(ensemble, source, no_cache, pool, error) &&
           verify_whitelist(ensemble, source, now, error);
}

bool ensemble_admits(const struct ensemble *known, const struct ensemble_source *source,
                     apr_pool_t *pool, struct error *error)
{
    struct ensemble other = *known;

    if (!ensemble_parse_manifest(&other.manifest, source, pool, error))
        return false;
    if (!hash_equals(&other.manifest->certificate, &known->manifest->certificate) &&
        !fetch_certificate(&other, source, pool, error))
        return error_prefix(error, "certificate");
    return (verify_manifest(&other, error) ||
            error_prefix(error, "%s/" MANIFEST_NAME, source->origin_url)) &&
           whitelist_check_certificate(known->whitelist,
                                       certificate_der(other.certificate), error);
}

/* Errors that a publish between two of our requests, or a stale cache, can cause. */
static bool may_be_a_race(enum error_code code)
{
    return code == ERROR_BAD_SIGNATURE || code == ERROR_BAD_HASH ||
           code == ERROR_NOT_LISTED || code == ERROR_EXPIRED || code == ERROR_BAD_FORMAT;
}

bool ensemble_fetch(struct ensemble *ensemble, const struct ensemble_source *source,
                    apr_time_t now, apr_pool_t *pool, struct error *error)
{
    if (fetch_once(ensemble, source, source->passes_caches, now, pool, error))
        return true;
    return may_be_a_race(error->code) &&
           fetch_once(ensemble, source, true, now, pool, error);
}

bool ensemble_read(struct ensemble *ensemble, const struct ensemble_source *source,
                   apr_time_t now, apr_pool_t *pool, struct error *error)
{
    return fetch_once(ensemble, source, false, now, pool, error);
}
