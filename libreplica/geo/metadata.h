/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an MMDB file, checked before the library sees it. */
#ifndef REPLICA_GEO_METADATA_H
#define REPLICA_GEO_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "libreplica/base/error.h"

/* How far from its end a file's metadata may begin. */
#define METADATA_SIZE_MAX (128 * 1024)

/* Whether libmaxminddb, from 1.5 on, can open a file of FILE_SIZE bytes that ends with
 * the SIZE bytes of TAIL without recursing deeply, expanding what does not end, reading
 * beyond the file or leaking. What else is wrong with it, the library says.
 * ERROR_BAD_FORMAT. Pure. */
bool metadata_check(const unsigned char *tail, size_t size, int64_t file_size,
                    struct error *error);

#endif
