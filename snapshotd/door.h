/* SPDX-License-Identifier: Apache-2.0 */
/* The one Unix socket: who may connect, messages in and out, and threads that answer.
 * docs/socket.md describes it for those who ask. */
#ifndef REPLICA_SNAPSHOTD_DOOR_H
#define REPLICA_SNAPSHOTD_DOOR_H

#include "libreplica/base/settings.h"

struct door;

/* Make the socket of the settings and answer on it, in threads of its own, requests for
 * repositories of USER. CONFDIR and USER outlive it. False: ERROR_IO, ERROR_SETTING. */
bool door_open(struct door **door, const char *confdir, const char *user,
               const struct settings *server, struct error *error);

/* End what is under way, and the threads. */
void door_close(struct door *door);

#endif
