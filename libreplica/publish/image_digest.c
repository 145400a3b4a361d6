/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing blobs of container images with their digests. */
#include "libreplica/publish/image_digest.h"

#include <string.h>
#include <apr_strings.h>
#include <openssl/evp.h>

struct image_digest {
    const char *expected;
    EVP_MD_CTX *context;
};

static apr_status_t free_context(void *context)
{
    EVP_MD_CTX_free(context);
    return APR_SUCCESS;
}

bool image_digest_begin(struct image_digest **digest, const char *expected,
                        apr_pool_t *pool, struct error *error)
{
    struct image_digest *begun = apr_palloc(pool, sizeof(*begun));
    const EVP_MD *kind = NULL;

    if (strncmp(expected, "sha256:", 7) == 0)
        kind = EVP_sha256();
    else if (strncmp(expected, "sha512:", 7) == 0)
        kind = EVP_sha512();
    if (kind == NULL)
        return error_set(
            error, ERROR_UNSUPPORTED,
            "the image has a digest that is neither sha256 nor sha512: %.80s", expected);
    begun->expected = expected;
    begun->context = EVP_MD_CTX_new();
    if (begun->context == NULL || EVP_DigestInit_ex(begun->context, kind, NULL) != 1) {
        EVP_MD_CTX_free(begun->context);
        return error_set(error, ERROR_IO, "cannot compute a digest");
    }
    apr_pool_cleanup_register(pool, begun->context, free_context, apr_pool_cleanup_null);
    *digest = begun;
    return true;
}

void image_digest_add(struct image_digest *digest, struct text bytes)
{
    EVP_DigestUpdate(digest->context, bytes.bytes, bytes.length);
}

bool image_digest_end(struct image_digest *digest, struct error *error)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    char found[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned int length;

    if (EVP_DigestFinal_ex(digest->context, bytes, &length) != 1)
        return error_set(error, ERROR_IO, "cannot compute a digest");
    for (unsigned int i = 0; i < length; i++)
        apr_snprintf(found + 2 * i, 3, "%02x", bytes[i]);
    return strcmp(strchr(digest->expected, ':') + 1, found) == 0 ||
           error_set(error, ERROR_BAD_FORMAT,
                     "the image is damaged: what should be %.80s is %.80s",
                     digest->expected, found);
}
