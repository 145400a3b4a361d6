/* SPDX-License-Identifier: Apache-2.0 */
/* What operators' syslog rules look for: the reference's lines under the reference's tag.
 */
#ifndef REPLICA_OPERATE_JOURNAL_H
#define REPLICA_OPERATE_JOURNAL_H

/* "(<local name>) <text>" to syslog, tag cvmfs_server; without a name the text alone.
 * Thread-safe.
 * Source: stratum1-http-and-ops 3.6. */
void journal_write(const char *local_name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
