/* SPDX-License-Identifier: Apache-2.0 */
/* What httpd has to know of a repository: only of a pass-through replica, which mod_proxy
 * gets from its origin. */
#ifndef REPLICA_OPERATE_WEB_CONFIGURATION_H
#define REPLICA_OPERATE_WEB_CONFIGURATION_H

#include "libreplica/base/settings.h"

/* The file, whether it is there or not: cvmfs.<name>.conf in REPLICA_HTTPD_CONF_DIR or in
 * the folder that httpd of this system has. False: ERROR_NOT_FOUND (it has none). */
bool web_configuration_path(const char **path, const struct settings *server,
                            const char *local_name, apr_pool_t *pool,
                            struct error *error);

/* Write it, and enable it where that is done by a link, as on Debian; one of our own is
 * replaced. False, and nothing is written: ERROR_USAGE (an origin that cannot be passed
 * through), ERROR_EXISTS (somebody else's file), those of web_configuration_path and of
 * writing. */
bool web_configuration_write(const struct settings *server, const char *local_name,
                             const char *origin_url, apr_pool_t *pool,
                             struct error *error);

/* Remove it, if it is ours. *removed false: there was none. */
bool web_configuration_remove(bool *removed, const struct settings *server,
                              const char *local_name, apr_pool_t *pool,
                              struct error *error);

#endif
