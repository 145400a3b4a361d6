/* SPDX-License-Identifier: Apache-2.0 */
/* The two signature forms, on the bare RSA operations. */
#include "libreplica/format/signature.h"

#include <stdint.h>
#include <string.h>
#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include "libreplica/format/hash.h"
#include "libreplica/format/key_internal.h"

/* DER of DigestInfo{sha1, NULL, OCTET STRING of 20 bytes} up to the digest.
 * Source: RFC 8017 9.2, note 1. */
static const unsigned char sha1_digest_info[] = {0x30, 0x21, 0x30, 0x09, 0x06,
                                                 0x05, 0x2b, 0x0e, 0x03, 0x02,
                                                 0x1a, 0x05, 0x00, 0x04, 0x14};
#define DIGEST_INFO_SIZE (sizeof(sha1_digest_info) + HASH_DIGEST_SIZE)

static struct text digest_info_of(unsigned char bytes[DIGEST_INFO_SIZE], struct text text)
{
    struct hash hash;

    hash_bytes(&hash, HASH_SHA1, text.bytes, text.length);
    memcpy(bytes, sha1_digest_info, sizeof(sha1_digest_info));
    memcpy(bytes + sizeof(sha1_digest_info), hash.digest, HASH_DIGEST_SIZE);
    return (struct text){(const char *)bytes, DIGEST_INFO_SIZE};
}

/* With PKCS#1 padding and no signature digest set, EVP gives back what was padded. */
static bool recover(unsigned char *bytes, size_t *length, const struct key *key,
                    struct text signature)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->handle, NULL);
    bool recovered = context != NULL && EVP_PKEY_verify_recover_init(context) == 1 &&
                     EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
                     EVP_PKEY_verify_recover(context, bytes, length,
                                             (const unsigned char *)signature.bytes,
                                             signature.length) == 1;

    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return recovered;
}

bool signature_verify_recovered(const struct key *key, struct text text,
                                struct text signature, struct error *error)
{
    unsigned char bytes[KEY_BITS_MAX / 8];
    size_t length = sizeof(bytes);

    if (signature.length != (size_t)EVP_PKEY_get_size(key->handle))
        return error_set(error, ERROR_BAD_SIGNATURE,
                         "the signature has %zu bytes where this key's have %d",
                         signature.length, EVP_PKEY_get_size(key->handle));
    if (!recover(bytes, &length, key, signature) || length != text.length ||
        memcmp(bytes, text.bytes, length) != 0)
        return error_set(error, ERROR_BAD_SIGNATURE,
                         "the signature was not made by this key over this text");
    return true;
}

bool signature_verify_digest_info(const struct key *key, struct text text,
                                  struct text signature, struct error *error)
{
    unsigned char bytes[DIGEST_INFO_SIZE];

    return signature_verify_recovered(key, digest_info_of(bytes, text), signature, error);
}

bool signature_sign_recoverable(struct text *signature, const struct key *key,
                                struct text text, apr_pool_t *pool, struct error *error)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->handle, NULL);
    size_t length = (size_t)EVP_PKEY_get_size(key->handle);
    unsigned char *bytes = apr_palloc(pool, length);
    bool made = key->is_private && context != NULL && EVP_PKEY_sign_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
                EVP_PKEY_sign(context, bytes, &length, (const unsigned char *)text.bytes,
                              text.length) == 1;

    EVP_PKEY_CTX_free(context);
    if (!made)
        return key_error(error, ERROR_BAD_SIGNATURE, "cannot sign with this key");
    *signature = (struct text){(const char *)bytes, length};
    return true;
}

bool signature_sign_digest_info(struct text *signature, const struct key *key,
                                struct text text, apr_pool_t *pool, struct error *error)
{
    unsigned char bytes[DIGEST_INFO_SIZE];

    return signature_sign_recoverable(signature, key, digest_info_of(bytes, text), pool,
                                      error);
}
