/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads: a file of the present revision, put together from the store. */
#ifndef REPLICA_MOD_DOWNLOAD_H
#define REPLICA_MOD_DOWNLOAD_H

#include "mod_replica/upload_door.h"

/* Answer a GET or HEAD of PATH. */
int download(request_rec *r, const struct replica_request *request, const char *path);

#endif
