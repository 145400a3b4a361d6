/* SPDX-License-Identifier: Apache-2.0 */
/* Content hashes on the crypto library's digests. */
#include "libreplica/format/hash.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <openssl/evp.h>

#define HASH_HEX_LENGTH (2 * HASH_DIGEST_SIZE)

struct algorithm {
    const char *name;
    const char *text_suffix;
    const char *crypto_name;
    EVP_MD *digest; /* fetched once: a fetch for each object costs more than its hash */
};

static struct algorithm algorithms[] = {
    [HASH_SHA1] = {"sha1", "", "SHA1", NULL},
    [HASH_RMD160] = {"rmd160", "-rmd160", "RIPEMD160", NULL},
    [HASH_SHAKE128] = {"shake128", "-shake128", "SHAKE128", NULL},
};
static EVP_MD *md5;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch_digests(void)
{
    for (int i = HASH_SHA1; i <= HASH_SHAKE128; i++)
        algorithms[i].digest = EVP_MD_fetch(NULL, algorithms[i].crypto_name, NULL);
    /* Path hashes are table keys, not security: take MD5 even where FIPS mode hides it.
     */
    md5 = EVP_MD_fetch(NULL, "MD5", "-fips");
}

bool hash_check_available(struct error *error)
{
    pthread_once(&fetched, fetch_digests);
    for (int i = HASH_SHA1; i <= HASH_SHAKE128; i++)
        if (algorithms[i].digest == NULL)
            return error_set(error, ERROR_UNSUPPORTED,
                             "the crypto library has no %s; activate its legacy provider",
                             algorithms[i].crypto_name);
    if (md5 == NULL)
        return error_set(error, ERROR_UNSUPPORTED, "the crypto library has no MD5");
    return true;
}

bool hash_is_null(const struct hash *hash)
{
    static const unsigned char zeros[HASH_DIGEST_SIZE];

    return memcmp(hash->digest, zeros, HASH_DIGEST_SIZE) == 0;
}

static bool parse_any(struct hash *hash, struct text text)
{
    struct hash parsed = {HASH_UNSET};
    struct text digits = {text.bytes, HASH_HEX_LENGTH}, suffix;

    if (text.length < HASH_HEX_LENGTH)
        return false;
    suffix = (struct text){text.bytes + HASH_HEX_LENGTH, text.length - HASH_HEX_LENGTH};
    for (int i = HASH_SHA1; i <= HASH_SHAKE128; i++)
        if (text_equals(suffix, algorithms[i].text_suffix))
            parsed.algorithm = (enum hash_algorithm)i;
    if (parsed.algorithm == HASH_UNSET || !text_parse_hex(parsed.digest, digits))
        return false;
    *hash = parsed;
    return true;
}

bool hash_parse(struct hash *hash, struct text text)
{
    struct hash parsed;

    if (!parse_any(&parsed, text) || hash_is_null(&parsed))
        return false;
    *hash = parsed;
    return true;
}

static bool is_null_text(struct text text)
{
    if (text.length != 0 && text.length != HASH_HEX_LENGTH && text.length != 64)
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] != '0')
            return false;
    return true;
}

bool hash_parse_optional(struct hash *hash, struct text text)
{
    struct hash parsed = {HASH_UNSET};

    if (!is_null_text(text)) {
        if (!parse_any(&parsed, text))
            return false;
        if (hash_is_null(&parsed))
            parsed.algorithm = HASH_UNSET;
    }
    *hash = parsed;
    return true;
}

const char *hash_format(char text[HASH_TEXT_SIZE], const struct hash *hash)
{
    text_format_hex(text, hash->digest, HASH_DIGEST_SIZE);
    if (hash->algorithm != HASH_UNSET)
        apr_cpystrn(text + HASH_HEX_LENGTH, algorithms[hash->algorithm].text_suffix,
                    HASH_TEXT_SIZE - HASH_HEX_LENGTH);
    return text;
}

