/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside those of the host program. */
#ifndef REPLICA_BASE_THREAD_H
#define REPLICA_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include "libreplica/base/error.h"

/* Start a thread that gets no signals: those are for the host program's own. The caller
 * joins it. False: ERROR_IO. */
bool thread_start(pthread_t *thread, void *(*run)(void *), void *data,
                  struct error *error);

#endif
