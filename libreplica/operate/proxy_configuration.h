/* SPDX-License-Identifier: Apache-2.0 */
/* A squid.conf for a host, each line with its reason. conf/squid/squid-accelerator.conf
 * and squid-site-proxy.conf are what comes out without options. */
#ifndef REPLICA_OPERATE_PROXY_CONFIGURATION_H
#define REPLICA_OPERATE_PROXY_CONFIGURATION_H

#include "libreplica/operate/proxy_needs.h"

/* The whole file. OPTIONS are complete. */
const char *proxy_configuration_format(const struct proxy_options *options,
                                       const struct proxy_needs *needs, apr_pool_t *pool);

#endif
