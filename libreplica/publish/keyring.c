/* SPDX-License-Identifier: Apache-2.0 */
/* Making and reading a publisher's keys, and signing whitelists with them. */
#include "libreplica/publish/keyring.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/signed_text.h"
#include "libreplica/format/whitelist.h"
#include "libreplica/publish/publish.h"
#include "libreplica/store/file.h"
#include "libreplica/store/store.h"

#define KEY_SIZE_MAX 65536
#define SECRET_MODE  0400
#define PUBLIC_MODE  0444

static const char *key_path(const char *directory, const char *fqrn, const char *ending,
                            apr_pool_t *pool)
{
    return apr_pstrcat(pool, directory, "/", fqrn, ending, NULL);
}

static bool read_private(struct key **key, const char *path, apr_pool_t *pool,
                         struct error *error)
{
    struct text pem;

    return file_read(&pem, path, KEY_SIZE_MAX, pool, error) &&
           (key_parse_private(key, pem, pool, error) || error_prefix(error, "%s", path));
}

bool keyring_read_master(struct key **master, const char *directory, const char *fqrn,
                         apr_pool_t *pool, struct error *error)
{
    return read_private(master, key_path(directory, fqrn, ".masterkey", pool), pool,
                        error);
}

bool keyring_read(struct keyring *keyring, const char *directory, const char *fqrn,
                  apr_pool_t *pool, struct error *error)
{
    const char *key = key_path(directory, fqrn, ".key", pool);
    const char *certificate = key_path(directory, fqrn, ".crt", pool);

    if (!read_private(&keyring->signing, key, pool, error) ||
        !file_read(&keyring->certificate_pem, certificate, KEY_SIZE_MAX, pool, error))
        return false;
    if (!certificate_parse(&keyring->certificate, keyring->certificate_pem, pool, error))
        return error_prefix(error, "%s", certificate);
    if (!certificate_matches(keyring->certificate, keyring->signing))
        return error_set(error, ERROR_BAD_SIGNATURE,
                         "the certificate %s does not belong to the key %s", certificate,
                         key);
    return true;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Read the private key at PATH or, if there is none, make it. */
static bool need_private(struct key **key, const char *path, apr_pool_t *pool,
                         struct error *error)
{
    struct text pem;

    if (exists(path))
        return read_private(key, path, pool, error);
    return key_generate(key, pool, error) &&
           key_format_private(&pem, *key, pool, error) &&
           file_replace(path, pem, SECRET_MODE, pool, error);
}

/* Everybody may read these, whatever the umask. */
static bool write_public(const char *path, struct text content, apr_pool_t *pool,
                         struct error *error)
{
    if (!file_replace(path, content, PUBLIC_MODE, pool, error))
        return false;
    return chmod(path, PUBLIC_MODE) == 0 ||
           error_set_errno(error, errno, "cannot change the mode of %s", path);
}

bool publish_create_keys(const struct publish_target *target, apr_time_t now,
                         apr_pool_t *pool, struct error *error)
{
    const char *directory = target->keys, *fqrn = target->fqrn;
    const char *public = key_path(directory, fqrn, ".pub", pool);
    const char *certificate = key_path(directory, fqrn, ".crt", pool);
    struct key *master, *signing;
    struct text pem;

    if (!file_make_directory(directory, 0777, pool, error) ||
        !need_private(&master, key_path(directory, fqrn, ".masterkey", pool), pool,
                      error) ||
        !need_private(&signing, key_path(directory, fqrn, ".key", pool), pool, error))
        return false;
    if (!exists(public) && (!key_format_public(&pem, master, pool, error) ||
                            !write_public(public, pem, pool, error)))
        return false;
    return exists(certificate) ||
           (certificate_create(&pem, signing, fqrn, now, pool, error) &&
            write_public(certificate, pem, pool, error));
}

/* The whitelist of one certificate, in the repository's own algorithm. */
static bool make_whitelist(struct text *file, const struct publish_target *target,
                           const struct keyring *keyring, const struct key *master,
                           apr_time_t created, apr_time_t expires, apr_pool_t *pool,
                           struct error *error)
{
    struct text der = certificate_der(keyring->certificate);
    struct whitelist whitelist = {
        .created = created, .expires = expires, .fqrn = target->fqrn};
    struct signed_text parts;

    whitelist.fingerprints = apr_array_make(pool, 1, sizeof(struct hash));
    hash_bytes(apr_array_push(whitelist.fingerprints), target->algorithm, der.bytes,
               der.length);
    parts.body = whitelist_format_body(&whitelist, pool);
    parts.hash_text = signed_text_hash(parts.body, target->algorithm, pool);
    if (!signature_sign_recoverable(&parts.signature, master, parts.hash_text, pool,
                                    error))
        return false;
    *file = signed_text_join(&parts, pool);
    return true;
}

bool publish_sign_whitelist(const struct publish_target *target, apr_time_t now, int days,
                            apr_pool_t *pool, struct error *error)
{
    apr_time_t expires = now + apr_time_from_sec((apr_time_t)days * 24 * 3600);
    struct keyring keyring;
    struct store *store;
    struct text file;
    struct key *master;

    if (!keyring_read(&keyring, target->keys, target->fqrn, pool, error) ||
        !keyring_read_master(&master, target->keys, target->fqrn, pool, error) ||
        !make_whitelist(&file, target, &keyring, master, now, expires, pool, error) ||
        !store_open(&store, target->storage, target->temporary, pool, error))
        return false;
    if (target->skips_barriers)
        store_disable_barriers(store);
    return store_replace(store, WHITELIST_NAME, file, error);
}
