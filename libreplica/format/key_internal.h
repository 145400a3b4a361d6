/* SPDX-License-Identifier: Apache-2.0 */
/* What keys, certificates and signatures share and nobody else sees. */
#ifndef REPLICA_FORMAT_KEY_INTERNAL_H
#define REPLICA_FORMAT_KEY_INTERNAL_H

#include <stdbool.h>
#include <openssl/evp.h>
#include "libreplica/format/signature.h"

#define KEY_BITS_MIN 1024
#define KEY_BITS_MAX 16384
/* Far above any PEM file of one key or certificate. */
#define PEM_SIZE_MAX (1024 * 1024)

struct key {
    EVP_PKEY *handle;
    bool is_private;
};

/* Take over HANDLE, which may be NULL, if it is an RSA key of fitting size. */
bool key_adopt(struct key **key, EVP_PKEY *handle, bool is_private, apr_pool_t *pool,
               struct error *error);

/* An error that ends with the crypto library's reason; clears that library's queue. */
bool key_error(struct error *error, enum error_code code, const char *what);

/* For every PEM reader: an encrypted file is an error, never a question on a terminal. */
int key_refuse_password(char *buffer, int size, int writing, void *baton);

/* A memory BIO over PEM text; NULL with *error set if it is too large. */
BIO *key_open_pem(struct text pem, struct error *error);

/* What was written to BIO, which is freed. */
bool key_take_pem(struct text *pem, BIO *bio, bool written, apr_pool_t *pool,
                  struct error *error);

#endif
