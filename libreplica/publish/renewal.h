/* SPDX-License-Identifier: Apache-2.0 */
/* A new certificate for a repository, so that nobody refuses it at any moment: it is
 * listed beside the present one before anything is signed with it. Files that are not in
 * use yet are <fqrn>.key.new and <fqrn>.crt.new. Source: cvmfs-format 3. */
#ifndef REPLICA_PUBLISH_RENEWAL_H
#define REPLICA_PUBLISH_RENEWAL_H

#include "libreplica/publish/publish.h"

struct renewal {
    const char *key;
    const char *new_key; /* NULL: the key stays, or is installed already */
    const char *certificate;
    const char *new_certificate;
    bool is_listed; /* a renewal that was cut off goes on: the new key is in use */
};

/* Make the new files, in place of those that a renewal left behind that was cut off
 * before. Whoever may write in the directory does it, and then gives them to the
 * repository's owner. KEEPS_KEY: only the certificate is new. */
bool renewal_prepare(struct renewal *renewal, const struct publish_target *target,
                     bool keeps_key, apr_time_t now, apr_pool_t *pool,
                     struct error *error);

/* As the owner, who holds the update lock: sign a whitelist that lists both. */
bool renewal_list(const struct renewal *renewal, const struct publish_target *target,
                  apr_time_t now, apr_pool_t *pool, struct error *error);

/* Take the new files into use; publish_sign_head has to follow. */
bool renewal_install(const struct renewal *renewal, apr_pool_t *pool,
                     struct error *error);

#endif
