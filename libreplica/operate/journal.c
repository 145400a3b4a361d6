/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for syslog. */
#include "libreplica/operate/journal.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

static pthread_once_t opened = PTHREAD_ONCE_INIT;

static void journal_open(void)
{
    openlog("cvmfs_server", LOG_PID, LOG_DAEMON);
}

void journal_write(const char *local_name, const char *format, ...)
{
    va_list arguments;
    char text[512];

    pthread_once(&opened, journal_open);
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (local_name == NULL)
        syslog(LOG_NOTICE, "%s", text);
    else
        syslog(LOG_NOTICE, "(%s) %s", local_name, text);
}
