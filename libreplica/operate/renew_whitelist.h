/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the whitelist of a Stratum 0 alive: it is signed anew at half its life. */
#ifndef REPLICA_OPERATE_RENEW_WHITELIST_H
#define REPLICA_OPERATE_RENEW_WHITELIST_H

#include "libreplica/format/whitelist.h"
#include "libreplica/store/repository.h"

/* So long before it expires, whoever is in charge has to know that it cannot be signed:
 * seven days, and what the hours of expiry and pauses between two looks may cost. */
#define WHITELIST_ALERT_TIME apr_time_from_sec((apr_time_t)8 * 24 * 3600)

struct whitelist_renewal {
    apr_time_t expires; /* the present one, or the one just signed; 0: there is none */
    bool was_signed;
};

/* Whether a whitelist for DAYS that is signed now should replace PRESENT: half of its
 * life is over, and the new one lives longer. Pure. */
bool whitelist_is_due(const struct whitelist *present, int64_t days, apr_time_t now);

/* Sign it if it is due, under the repository's update lock; if it is not, but expires
 * within WHITELIST_ALERT_TIME, see that it could be signed. As the repository's user.
 *   keys   directory of the keys
 * False: it has to be signed, soon at least, and cannot be: ERROR_BUSY (somebody has the
 * lock), ERROR_OUTDATED (the clock is behind what was published), ERROR_UNSUPPORTED
 * (signing is not ours to do), those of publish_sign_whitelist (publish/whitelists.h). */
bool renew_whitelist(struct whitelist_renewal *renewal,
                     const struct repository *repository, const char *keys,
                     apr_time_t now, apr_pool_t *pool, struct error *error);

#endif
