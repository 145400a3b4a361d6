/* SPDX-License-Identifier: Apache-2.0 */
/* Making and reading a publisher's keys. */
#include "libreplica/publish/keyring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/publish/publish.h"
#include "libreplica/store/file.h"

static const char *key_path(const char *directory, const char *fqrn, const char *ending,
                            apr_pool_t *pool)
{
    return apr_pstrcat(pool, directory, "/", fqrn, ending, NULL);
}

bool keyring_read_private(struct key **key, const char *path, apr_pool_t *pool,
                          struct error *error)
{
    struct text pem;

    return file_read_secret(&pem, path, KEYRING_FILE_MAX, pool, error) &&
           (key_parse_private(key, pem, pool, error) || error_prefix(error, "%s", path));
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static const char *from_environment(const char *variable)
{
    const char *value = getenv(variable);

    return value != NULL && *value != '\0' ? value : NULL;
}

bool keyring_read_master(struct key **master, const char *directory, const char *fqrn,
                         apr_pool_t *pool, struct error *error)
{
    const char *path = key_path(directory, fqrn, ".masterkey", pool);
    const char *pem = from_environment(KEYRING_MASTER_KEY);
    const char *other = from_environment(KEYRING_MASTER_KEY_FILE);

    if (!exists(path) && pem != NULL)
        return key_parse_private(master, text_of(pem), pool, error) ||
               error_prefix(error, "environment variable %s", KEYRING_MASTER_KEY);
    if (!exists(path) && other != NULL)
        return keyring_read_private(master, other, pool, error);
    return keyring_read_private(master, path, pool, error);
}

bool keyring_check_master(const struct key *master, const struct key *public_key,
                          const char *fqrn, const char *path, apr_pool_t *pool,
                          struct error *error)
{
    struct text proof = text_of("proof"), signature;

    if (!signature_sign_recoverable(&signature, master, proof, pool, error))
        return false;
    return signature_verify_recovered(public_key, proof, signature, NULL) ||
           error_set(error, ERROR_BAD_SIGNATURE,
                     "the master key of %s does not belong to %s, with which clients "
                     "check: nothing is signed",
                     fqrn, path);
}

bool keyring_read(struct keyring *keyring, const char *directory, const char *fqrn,
                  apr_pool_t *pool, struct error *error)
{
    const char *key = key_path(directory, fqrn, ".key", pool);
    const char *certificate = key_path(directory, fqrn, ".crt", pool);

    if (!keyring_read_private(&keyring->signing, key, pool, error) ||
        !file_read(&keyring->certificate_pem, certificate, KEYRING_FILE_MAX, pool, error))
        return false;
    if (!certificate_parse(&keyring->certificate, keyring->certificate_pem, pool, error))
        return error_prefix(error, "%s", certificate);
    if (!certificate_matches(keyring->certificate, keyring->signing))
        return error_set(error, ERROR_BAD_SIGNATURE,
                         "the certificate %s does not belong to the key %s; if a renewal "
                         "was cut off, run 'replicactl renew-certificate' again",
                         certificate, key);
    return true;
}

bool keyring_make_private(struct key **key, const char *path, apr_pool_t *pool,
                          struct error *error)
{
    struct text pem;

    return key_generate(key, pool, error) &&
           key_format_private(&pem, *key, pool, error) &&
           file_replace(path, pem, KEYRING_SECRET_MODE, pool, error);
}

/* Read the private key at PATH or, if there is none, make it. */
static bool need_private(struct key **key, const char *path, apr_pool_t *pool,
                         struct error *error)
{
    return exists(path) ? keyring_read_private(key, path, pool, error)
                        : keyring_make_private(key, path, pool, error);
}

/* Everybody may read these, whatever the umask. */
static bool write_public(const char *path, struct text content, apr_pool_t *pool,
                         struct error *error)
{
    if (!file_replace(path, content, KEYRING_PUBLIC_MODE, pool, error))
        return false;
    return chmod(path, KEYRING_PUBLIC_MODE) == 0 ||
           error_set_errno(error, errno, "cannot change the mode of %s", path);
}

/* The same of the master key, which need not be on this disk. */
static bool need_master(struct key **master, const char *directory, const char *fqrn,
                        apr_pool_t *pool, struct error *error)
{
    if (from_environment(KEYRING_MASTER_KEY) != NULL ||
        from_environment(KEYRING_MASTER_KEY_FILE) != NULL)
        return keyring_read_master(master, directory, fqrn, pool, error);
    return need_private(master, key_path(directory, fqrn, ".masterkey", pool), pool,
                        error);
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
        !need_master(&master, directory, fqrn, pool, error) ||
        !need_private(&signing, key_path(directory, fqrn, ".key", pool), pool, error))
        return false;
    if (!exists(public) && (!key_format_public(&pem, master, pool, error) ||
                            !write_public(public, pem, pool, error)))
        return false;
    return exists(certificate) ||
           (certificate_create(&pem, signing, fqrn, now, pool, error) &&
            write_public(certificate, pem, pool, error));
}
