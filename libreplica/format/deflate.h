/* SPDX-License-Identifier: Apache-2.0 */
/* The makers of zlib streams behind compress.h. */
#ifndef REPLICA_FORMAT_DEFLATE_H
#define REPLICA_FORMAT_DEFLATE_H

#include "libreplica/format/compress.h"

/* Where the compressed bytes go. */
struct deflate_output {
    compressor_sink *sink;
    void *baton;
};

/* One maker. Each stream is begun by start and ended by a write that IS_LAST; the bytes
 * of a stream depend on nothing but its content. STATE is what create returned. */
struct deflate_maker {
    void *(*create)(apr_pool_t *pool);
    void (*start)(void *state);
    bool (*write)(void *state, const void *bytes, size_t length, bool is_last,
                  const struct deflate_output *output, struct error *error);
};

extern const struct deflate_maker deflate_zlib, deflate_isal;

/* Of the processor this runs on. */
bool deflate_isal_is_known_here(void);

#endif
