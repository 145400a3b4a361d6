/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, certificates and the two signature forms, both RSA PKCS#1 v1.5 without a digest
 * API.
 *
 * No EVP_DigestSign / EVP_DigestVerify with SHA-1 here or anywhere (a guard looks):
 * system policies forbid SHA-1 signatures, while the format is built on them. We compute
 * the exact bytes a signature must recover to and compare. Source: cvmfs-format 2.3, 3.2;
 * design 6.2. */
#ifndef REPLICA_FORMAT_SIGNATURE_H
#define REPLICA_FORMAT_SIGNATURE_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_time.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

/* An RSA key, public or private. Read-only once made; shareable between threads. */
struct key;
struct certificate;

/* From PEM. POOL owns the result. False: ERROR_BAD_FORMAT (not PEM, not RSA, under 1024
 * bits). */
bool key_parse_public(struct key **key, struct text pem, apr_pool_t *pool,
                      struct error *error);
bool key_parse_private(struct key **key, struct text pem, apr_pool_t *pool,
                       struct error *error);
/* A new RSA 2048 key, exponent 65537. */
bool key_generate(struct key **key, apr_pool_t *pool, struct error *error);
/* PEM: SubjectPublicKeyInfo, and PKCS#8 or traditional. */
bool key_format_public(struct text *pem, const struct key *key, apr_pool_t *pool,
                       struct error *error);
bool key_format_private(struct text *pem, const struct key *key, apr_pool_t *pool,
                        struct error *error);

/* An X.509 certificate from PEM. Its dates and issuer are not checked, as nobody does. */
bool certificate_parse(struct certificate **certificate, struct text pem,
                       apr_pool_t *pool, struct error *error);
const struct key *certificate_key(const struct certificate *certificate);
/* The DER encoding, for fingerprints. */
struct text certificate_der(const struct certificate *certificate);
/* Self-signed, "CN=<fqrn> CernVM-FS Release Managers" (name cut as cvmfs-format 3.4
 * says), valid for 365 days from NOW. */
bool certificate_create(struct text *pem, const struct key *key, const char *fqrn,
                        apr_time_t now, apr_pool_t *pool, struct error *error);
/* Whether the private KEY belongs to the certificate. */
bool certificate_matches(const struct certificate *certificate, const struct key *key);

/* Manifest form: SHA-1 of TEXT in a DigestInfo, padded and signed.
 * False: ERROR_BAD_SIGNATURE for anything but exactly those bytes. */
bool signature_verify_digest_info(const struct key *key, struct text text,
                                  struct text signature, struct error *error);
bool signature_sign_digest_info(struct text *signature, const struct key *key,
                                struct text text, apr_pool_t *pool, struct error *error);

/* Whitelist form: TEXT itself, padded and signed. */
bool signature_verify_recovered(const struct key *key, struct text text,
                                struct text signature, struct error *error);
bool signature_sign_recoverable(struct text *signature, const struct key *key,
                                struct text text, apr_pool_t *pool, struct error *error);

#endif
