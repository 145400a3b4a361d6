/* SPDX-License-Identifier: Apache-2.0 */
/* Long texts, piece by piece. */
#ifndef REPLICA_MOD_TEXT_BUILDER_H
#define REPLICA_MOD_TEXT_BUILDER_H

#include <apr_pools.h>
#include <apr_tables.h>

struct text_builder {
    apr_array_header_t *pieces; /* const char * */
    apr_pool_t *pool;
};

struct text_builder text_builder_create(apr_pool_t *pool);

/* FORMAT as apr's printf takes it. */
void text_builder_add(struct text_builder *builder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* All of it. */
const char *text_builder_text(const struct text_builder *builder);

#endif