bool hash_equals(const struct hash *a, const struct hash *b)
{
    return hash_compare(a, b) == 0;
}

int hash_compare(const struct hash *a, const struct hash *b)
{
    if (a->algorithm != b->algorithm)
        return a->algorithm < b->algorithm ? -1 : 1;
    return memcmp(a->digest, b->digest, HASH_DIGEST_SIZE);
}

bool hash_algorithm_parse(enum hash_algorithm *algorithm, const char *name)
{
    for (int i = HASH_SHA1; i <= HASH_SHAKE128; i++)
        if (strcmp(name, algorithms[i].name) == 0) {
            *algorithm = (enum hash_algorithm)i;
            return true;
        }
    return false;
}

const char *hash_algorithm_name(enum hash_algorithm algorithm)
{
    return algorithm == HASH_UNSET ? "unset" : algorithms[algorithm].name;
}

bool hash_algorithm_of_code(enum hash_algorithm *algorithm, unsigned int code)
{
    if (code > HASH_SHAKE128 - 1)
        return false;
    *algorithm = (enum hash_algorithm)(code + 1);
    return true;
}

struct hasher {
    EVP_MD_CTX *context;
    enum hash_algorithm algorithm;
};

/* Digest calls fail only without memory or without the algorithm, both beyond repair
 * here. */
static void must(int result)
{
    if (result != 1) {
        fputs("libreplica: the crypto library failed to hash\n", stderr);
        abort();
    }
}

static apr_status_t hasher_cleanup(void *context)
{
    EVP_MD_CTX_free(context);
    return APR_SUCCESS;
}

struct hasher *hasher_create(apr_pool_t *pool)
{
    struct hasher *hasher = apr_pcalloc(pool, sizeof(*hasher));

    pthread_once(&fetched, fetch_digests);
    hasher->context = EVP_MD_CTX_new();
    must(hasher->context != NULL);
    apr_pool_cleanup_register(pool, hasher->context, hasher_cleanup,
                              apr_pool_cleanup_null);
    return hasher;
}

void hasher_start(struct hasher *hasher, enum hash_algorithm algorithm)
{
    hasher->algorithm = algorithm;
    must(EVP_DigestInit_ex2(hasher->context, algorithms[algorithm].digest, NULL));
}

void hasher_update(struct hasher *hasher, const void *bytes, size_t length)
{
    must(EVP_DigestUpdate(hasher->context, bytes, length));
}

static void finish(EVP_MD_CTX *context, struct hash *hash, enum hash_algorithm algorithm)
{
    hash->algorithm = algorithm;
    /* SHAKE128 is an XOF: its first 160 bits are the digest. */
    if (algorithm == HASH_SHAKE128)
        must(EVP_DigestFinalXOF(context, hash->digest, HASH_DIGEST_SIZE));
    else
        must(EVP_DigestFinal_ex(context, hash->digest, NULL));
}

void hasher_finish(struct hasher *hasher, struct hash *hash)
{
    finish(hasher->context, hash, hasher->algorithm);
}

void hash_bytes(struct hash *hash, enum hash_algorithm algorithm, const void *bytes,
                size_t length)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    pthread_once(&fetched, fetch_digests);
    must(context != NULL);
    must(EVP_DigestInit_ex2(context, algorithms[algorithm].digest, NULL));
    must(EVP_DigestUpdate(context, bytes, length));
    finish(context, hash, algorithm);
    EVP_MD_CTX_free(context);
}

static int64_t little_endian(const unsigned char *bytes)
{
    uint64_t value = 0;

    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

struct path_hash path_hash_of(struct text path)
{
    unsigned char digest[16];

    pthread_once(&fetched, fetch_digests);
    must(EVP_Digest(path.bytes, path.length, digest, NULL, md5, NULL));
    return (struct path_hash){little_endian(digest), little_endian(digest + 8)};
}
