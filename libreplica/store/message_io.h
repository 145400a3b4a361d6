/* SPDX-License-Identifier: Apache-2.0 */
/* Messages over a Unix socket, as whoever has one at each end sends and takes them. */
#ifndef REPLICA_STORE_MESSAGE_IO_H
#define REPLICA_STORE_MESSAGE_IO_H

#include <apr_time.h>
#include "libreplica/format/message.h"

/* Whatever PATH is, as an address. False: ERROR_SETTING (too long). */
struct sockaddr_un;
bool message_address(struct sockaddr_un *address, const char *path, struct error *error);

/* Send a message; PASSED is a descriptor to go along, or -1. Header->length is set.
 * False: ERROR_UNREACHABLE (gone, or took nothing until DEADLINE). */
bool message_send(int socket, struct message_header *header, struct text body, int passed,
                  apr_time_t deadline, struct error *error);

/* Send what the socket takes of BYTES now, *sent of them; PASSED goes with the first one.
 * False: ERROR_UNREACHABLE (gone). */
bool message_send_some(size_t *sent, int socket, struct text bytes, int passed,
                       struct error *error);

/* Take one. *passed is a descriptor that came along, or -1; the caller closes it. POOL
 * owns the body. False: ERROR_UNREACHABLE (gone, or late), or of the header. */
bool message_receive(struct message_header *header, struct text *body, int *passed,
                     int socket, apr_time_t deadline, apr_pool_t *pool,
                     struct error *error);

#endif
