/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside those of the host program. */
#include "libreplica/base/thread.h"

#include <signal.h>

bool thread_start(pthread_t *thread, void *(*run)(void *), void *data,
                  struct error *error)
{
    sigset_t all, old;
    int status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    status = pthread_create(thread, NULL, run, data);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return status == 0 || error_set_errno(error, status, "cannot start a thread");
}
