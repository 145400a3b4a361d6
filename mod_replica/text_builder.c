/* SPDX-License-Identifier: Apache-2.0 */
/* Long texts, piece by piece. */
#include "mod_replica/text_builder.h"

#include <stdarg.h>
#include <apr_strings.h>

struct text_builder text_builder_create(apr_pool_t *pool)
{
    return (struct text_builder){apr_array_make(pool, 256, sizeof(const char *)), pool};
}

void text_builder_add(struct text_builder *builder, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    APR_ARRAY_PUSH(builder->pieces, const char *) =
        apr_pvsprintf(builder->pool, format, arguments);
    va_end(arguments);
}

const char *text_builder_text(const struct text_builder *builder)
{
    return apr_array_pstrcat(builder->pool, builder->pieces, '\0');
}
