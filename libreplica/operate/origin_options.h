/* SPDX-License-Identifier: Apache-2.0 */
/* How an origin is reached, as the configuration says. */
#ifndef REPLICA_OPERATE_ORIGIN_OPTIONS_H
#define REPLICA_OPERATE_ORIGIN_OPTIONS_H

#include "libreplica/base/settings.h"
#include "libreplica/net/fetch.h"

/* Timeout, retries, proxy, certificates and redirects from SETTINGS; one connection, no
 * bandwidth cap. The strings are those of SETTINGS. STOP may be NULL. */
struct fetcher_options origin_options(const struct settings *settings,
                                      const volatile int *stop);

#endif
