/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: from a credential to a principal, and from that to (verb, repository,
 * path). There is no other table of rights. Source: docs/upload.md. */
#ifndef REPLICA_ACCESS_ACCESS_H
#define REPLICA_ACCESS_ACCESS_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

/* Below the configuration directory. */
#define ACCESS_FILE_NAME     "access"
#define ACCESS_FILE_SIZE_MAX (1024 * 1024)

#define ACCESS_TOKEN_DIGEST_SIZE 32
/* Hex digits and a NUL. */
#define ACCESS_TOKEN_HASH_SIZE (2 * ACCESS_TOKEN_DIGEST_SIZE + 1)

/* How far the date of a signed request may be from ours. */
#define ACCESS_DATE_TOLERANCE apr_time_from_sec(300)

enum access_verb {
    ACCESS_READ,   /* list and download */
    ACCESS_WRITE,  /* upload, also in the place of a file that is there */
    ACCESS_DELETE, /* remove */
    ACCESS_TTL,    /* change when a file expires */
    ACCESS_ADMIN,  /* what concerns a whole repository */
    ACCESS_VERB_COUNT
};

enum access_proof { ACCESS_PROOF_NONE, ACCESS_PROOF_TOKEN, ACCESS_PROOF_KEY };

/* What a request says of who sends it. Strings may be anything a stranger sends; those of
 * another proof are NULL. */
struct access_credential {
    enum access_proof proof;
    const char *token_hash; /* SHA-256 of a bearer token, lower-case hex */
    const char *key_id;
    const char *mac;    /* base64 of the lower-case hex HMAC-SHA1 */
    const char *method; /* of HTTP */
    const char *target; /* path and query as sent */
    const char *date;   /* "<seconds since 1970>", then nothing or "-<nonce>" */
};

/* What a request asks for. PATH is absolute within the repository, "" its root;
 * NULL asks whether there is any path for which it would be allowed. */
struct access_request {
    enum access_verb verb;
    const char *repository; /* local name */
    const char *path;
};

struct access_token {
    const char *principal;
    unsigned char digest[ACCESS_TOKEN_DIGEST_SIZE];
};

struct access_key {
    const char *principal;
    const char *file;   /* name of a gateway key file */
    const char *id;     /* NULL until access_read_keys */
    const char *secret; /* also */
};

struct access_table {
    apr_array_header_t *tokens; /* struct access_token */
    apr_array_header_t *keys;   /* struct access_key */
    apr_array_header_t *rules;  /* of allow lines; access_table.c */
};

/* Parse the lines of an access file. FILE is its name for messages. POOL owns the table.
 * False: ERROR_SETTING with file, line and reason. Pure. */
bool access_parse(struct access_table **table, struct text text, const char *file,
                  apr_pool_t *pool, struct error *error);

/* Parse a gateway key file: "plain_text <id> <secret>". False: ERROR_BAD_FORMAT. Pure. */
bool access_parse_key(const char **id, const char **secret, struct text text,
                      apr_pool_t *pool, struct error *error);

/* Read the table of a configuration directory, and, with KEYS, a directory, the secrets
 * of its keys, whose files nobody but their owner may read. Further errors:
 * ERROR_NOT_FOUND, ERROR_PERMISSION. */
bool access_read(struct access_table **table, const char *confdir, const char *keys,
                 apr_pool_t *pool, struct error *error);

/* From the headers Authorization and X-Replica-Date, each NULL if it was not sent. False:
 * ERROR_BAD_SIGNATURE, neither "Bearer <token>" nor "<key id> <mac>". */
bool access_credential_parse(struct access_credential *credential,
                             const char *authorization, const char *date,
                             apr_pool_t *pool, struct error *error);

/* The lower-case hex SHA-256 of a token. Returns HASH. */
const char *access_token_hash(char hash[ACCESS_TOKEN_HASH_SIZE], struct text token);

/* What a key signs: method, target and date, each followed by LF. */
const char *access_signed_text(const struct access_credential *credential,
                               apr_pool_t *pool);
/* The MAC of TEXT as a header has it. */
const char *access_mac(const char *secret, const char *text, apr_pool_t *pool);

/* The principal of a credential, or "anonymous" for none. False: ERROR_BAD_SIGNATURE (no
 * such token or key, a wrong MAC, a date too far from NOW). Constant time in what is
 * secret. Whether a signed request was seen before is the caller's to know. */
bool access_identify(const char **principal, const struct access_table *table,
                     const struct access_credential *credential, apr_time_t now,
                     apr_pool_t *pool, struct error *error);

/* Whether PRINCIPAL may. False: ERROR_PERMISSION, or ERROR_BAD_SIGNATURE if it is nobody
 * in particular: a credential is missing. */
bool access_allows(const struct access_table *table, const char *principal,
                   const struct access_request *request, struct error *error);

/* A principal's name: 1 to 60 letters, digits, `.`, `_`, `-`. */
bool access_is_principal(struct text name);

#endif
