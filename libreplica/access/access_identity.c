/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends a request: tokens by their hashes, keys by what they have signed. */
#include "libreplica/access/access.h"

#include <string.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#define NONCE_MAX 64

const char *access_token_hash(char hash[ACCESS_TOKEN_HASH_SIZE], struct text token)
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    SHA256((const unsigned char *)token.bytes, token.length, digest);
    text_format_hex(hash, digest, ACCESS_TOKEN_DIGEST_SIZE);
    return hash;
}

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

static bool malformed(struct error *error)
{
    return error_set(error, ERROR_BAD_SIGNATURE,
                     "Authorization is neither 'Bearer TOKEN' nor 'KEY-ID MAC'");
}

bool access_credential_parse(struct access_credential *credential,
                             const char *authorization, const char *date,
                             apr_pool_t *pool, struct error *error)
{
    const char *blank, *rest;

    *credential = (struct access_credential){ACCESS_PROOF_NONE};
    if (authorization == NULL)
        return true;
    if (!is_printable(authorization) || (date != NULL && !is_printable(date)))
        return malformed(error);
    blank = strchr(authorization, ' ');
    if (blank == NULL || blank == authorization)
        return malformed(error);
    rest = blank + strspn(blank, " ");
    if (*rest == '\0' || strchr(rest, ' ') != NULL)
        return malformed(error);
    if (blank - authorization == 6 && strncasecmp(authorization, "Bearer", 6) == 0) {
        char *hash = apr_palloc(pool, ACCESS_TOKEN_HASH_SIZE);

        credential->proof = ACCESS_PROOF_TOKEN;
        credential->token_hash = access_token_hash(hash, text_of(rest));
        return true;
    }
    credential->proof = ACCESS_PROOF_KEY;
    credential->key_id =
        apr_pstrmemdup(pool, authorization, (size_t)(blank - authorization));
    credential->mac = apr_pstrdup(pool, rest);
    credential->date = date != NULL ? apr_pstrdup(pool, date) : "";
    return true;
}

const char *access_signed_text(const struct access_credential *credential,
                               apr_pool_t *pool)
{
    return apr_pstrcat(pool, credential->method, "\n", credential->target, "\n",
                       credential->date, "\n", NULL);
}

const char *access_mac(const char *secret, const char *text, apr_pool_t *pool)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * SHA_DIGEST_LENGTH + 1];
    unsigned char *mac = apr_palloc(pool, 4 * sizeof(hex));
    unsigned int length = 0;

    HMAC(EVP_sha1(), secret, (int)strlen(secret), (const unsigned char *)text,
         strlen(text), digest, &length);
    text_format_hex(hex, digest, SHA_DIGEST_LENGTH);
    EVP_EncodeBlock(mac, (const unsigned char *)hex, 2 * SHA_DIGEST_LENGTH);
    return (const char *)mac;
}

static bool check_date(const char *date, apr_time_t now, struct error *error)
{
    struct text seconds = {date, strspn(date, "0123456789")};
    const char *nonce = date + seconds.length;
    int64_t value, limit = apr_time_sec(ACCESS_DATE_TOLERANCE);

    if (!text_parse_number(&value, seconds) ||
        (*nonce != '\0' &&
         (*nonce != '-' || strlen(nonce) > NONCE_MAX ||
          (nonce[1] != '\0' && !text_has_only(text_of(nonce + 1), "-_")))))
        return error_set(error, ERROR_BAD_SIGNATURE,
                         "X-Replica-Date is not SECONDS-SINCE-1970[-NONCE]");
    if (value < apr_time_sec(now) - limit || value > apr_time_sec(now) + limit)
        return error_set(
            error, ERROR_BAD_SIGNATURE,
            "X-Replica-Date is more than 5 minutes from this server's clock");
    return true;
}

static bool identify_key(const char **principal, const struct access_table *table,
                         const struct access_credential *credential, apr_time_t now,
                         apr_pool_t *pool, struct error *error)
{
    for (int i = 0; i < table->keys->nelts; i++) {
        const struct access_key *key = &APR_ARRAY_IDX(table->keys, i, struct access_key);
        const char *mac;

        if (key->id == NULL || strcmp(key->id, credential->key_id) != 0)
            continue;
        mac = access_mac(key->secret, access_signed_text(credential, pool), pool);
        if (strlen(credential->mac) != strlen(mac) ||
            CRYPTO_memcmp(credential->mac, mac, strlen(mac)) != 0)
            continue;
        *principal = key->principal;
        return check_date(credential->date, now, error);
    }
    return error_set(error, ERROR_BAD_SIGNATURE,
                     "the key is not known, or has signed something else");
}

/* All are compared: how long it takes says nothing of which. */
static bool identify_token(const char **principal, const struct access_table *table,
                           const char *hash, struct error *error)
{
    unsigned char digest[ACCESS_TOKEN_DIGEST_SIZE];
    const char *found = NULL;

    if (strlen(hash) == ACCESS_TOKEN_HASH_SIZE - 1 &&
        text_parse_hex(digest, text_of(hash)))
        for (int i = 0; i < table->tokens->nelts; i++) {
            const struct access_token *token =
                &APR_ARRAY_IDX(table->tokens, i, struct access_token);

            if (CRYPTO_memcmp(token->digest, digest, sizeof(digest)) == 0)
                found = token->principal;
        }
    if (found == NULL)
        return error_set(error, ERROR_BAD_SIGNATURE, "the token is not known");
    *principal = found;
    return true;
}

bool access_identify(const char **principal, const struct access_table *table,
                     const struct access_credential *credential, apr_time_t now,
                     apr_pool_t *pool, struct error *error)
{
    *principal = "anonymous";
    switch (credential->proof) {
    case ACCESS_PROOF_TOKEN:
        return identify_token(principal, table, credential->token_hash, error);
    case ACCESS_PROOF_KEY:
        return identify_key(principal, table, credential, now, pool, error);
    default:
        return true;
    }
}
