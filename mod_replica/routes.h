/* SPDX-License-Identifier: Apache-2.0 */
/* The table from kind of request to door, methods and handler. */
#ifndef REPLICA_MOD_ROUTES_H
#define REPLICA_MOD_ROUTES_H

#include <stdbool.h>
#include <httpd.h>

#include "libreplica/format/request_path.h"
#include "mod_replica/config.h"

/* A group of routes that the directive opens together. */
enum door { DOOR_SERVE, DOOR_STATUS, DOOR_UPLOAD, DOOR_COUNT };

/* A request for one of our URLs, kept in httpd's request from translation on. */
struct replica_request {
    struct request_path path;
    const struct route *route; /* NULL: nothing is served here, 404 */
    struct replica_config *config;
};

/* Answer the request: like an httpd handler, but never DECLINED. */
typedef int route_handler(request_rec *r, const struct replica_request *request);

struct route_methods {
    int64_t allowed;    /* bit set of 1 << httpd's method numbers */
    bool takes_body;    /* or deals with it; else it is read and forgotten before */
    const char *header; /* the same as the text of Allow */
};

struct route {
    enum door door;
    const struct route_methods *methods;
    route_handler *handler;
};

/* The route of KIND if its door is open in CONFIG, else NULL. */
const struct route *route_find(const struct replica_config *config,
                               enum request_kind kind);

bool door_parse(enum door *door, const char *name);
/* All of them, for messages. */
const char *door_names(void);

#endif
