/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of multipart/form-data, taken apart while they come in. Pure; memory does not
 * grow. Source: RFC 7578, RFC 2046 5.1. */
#ifndef REPLICA_FORMAT_MULTIPART_H
#define REPLICA_FORMAT_MULTIPART_H

#include <stdbool.h>
#include "libreplica/base/text.h"

/* The RFC has 70. */
#define MULTIPART_BOUNDARY_MAX 200
/* Of all headers of one part. */
#define MULTIPART_HEADER_MAX 8192

enum multipart_event {
    MULTIPART_MORE,     /* all input is taken: go on with more */
    MULTIPART_PART,     /* a part begins: its name, file_name and type are known */
    MULTIPART_DATA,     /* bytes of it */
    MULTIPART_PART_END, /* it is complete */
    MULTIPART_END,      /* so is the body; what follows means nothing */
    MULTIPART_BAD       /* no such format */
};

/* A value; start it, then ask for events. */
struct multipart {
    struct text name;      /* of the form's field; these live until the part ends */
    struct text file_name; /* empty if there is none */
    struct text type;

    /* The parser's own. */
    int state;
    bool in_part;
    size_t held; /* bytes of the delimiter that the input so far ended with */
    size_t delimiter_length;
    size_t header_length;
    char delimiter[MULTIPART_BOUNDARY_MAX + 4];
    size_t value_length;
    char header[MULTIPART_HEADER_MAX];
    char values[MULTIPART_HEADER_MAX]; /* of parameters, without their quotes */
};

/* From the value of a header Content-Type. False: it is no multipart/form-data, or has no
 * usable boundary. */
bool multipart_start(struct multipart *multipart, struct text content_type);

/* Take from *INPUT up to the next event. With MULTIPART_DATA *data points into the input
 * or into *multipart. */
enum multipart_event multipart_next(struct multipart *multipart, struct text *data,
                                    struct text *input);

#endif
