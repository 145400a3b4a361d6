/* SPDX-License-Identifier: Apache-2.0 */
/* The whitelist, .cvmfswhitelist: which certificates may sign, until when. */
#ifndef REPLICA_FORMAT_WHITELIST_H
#define REPLICA_FORMAT_WHITELIST_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/hash.h"

#define WHITELIST_NAME       ".cvmfswhitelist"
#define WHITELIST_PKCS7_NAME ".cvmfswhitelist.pkcs7"
#define WHITELIST_SIZE_MAX   (1024 * 1024)

struct whitelist {
    apr_time_t created; /* line 1; informative */
    apr_time_t expires; /* cut down to the full hour, as everybody compares it */
    const char *fqrn;
    bool uses_pkcs7;                  /* Vpkcs7 */
    bool needs_ca_chain;              /* Wcachain */
    apr_array_header_t *fingerprints; /* of struct hash */
    struct text lines;                /* they and comments, as they stand */
    struct text signed_text;
    struct text signature;
};

/* Parse and check the hash of the body; the signature is checked by
 * signature_verify_recovered with a master key.
 *   text   the file; must outlive *whitelist
 * False: ERROR_BAD_FORMAT (message names the line), ERROR_BAD_HASH, ERROR_TOO_LARGE.
 * Thread-safe, pure. Source: cvmfs-format 3.1. */
bool whitelist_parse(struct whitelist **whitelist, struct text text, apr_pool_t *pool,
                     struct error *error);

/* Expiry and name: ERROR_EXPIRED (dead from the start of the expiry hour on),
 * ERROR_NAME_MISMATCH. */
bool whitelist_check(const struct whitelist *whitelist, const char *fqrn, apr_time_t now,
                     struct error *error);

/* ERROR_NOT_LISTED unless the DER-encoded certificate's fingerprint, in the entry's
 * algorithm, is on the list. Source: cvmfs-format 3.2, 3.3. */
bool whitelist_check_certificate(const struct whitelist *whitelist, struct text der,
                                 struct error *error);

/* From when on it should be signed anew: at half its life; if it does not say when that
 * began, long ago. */
apr_time_t whitelist_half_life(const struct whitelist *whitelist);

/* The body of its successor: it lists what PRESENT lists, comments included, and then
 * ADDED (of struct hash). */
struct text whitelist_format_successor(const struct whitelist *present,
                                       apr_time_t created, apr_time_t expires,
                                       const apr_array_header_t *added, apr_pool_t *pool);

/* The body (through the last fingerprint's LF) from created, expires, fqrn and
 * fingerprints. */
struct text whitelist_format_body(const struct whitelist *whitelist, apr_pool_t *pool);

#endif
