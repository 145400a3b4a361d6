/* SPDX-License-Identifier: Apache-2.0 */
/* An upload: the body of a request becomes objects while it is received. */
#ifndef REPLICA_MOD_UPLOAD_H
#define REPLICA_MOD_UPLOAD_H

#include "mod_replica/upload_door.h"

/* Answer a PUT of PATH, and a POST of a form whose field `file` names the path. */
int upload_plain(request_rec *r, const struct replica_request *request, const char *path);
int upload_form(request_rec *r, const struct replica_request *request);

#endif
