/* SPDX-License-Identifier: Apache-2.0 */
/* A line about an object that a client asked for in vain: "<repository> <object>". httpd
 * writes it, snapshotd reads it and believes nothing. */
#ifndef REPLICA_FORMAT_MISSING_REPORT_H
#define REPLICA_FORMAT_MISSING_REPORT_H

#include "libreplica/base/text.h"
#include "libreplica/format/object.h"

/* Below REPLICA_SPOOL_DIR: the folder that httpd may write to, and the file in it. */
#define MISSING_REPORT_FOLDER "httpd"
#define MISSING_REPORT_FILE   "missing"
/* Neither side goes on beyond so many bytes. */
#define MISSING_REPORT_FILE_SIZE (64 * 1024)

/* A name of at most 60 bytes, a blank, an object, LF, NUL. */
#define MISSING_REPORT_SIZE 120

/* Returns the length of the line, LF included; 0 if REPOSITORY is no repository name. */
size_t missing_report_format(char line[MISSING_REPORT_SIZE], struct text repository,
                             const struct object *object);

/* From a line without its LF; *repository points into it. */
bool missing_report_parse(struct text *repository, struct object *object,
                          struct text line);

#endif
