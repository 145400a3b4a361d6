/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: reading them for their key and fingerprint, making self-signed ones. */
#include "libreplica/format/signature.h"

#include <string.h>
#include <apr_strings.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "libreplica/format/key_internal.h"

#define VALID_DAYS      365
#define NAME_LENGTH_MAX 30
#define SERIAL_BITS     120

struct certificate {
    X509 *handle;
    struct key *key;
    struct text der;
};

static apr_status_t free_handle(void *handle)
{
    X509_free(handle);
    return APR_SUCCESS;
}

static bool encode_der(struct text *der, X509 *handle, apr_pool_t *pool,
                       struct error *error)
{
    unsigned char *bytes = NULL;
    int length = i2d_X509(handle, &bytes);

    if (length <= 0)
        return key_error(error, ERROR_BAD_FORMAT, "cannot encode the certificate");
    *der = (struct text){apr_pmemdup(pool, bytes, (size_t)length), (size_t)length};
    OPENSSL_free(bytes);
    return true;
}

bool certificate_parse(struct certificate **certificate, struct text pem,
                       apr_pool_t *pool, struct error *error)
{
    struct certificate *parsed = apr_pcalloc(pool, sizeof(*parsed));
    BIO *bio = key_open_pem(pem, error);

    if (bio == NULL)
        return false;
    parsed->handle = PEM_read_bio_X509(bio, NULL, key_refuse_password, NULL);
    BIO_free(bio);
    if (parsed->handle == NULL)
        return key_error(error, ERROR_BAD_FORMAT, "this is no certificate in PEM form");
    apr_pool_cleanup_register(pool, parsed->handle, free_handle, apr_pool_cleanup_null);
    if (!key_adopt(&parsed->key, X509_get_pubkey(parsed->handle), false, pool, error))
        return error_prefix(error, "certificate");
    if (!encode_der(&parsed->der, parsed->handle, pool, error))
        return false;
    *certificate = parsed;
    return true;
}

const struct key *certificate_key(const struct certificate *certificate)
{
    return certificate->key;
}

struct text certificate_der(const struct certificate *certificate)
{
    return certificate->der;
}

bool certificate_matches(const struct certificate *certificate, const struct key *key)
{
    bool equal = EVP_PKEY_eq(certificate->key->handle, key->handle) == 1;

    ERR_clear_error();
    return equal;
}

/* Random, so that two certificates of one name can be told apart. */
static bool set_serial(X509 *handle)
{
    BIGNUM *number = BN_new();
    bool set = number != NULL &&
               BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
               BN_to_ASN1_INTEGER(number, X509_get_serialNumber(handle)) != NULL;

    BN_free(number);
    return set;
}

static bool set_dates(X509 *handle, apr_time_t now)
{
    time_t start = (time_t)apr_time_sec(now);

    return ASN1_TIME_adj(X509_getm_notBefore(handle), start, 0, 0) != NULL &&
           ASN1_TIME_adj(X509_getm_notAfter(handle), start, VALID_DAYS, 0) != NULL;
}

static bool set_name(X509 *handle, const char *fqrn, apr_pool_t *pool)
{
    bool cut = strlen(fqrn) > NAME_LENGTH_MAX;
    const char *text = apr_psprintf(pool, "%.*s%s CernVM-FS Release Managers",
                                    NAME_LENGTH_MAX, fqrn, cut ? "[...]" : "");
    X509_NAME *name = X509_get_subject_name(handle);

    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                      (const unsigned char *)text, -1, -1, 0) == 1 &&
           X509_set_issuer_name(handle, name) == 1;
}

bool certificate_create(struct text *pem, const struct key *key, const char *fqrn,
                        apr_time_t now, apr_pool_t *pool, struct error *error)
{
    X509 *handle = X509_new();
    bool made = key->is_private && handle != NULL &&
                X509_set_version(handle, X509_VERSION_3) == 1 && set_serial(handle) &&
                set_dates(handle, now) && set_name(handle, fqrn, pool) &&
                X509_set_pubkey(handle, key->handle) == 1 &&
                X509_sign(handle, key->handle, EVP_sha256()) > 0;
    BIO *bio = made ? BIO_new(BIO_s_mem()) : NULL;
    bool written = bio != NULL && PEM_write_bio_X509(bio, handle) == 1;

    X509_free(handle);
    if (!made)
        return key_error(error, ERROR_BAD_FORMAT, "cannot make a certificate");
    return key_take_pem(pem, bio, written, pool, error);
}
