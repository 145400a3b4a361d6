/* SPDX-License-Identifier: Apache-2.0 */
/* Becoming the Stratum 0 of a repository whose storage is here already. */
#ifndef REPLICA_OPERATE_IMPORT_REPOSITORY_H
#define REPLICA_OPERATE_IMPORT_REPOSITORY_H

#include "libreplica/operate/new_folders.h"
#include "libreplica/operate/stratum0_configuration.h"
#include "libreplica/publish/publish.h"

struct import_options {
    const char *keys;     /* directory of <fqrn>.pub, .key, .crt, perhaps .masterkey */
    bool signs_whitelist; /* a new one, for one that has expired or is not there */
    bool makes_key;       /* with its certificate; signs_whitelist is set, too */
    bool gives_storage;   /* to the owner, as root */
    bool allows_replicas; /* the marker for Stratum 1 servers is written */
    const volatile int *stop; /* may be NULL */
};

/* Verify all that is to be relied on: the manifest by its certificate, that by the
 * whitelist (if a new one is signed, the present one may have expired, and one that is
 * missing or not of these keys counts for nothing: then the certificate has to be the one
 * in options->keys), the whitelist by the public key, that the keys belong together, what
 * the manifest names, the catalogs that are looked into, and whose the storage is.
 * Nothing is changed. configuration   fqrn, storage and keys are set; algorithm,
 * compression, ttl_seconds and is_garbage_collectable become the repository's *revision
 * the present one False: ERROR_NOT_FOUND, ERROR_EXISTS (a key of that name in
 * configuration->keys is another one), ERROR_PERMISSION, those of ensemble_read,
 * ERROR_UNSUPPORTED (catalogs of before version 2.1), ... Source: cvmfs-format 2.4, 3. */
bool import_examine(int64_t *revision, struct stratum0_configuration *configuration,
                    const struct import_options *options, const struct owner *owner,
                    apr_time_t now, apr_pool_t *pool, struct error *error);

struct import {
    const struct import_options *options;
    struct repository *repository; /* as the new files say */
    struct publish_target target;
    struct new_folders folders;
    const char *configuration;      /* the directory of its files */
    apr_array_header_t *made_files; /* const char *: keys that were not there */
};

/* After that: write the configuration, copy or make keys, hand them and, if that is
 * wanted, the storage to the owner, make the spool. False: what was made is removed
 * again; the storage stays whose it is by then. */
bool import_prepare(struct import *import,
                    const struct stratum0_configuration *configuration,
                    const struct import_options *options, const struct owner *owner,
                    const char *confdir, const struct settings *server, apr_pool_t *pool,
                    struct error *error);

/* As the owner, who holds the update lock: complete the storage's folders, write the
 * checksum of the reflog, or a new reflog if there is none, and sign what is to be
 * signed. */
bool import_finish(const struct import *import, apr_time_t now, apr_pool_t *pool,
                   struct error *error);

/* Remove what import_prepare made. */
void import_undo(const struct import *import);

#endif
