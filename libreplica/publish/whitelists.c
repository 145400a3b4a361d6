/* SPDX-License-Identifier: Apache-2.0 */
/* Signing a repository's whitelist. */
#include "libreplica/publish/whitelists.h"

#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/signed_text.h"
#include "libreplica/publish/keyring.h"
#include "libreplica/store/file.h"

/* What signing a whitelist needs. */
struct signers {
    struct keyring keyring;
    struct key *master;
};

static bool check_public(const struct publish_target *target, const struct key *master,
                         apr_pool_t *pool, struct error *error)
{
    const char *path = apr_pstrcat(pool, target->keys, "/", target->fqrn, ".pub", NULL);
    struct text pem;
    struct key *public;

    if (access(path, F_OK) != 0)
        return true;
    if (!file_read(&pem, path, KEYRING_FILE_MAX, pool, error))
        return false;
    if (!key_parse_public(&public, pem, pool, error))
        return error_prefix(error, "%s", path);
    return keyring_check_master(master, public, target->fqrn, path, pool, error);
}

static bool read_signers(struct signers *signers, const struct publish_target *target,
                         apr_pool_t *pool, struct error *error)
{
    return keyring_read(&signers->keyring, target->keys, target->fqrn, pool, error) &&
           keyring_read_master(&signers->master, target->keys, target->fqrn, pool,
                               error) &&
           check_public(target, signers->master, pool, error);
}

bool whitelist_read_present(struct whitelist **whitelist, struct store *store,
                            apr_pool_t *pool, struct error *error)
{
    struct error reason;
    struct text text;

    *whitelist = NULL;
    if (!store_read(&text, store, WHITELIST_NAME, WHITELIST_SIZE_MAX, pool, &reason)) {
        if (error != NULL)
            *error = reason;
        return reason.code == ERROR_NOT_FOUND;
    }
    return whitelist_parse(whitelist, text, pool, error) ||
           error_prefix(error, "%s in %s", WHITELIST_NAME, store_root(store));
}

static bool is_own(const struct whitelist *whitelist, const struct publish_target *target,
                   const struct key *master)
{
    return strcmp(whitelist->fqrn, target->fqrn) == 0 && !whitelist->uses_pkcs7 &&
           signature_verify_recovered(master, whitelist->signed_text,
                                      whitelist->signature, NULL);
}

static bool check_kind(const struct whitelist *present, struct error *error)
{
    return present == NULL || !present->uses_pkcs7 ||
           error_set(error, ERROR_UNSUPPORTED,
                     "the whitelist of %s relies on PKCS#7, which this version cannot "
                     "sign",
                     present->fqrn);
}

bool publish_check_whitelist_keys(const struct publish_target *target,
                                  const struct whitelist *present, apr_pool_t *pool,
                                  struct error *error)
{
    struct signers signers;

    if (!check_kind(present, error) || !read_signers(&signers, target, pool, error))
        return false;
    return present == NULL || is_own(present, target, signers.master) ||
           error_set(error, ERROR_BAD_SIGNATURE,
                     "the present whitelist of %s is not signed with the master key that "
                     "is here; if that is the right one, run 'replicactl resign %s'",
                     target->fqrn, target->fqrn);
}

/* List a certificate by its fingerprint in the repository's own algorithm. */
static void list(apr_array_header_t *fingerprints, const struct whitelist *present,
                 const struct publish_target *target, struct text der)
{
    if (der.length > 0 &&
        (present == NULL || !whitelist_check_certificate(present, der, NULL)))
        hash_bytes(apr_array_push(fingerprints), target->algorithm, der.bytes,
                   der.length);
}

/* PRESENT: whose entries are kept, or NULL. */
static bool make_whitelist(struct text *file, const struct publish_target *target,
                           const struct signers *signers, const struct whitelist *present,
                           const struct whitelist_terms *terms, apr_time_t now,
                           apr_pool_t *pool, struct error *error)
{
    apr_time_t expires = now + apr_time_from_sec((apr_time_t)terms->days * 24 * 3600);
    struct whitelist whitelist = {
        .created = now, .expires = expires, .fqrn = target->fqrn};
    struct signed_text parts;

    whitelist.fingerprints = apr_array_make(pool, 2, sizeof(struct hash));
    list(whitelist.fingerprints, present, target,
         certificate_der(signers->keyring.certificate));
    list(whitelist.fingerprints, present, target, terms->also);
    parts.body = present == NULL
                     ? whitelist_format_body(&whitelist, pool)
                     : whitelist_format_successor(present, now, expires,
                                                  whitelist.fingerprints, pool);
    parts.hash_text = signed_text_hash(parts.body, target->algorithm, pool);
    if (!signature_sign_recoverable(&parts.signature, signers->master, parts.hash_text,
                                    pool, error))
        return false;
    *file = signed_text_join(&parts, pool);
    return file->length <= WHITELIST_SIZE_MAX ||
           error_set(error, ERROR_TOO_LARGE, "the whitelist of %s would be too long",
                     target->fqrn);
}

/* An entry that nobody can read, or that another key signed, is none of ours. */
static bool read_kept(struct whitelist **kept, const struct publish_target *target,
                      const struct signers *signers, struct store *store,
                      apr_pool_t *pool, struct error *error)
{
    struct error reason;

    if (!whitelist_read_present(kept, store, pool, &reason)) {
        *kept = NULL;
        return reason.code == ERROR_BAD_FORMAT || reason.code == ERROR_BAD_HASH ||
               error_set(error, reason.code, "%s", reason.message);
    }
    if (!check_kind(*kept, error))
        return false;
    if (*kept != NULL && !is_own(*kept, target, signers->master))
        *kept = NULL;
    return true;
}

bool publish_sign_whitelist(const struct publish_target *target,
                            const struct whitelist_terms *terms, apr_time_t now,
                            apr_pool_t *pool, struct error *error)
{
    struct whitelist *kept;
    struct signers signers;
    struct store *store;
    struct text file;

    if (!read_signers(&signers, target, pool, error) ||
        !store_open(&store, target->storage, target->temporary, pool, error) ||
        !read_kept(&kept, target, &signers, store, pool, error) ||
        !make_whitelist(&file, target, &signers, terms->drops_others ? NULL : kept, terms,
                        now, pool, error))
        return false;
    if (target->skips_barriers)
        store_disable_barriers(store);
    return store_replace(store, WHITELIST_NAME, file, error);
}
