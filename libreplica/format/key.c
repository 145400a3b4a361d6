/* SPDX-License-Identifier: Apache-2.0 */
/* RSA keys: reading, making, writing. */
#include "libreplica/format/signature.h"

#include <apr_strings.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include "libreplica/format/key_internal.h"

#define KEY_BITS_NEW 2048

bool key_error(struct error *error, enum error_code code, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return error_set(error, code, "%s%s%s", what, reason != NULL ? ": " : "",
                     reason != NULL ? reason : "");
}

int key_refuse_password(char *buffer, int size, int writing, void *baton)
{
    return -1;
}

BIO *key_open_pem(struct text pem, struct error *error)
{
    BIO *bio;

    if (pem.length == 0 || pem.length > PEM_SIZE_MAX) {
        error_set(error, ERROR_BAD_FORMAT,
                  "%zu bytes cannot be a PEM file of a key or certificate", pem.length);
        return NULL;
    }
    bio = BIO_new_mem_buf(pem.bytes, (int)pem.length);
    if (bio == NULL)
        key_error(error, ERROR_IO, "no memory for a PEM file");
    return bio;
}

bool key_take_pem(struct text *pem, BIO *bio, bool written, apr_pool_t *pool,
                  struct error *error)
{
    char *bytes = NULL;
    long length = written ? BIO_get_mem_data(bio, &bytes) : 0;

    if (length > 0)
        *pem = (struct text){apr_pmemdup(pool, bytes, (size_t)length), (size_t)length};
    BIO_free(bio);
    if (length <= 0)
        return key_error(error, ERROR_BAD_FORMAT, "cannot write PEM");
    return true;
}

static apr_status_t free_handle(void *handle)
{
    EVP_PKEY_free(handle);
    return APR_SUCCESS;
}

bool key_adopt(struct key **key, EVP_PKEY *handle, bool is_private, apr_pool_t *pool,
               struct error *error)
{
    struct key *adopted = apr_pcalloc(pool, sizeof(*adopted));

    if (handle == NULL)
        return key_error(error, ERROR_BAD_FORMAT, "this is no key in PEM form");
    apr_pool_cleanup_register(pool, handle, free_handle, apr_pool_cleanup_null);
    if (EVP_PKEY_get_base_id(handle) != EVP_PKEY_RSA)
        return error_set(error, ERROR_BAD_FORMAT, "the key is not an RSA key");
    if (EVP_PKEY_get_bits(handle) < KEY_BITS_MIN ||
        EVP_PKEY_get_bits(handle) > KEY_BITS_MAX)
        return error_set(error, ERROR_BAD_FORMAT,
                         "an RSA key of %d bits is outside %d..%d",
                         EVP_PKEY_get_bits(handle), KEY_BITS_MIN, KEY_BITS_MAX);
    adopted->handle = handle;
    adopted->is_private = is_private;
    *key = adopted;
    return true;
}

bool key_parse_public(struct key **key, struct text pem, apr_pool_t *pool,
                      struct error *error)
{
    BIO *bio = key_open_pem(pem, error);
    EVP_PKEY *handle;

    if (bio == NULL)
        return false;
    handle = PEM_read_bio_PUBKEY(bio, NULL, key_refuse_password, NULL);
    BIO_free(bio);
    return key_adopt(key, handle, false, pool, error);
}

bool key_parse_private(struct key **key, struct text pem, apr_pool_t *pool,
                       struct error *error)
{
    BIO *bio = key_open_pem(pem, error);
    EVP_PKEY *handle;

    if (bio == NULL)
        return false;
    handle = PEM_read_bio_PrivateKey(bio, NULL, key_refuse_password, NULL);
    BIO_free(bio);
    return key_adopt(key, handle, true, pool, error);
}

bool key_generate(struct key **key, apr_pool_t *pool, struct error *error)
{
    EVP_PKEY *handle = EVP_RSA_gen(KEY_BITS_NEW);

    if (handle == NULL)
        return key_error(error, ERROR_UNSUPPORTED, "cannot make an RSA key");
    return key_adopt(key, handle, true, pool, error);
}

bool key_format_public(struct text *pem, const struct key *key, apr_pool_t *pool,
                       struct error *error)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool written = bio != NULL && PEM_write_bio_PUBKEY(bio, key->handle) == 1;

    return key_take_pem(pem, bio, written, pool, error);
}

bool key_format_private(struct text *pem, const struct key *key, apr_pool_t *pool,
                        struct error *error)
{
    /* Secure memory so that no copy stays behind; the caller's pool holds the only one.
     */
    BIO *bio = BIO_new(BIO_s_secmem());
    bool written =
        bio != NULL && key->is_private &&
        PEM_write_bio_PKCS8PrivateKey(bio, key->handle, NULL, NULL, 0, NULL, NULL) == 1;

    return key_take_pem(pem, bio, written, pool, error);
}
