/* SPDX-License-Identifier: Apache-2.0 */
/* What a server says about itself: info/v1/repositories.json and meta.json below
 * REPLICA_STORAGE_DIR. Source: stratum1-http-and-ops 1.4. */
#ifndef REPLICA_OPERATE_SERVER_INFO_H
#define REPLICA_OPERATE_SERVER_INFO_H

#include "libreplica/base/error.h"
#include "libreplica/base/settings.h"

/* The directory of both files. */
const char *server_info_directory(const struct settings *server, apr_pool_t *pool);

/* Make the directory, a repositories.json without any, and a meta.json for the
 * administrator to fill in; what is there is left. */
bool server_info_create(const struct settings *server, apr_pool_t *pool,
                        struct error *error);

/* Write repositories.json from the configuration. A repository whose files hold a bad
 * value is listed by what can be read of them: it may still be served. */
bool server_info_update(const char *confdir, const struct settings *server,
                        apr_pool_t *pool, struct error *error);

/* The administrator's meta.json: POOL owns the text. */
bool server_info_read_meta(struct text *text, const struct settings *server,
                           apr_pool_t *pool, struct error *error);
/* False and nothing written: ERROR_BAD_FORMAT (not a JSON object; line and reason). */
bool server_info_write_meta(const struct settings *server, struct text text,
                            apr_pool_t *pool, struct error *error);
/* The check of server_info_write_meta alone. */
bool server_info_check_meta(struct text text, struct error *error);

#endif
