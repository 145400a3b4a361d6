/* SPDX-License-Identifier: Apache-2.0 */
/* Lines about objects that were asked for in vain. */
#include "libreplica/format/missing_report.h"

#include <stdio.h>
#include <string.h>

size_t missing_report_format(char line[MISSING_REPORT_SIZE], struct text repository,
                             const struct object *object)
{
    char name[OBJECT_NAME_SIZE];
    int length;

    if (!text_is_repository_name(repository))
        return 0;
    length = snprintf(line, MISSING_REPORT_SIZE, "%.*s %s\n", (int)repository.length,
                      repository.bytes, object_name(name, object));
    return length > 0 && length < MISSING_REPORT_SIZE ? (size_t)length : 0;
}

bool missing_report_parse(struct text *repository, struct object *object,
                          struct text line)
{
    const char *blank = memchr(line.bytes, ' ', line.length);
    size_t length;

    if (blank == NULL)
        return false;
    length = (size_t)(blank - line.bytes);
    *repository = (struct text){line.bytes, length};
    return text_is_repository_name(*repository) &&
           object_parse_name(object, (struct text){blank + 1, line.length - length - 1});
}
