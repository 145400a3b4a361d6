/* SPDX-License-Identifier: Apache-2.0 */
/* The elements of X-Forwarded-For. */
#include "mod_replica/forwarded_for.h"

static bool is_separator(char byte)
{
    return byte == ',' || byte == ' ' || byte == '\t';
}

bool forwarded_for_take_last(struct text *element, struct text *list)
{
    size_t end = list->length, start;

    while (end > 0 && is_separator(list->bytes[end - 1]))
        end--;
    for (start = end; start > 0 && !is_separator(list->bytes[start - 1]); start--)
        continue;
    *element = (struct text){list->bytes + start, end - start};
    list->length = start;
    return element->length > 0;
}

struct text forwarded_for_tail(struct text list)
{
    static const char separators[] = {' ', ','};

    for (size_t i = 0; i < sizeof(separators); i++)
        for (size_t start = list.length; start > 0; start--)
            if (list.bytes[start - 1] == separators[i])
                return (struct text){list.bytes + start, list.length - start};
    return list;
}
