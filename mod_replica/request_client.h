/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asking: the client behind the proxies that we trust. */
#ifndef REPLICA_MOD_REQUEST_CLIENT_H
#define REPLICA_MOD_REQUEST_CLIENT_H

#include <stdbool.h>
#include <httpd.h>

/* Hook post_read_request: give httpd the effective client as the request's address, for
 * `Require`, for the access log and for ourselves. That is the peer or, if the peer is a
 * trusted proxy, the last element of X-Forwarded-For that is not. A request that came
 * through any proxy is never local: where only a local address, or none, is left, the
 * client is 0.0.0.0. Source: design 3. */
int request_client_find(request_rec *r);

/* The address, as text, of whoever httpd, or mod_remoteip, says has connected. */
const char *request_client_peer(const request_rec *r);

/* Whether the client is on this machine, and no proxy in between. */
bool request_client_is_local(request_rec *r);

#endif
