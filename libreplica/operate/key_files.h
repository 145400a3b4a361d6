/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a publisher's keys: <directory>/<fqrn>.masterkey, .key, .pub, .crt. */
#ifndef REPLICA_OPERATE_KEY_FILES_H
#define REPLICA_OPERATE_KEY_FILES_H

#include "libreplica/operate/owner.h"

enum key_file {
    KEY_FILE_MASTER,
    KEY_FILE_SIGNING,
    KEY_FILE_PUBLIC,
    KEY_FILE_CERTIFICATE,
    KEY_FILE_COUNT
};

const char *key_file_path(const char *directory, const char *fqrn, enum key_file file,
                          apr_pool_t *pool);
bool key_file_exists(const char *directory, const char *fqrn, enum key_file file,
                     apr_pool_t *pool);

/* Copy a file with the mode that it has to have; one that is there is replaced. False:
 * ERROR_NOT_FOUND, ERROR_PERMISSION (others may read a private key), ERROR_IO. */
bool key_file_copy(const char *to, const char *from, const char *fqrn, enum key_file file,
                   apr_pool_t *pool, struct error *error);
/* Whether they hold the same bytes. False: those of reading them. */
bool key_file_compare(bool *same, const char *one, const char *other, const char *fqrn,
                      enum key_file file, apr_pool_t *pool, struct error *error);

/* Give those that are there to the user who publishes with them. */
bool key_files_give(const char *directory, const char *fqrn, const struct owner *owner,
                    apr_pool_t *pool, struct error *error);

#endif
