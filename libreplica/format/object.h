/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: a content hash and the letter that says what the content is. */
#ifndef REPLICA_FORMAT_OBJECT_H
#define REPLICA_FORMAT_OBJECT_H

#include <stdbool.h>
#include "libreplica/format/hash.h"

/* The type letters. Source: cvmfs-format 1.3. */
enum object_type {
    OBJECT_FILE = '\0', /* content of a whole file */
    OBJECT_CATALOG = 'C',
    OBJECT_HISTORY = 'H',
    OBJECT_CERTIFICATE = 'X',
    OBJECT_METAINFO = 'M',
    OBJECT_CHUNK = 'P',
    OBJECT_MICRO_CATALOG = 'L', /* reserved, passed through */
    OBJECT_TEMPORARY = 'T'      /* never stored, never served */
};

struct object {
    struct hash hash;
    enum object_type type;
};

/* "data/xx/<38 digits>-shake128C" and a NUL. */
#define OBJECT_PATH_SIZE 64
/* "<40 digits>-shake128C" and a NUL. */
#define OBJECT_NAME_SIZE 51

/* The path below a repository's root; also the end of its URL. Returns PATH. */
const char *object_path(char path[OBJECT_PATH_SIZE], const struct object *object);

/* The same without "data/" and the slash: the name for messages and the .cvmfsalt- links.
 */
const char *object_name(char name[OBJECT_NAME_SIZE], const struct object *object);

/* From "xx" and "<rest>" as they stand in a URL or directory. Refuses the letter T,
 * unknown letters and whatever hash_parse refuses. */
bool object_parse(struct object *object, struct text directory, struct text rest);

/* From "<hash>[letter]". */
bool object_parse_name(struct object *object, struct text name);

#endif
