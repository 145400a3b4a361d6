/* SPDX-License-Identifier: Apache-2.0 */
/* The ensemble: manifest, certificate and whitelist, which only together prove a
 * revision. */
#ifndef REPLICA_REPLICATE_ENSEMBLE_H
#define REPLICA_REPLICATE_ENSEMBLE_H

#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/format/manifest.h"
#include "libreplica/format/signature.h"
#include "libreplica/format/whitelist.h"
#include "libreplica/net/fetch.h"
#include "libreplica/store/store.h"

struct ensemble {
    struct manifest *manifest;
    struct text manifest_text; /* as received */
    struct whitelist *whitelist;
    struct text whitelist_text;   /* as received */
    struct text certificate_text; /* the object's bytes as received */
    struct certificate *certificate;
};

struct ensemble_source {
    const char *fqrn;
    const char *origin_url;
    const apr_array_header_t *master_keys; /* of struct key * */
    struct fetcher *fetcher;
    struct store *store; /* a certificate that is in it is not fetched again; or NULL */
    int total_seconds;   /* for manifest and whitelist each; 0: no limit */
    bool passes_caches;  /* what a cache in between has may be too old */
    bool any_upstream; /* the certificate may come from any of the fetcher's upstreams */
    /* Fetched already; empty: not yet. */
    struct text manifest_text;
};

/* Fetch and verify all of it as cvmfs-format 2.4 says; a mismatch between files that were
 * published while we read them is tried once more, past caches.
 *   now    for the whitelist's expiry
 *   pool   owns everything in *ensemble
 * False, and nothing has been written: ERROR_NAME_MISMATCH, ERROR_BAD_SIGNATURE,
 * ERROR_BAD_HASH, ERROR_BAD_FORMAT, ERROR_EXPIRED, ERROR_NOT_LISTED, ERROR_UNSUPPORTED
 * (PKCS#7 or CA chain whitelists), and those of fetch_text. */
bool ensemble_fetch(struct ensemble *ensemble, const struct ensemble_source *source,
                    apr_time_t now, apr_pool_t *pool, struct error *error);

/* Read SOURCE's manifest_text, of which nothing is verified. False: ERROR_BAD_FORMAT,
 * ERROR_BAD_HASH, ERROR_NAME_MISMATCH. */
bool ensemble_parse_manifest(struct manifest **manifest,
                             const struct ensemble_source *source, apr_pool_t *pool,
                             struct error *error);

/* Whether SOURCE's manifest_text, that of another revision than KNOWN's, is signed with a
 * certificate that KNOWN's whitelist lists. False: as ensemble_fetch. */
bool ensemble_admits(const struct ensemble *known, const struct ensemble_source *source,
                     apr_pool_t *pool, struct error *error);

/* As ensemble_fetch, for what the store serves; SOURCE has no fetcher, and its URL is for
 * messages. Nothing is tried twice. */
bool ensemble_read(struct ensemble *ensemble, const struct ensemble_source *source,
                   apr_time_t now, apr_pool_t *pool, struct error *error);

/* The certificate's object, as the manifest names it. */
struct object ensemble_certificate_object(const struct ensemble *ensemble);

#endif
