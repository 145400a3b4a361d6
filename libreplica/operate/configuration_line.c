/* SPDX-License-Identifier: Apache-2.0 */
/* Writing KEY=value lines. */
#include "libreplica/operate/configuration_line.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/text.h"

static bool is_quotable(const char *value)
{
    for (; *value != '\0'; value++)
        if ((unsigned char)*value < ' ' || *value == '\'' || *value == 0x7f)
            return false;
    return true;
}

bool configuration_line(const char **text, const char *key, const char *value,
                        apr_pool_t *pool, struct error *error)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789._-/:@+%,=";
    const char *quote = strspn(value, plain) == strlen(value) ? "" : "'";

    if (!is_quotable(value))
        return error_set(error, ERROR_USAGE, "%s: '%s' cannot be written to a file", key,
                         text_for_people(text_of(value), 80, pool));
    *text = apr_pstrcat(pool, *text, key, "=", quote, value, quote, "\n", NULL);
    return true;
}
