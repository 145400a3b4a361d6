/* SPDX-License-Identifier: Apache-2.0 */
/* Watches a helper's worker: Squid waits for ever for an answer, so there has to be one.
 *
 * The worker has Squid's descriptors and does all the work; nothing passes through the
 * watching process, which looks a few times a second, while there is work, whether it
 * gets on. A worker that dies or stands still for a second is replaced, and what it had
 * read and not answered is answered BH: Squid then asks up to twice more. */
#ifndef REPLICA_HELPER_WATCH_H
#define REPLICA_HELPER_WATCH_H

#include "squid-helpers/helper_loop.h"

/* Be the helper, until Squid closes standard input. Returns the exit code. */
int helper_run(struct helper *helper);

#endif
