/* SPDX-License-Identifier: Apache-2.0 */
/* Objects and their paths. */
#include "libreplica/format/object.h"

#include <stdio.h>
#include <string.h>

const char *object_name(char name[OBJECT_NAME_SIZE], const struct object *object)
{
    size_t length;

    hash_format(name, &object->hash);
    length = strlen(name);
    name[length] = (char)object->type;
    name[length + (object->type != OBJECT_FILE)] = '\0';
    return name;
}

const char *object_path(char path[OBJECT_PATH_SIZE], const struct object *object)
{
    char name[OBJECT_NAME_SIZE];

    object_name(name, object);
    snprintf(path, OBJECT_PATH_SIZE, "data/%.2s/%s", name, name + 2);
    return path;
}

bool object_parse_name(struct object *object, struct text name)
{
    struct object parsed = {.type = OBJECT_FILE};

    if (name.length == 0)
        return false;
    switch (name.bytes[name.length - 1]) {
    case OBJECT_CATALOG:
    case OBJECT_HISTORY:
    case OBJECT_CERTIFICATE:
    case OBJECT_METAINFO:
    case OBJECT_CHUNK:
    case OBJECT_MICRO_CATALOG:
        parsed.type = (enum object_type)name.bytes[name.length - 1];
        name.length--;
        break;
    default:
        break;
    }
    if (!hash_parse(&parsed.hash, name))
        return false;
    *object = parsed;
    return true;
}

bool object_parse(struct object *object, struct text directory, struct text rest)
{
    char name[OBJECT_NAME_SIZE];

    if (directory.length != 2 || rest.length > sizeof(name) - 2)
        return false;
    memcpy(name, directory.bytes, 2);
    memcpy(name + 2, rest.bytes, rest.length);
    return object_parse_name(object, (struct text){name, 2 + rest.length});
}
