/* SPDX-License-Identifier: Apache-2.0 */
/* The library's log: progress only, handed to a sink that the host program sets once. */
#ifndef REPLICA_BASE_LOG_H
#define REPLICA_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

typedef void log_sink(void *baton, enum log_level level, const char *line);

/* Set the sink before any thread is started; without one, lines are dropped.
 * Lines have the form "event key=value ..." and no newline. */
void log_set_sink(log_sink *sink, void *baton, enum log_level least);

void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

const char *log_level_name(enum log_level level);

#endif
