/* SPDX-License-Identifier: Apache-2.0 */
/* Values in an MMDB file, read with bounds on every step. */
#include "libreplica/geo/record.h"

#include <stdint.h>
#include <string.h>

/* COUNT bytes, the most significant one first. */
static uint64_t big_endian(const unsigned char *bytes, size_t count)
{
    uint64_t number = 0;

    for (size_t i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

static bool has(const struct record_section *section, size_t offset, size_t count)
{
    return offset <= section->size && count <= section->size - offset;
}

static bool read_pointer(struct record_value *value, const struct record_section *section,
                         unsigned int control, size_t offset)
{
    static const size_t bases[] = {0, 2048, 526336, 0};
    size_t count = (control >> 3 & 3) + 1;
    uint64_t high = count < 4 ? (uint64_t)(control & 7) << 8 * count : 0;

    if (!has(section, offset, count))
        return false;
    value->target = high + big_endian(section->bytes + offset, count) + bases[count - 1];
    value->content = offset;
    value->size = count;
    value->next = offset + count;
    return true;
}

/* The size that the five bits of the control byte stand for; *offset moves on. */
static bool read_size(size_t *size, const struct record_section *section,
                      unsigned int control, size_t *offset)
{
    static const size_t bases[] = {29, 285, 65821};
    unsigned int bits = control & 31;
    size_t count = bits < 29 ? 0 : bits - 28;

    *size = bits;
    if (count == 0)
        return true;
    if (!has(section, *offset, count))
        return false;
    *size = bases[count - 1] + big_endian(section->bytes + *offset, count);
    *offset += count;
    return true;
}

static bool fits_type(int type, size_t size)
{
    static const unsigned char limits[] = {
        [RECORD_DOUBLE] = 8, [RECORD_UINT16] = 2, [RECORD_UINT32] = 4,
        [RECORD_INT32] = 4,  [RECORD_UINT64] = 8, [RECORD_UINT128] = 16,
        [RECORD_FLOAT] = 4,
    };

    if (type == RECORD_DOUBLE || type == RECORD_FLOAT)
        return size == limits[type];
    return type > RECORD_FLOAT || limits[type] == 0 || size <= limits[type];
}

bool record_read(struct record_value *value, const struct record_section *section,
                 size_t offset)
{
    unsigned int control;

    if (!has(section, offset, 1))
        return false;
    control = section->bytes[offset++];
    value->type = (int)(control >> 5);
    if (value->type == RECORD_POINTER)
        return read_pointer(value, section, control, offset);
    if (value->type == 0) {
        if (!has(section, offset, 1))
            return false;
        value->type = 7 + section->bytes[offset++];
    }
    if (!read_size(&value->size, section, control, &offset))
        return false;
    value->content = value->next = offset;
    if (value->type == RECORD_MAP || value->type == RECORD_ARRAY ||
        value->type == RECORD_BOOLEAN)
        return true;
    value->next += value->size;
    return has(section, offset, value->size) && fits_type(value->type, value->size);
}

/* Elements that directly follow a value and belong to it. */
static size_t count_elements(const struct record_value *value)
{
    if (value->type == RECORD_MAP)
        return 2 * value->size;
    return value->type == RECORD_ARRAY ? value->size : 0;
}

/* Pass the value at *OFFSET with all that is in it. */
static bool skip(const struct record_section *section, size_t *offset, int *steps)
{
    struct record_value value;

    for (size_t pending = 1; pending > 0; pending--) {
        if (--*steps < 0 || !record_read(&value, section, *offset))
            return false;
        pending += count_elements(&value);
        *offset = value.next;
    }
    return true;
}

/* Where the value at OFFSET really is. */
static bool follow(struct record_value *value, const struct record_section *section,
                   size_t *offset)
{
    if (!record_read(value, section, *offset))
        return false;
    if (value->type != RECORD_POINTER)
        return true;
    *offset = value->target;
    return record_read(value, section, *offset) && value->type != RECORD_POINTER;
}

bool record_find(size_t *found, const struct record_section *section, size_t offset,
                 const char *key, int *steps)
{
    struct record_value map, name;
    size_t length = strlen(key);

    if (!follow(&map, section, &offset) || map.type != RECORD_MAP)
        return false;
    offset = map.next;
    for (size_t i = 0; i < map.size; i++) {
        size_t at = offset;

        if (--*steps < 0 || !record_read(&name, section, at))
            return false;
        offset = name.next;
        if (!follow(&name, section, &at) || name.type != RECORD_STRING)
            return false;
        if (name.size == length &&
            memcmp(section->bytes + name.content, key, length) == 0) {
            *found = offset;
            return follow(&name, section, found);
        }
        if (!skip(section, &offset, steps))
            return false;
    }
    return false;
}

bool record_read_number(unsigned int *number, const struct record_section *section,
                        size_t offset, enum record_type type)
{
    struct record_value value;

    if (!record_read(&value, section, offset) || value.type != (int)type ||
        value.size > sizeof(*number))
        return false;
    *number = (unsigned int)big_endian(section->bytes + value.content, value.size);
    return true;
}

static bool read_degrees(double *degrees, const struct record_section *section,
                         size_t offset, double limit)
{
    struct record_value value;
    uint64_t bits;
    uint32_t bits32;
    float number;

    if (!record_read(&value, section, offset))
        return false;
    if (value.type == RECORD_DOUBLE) {
        bits = big_endian(section->bytes + value.content, sizeof(bits));
        memcpy(degrees, &bits, sizeof(*degrees));
    } else if (value.type == RECORD_FLOAT) {
        bits32 = (uint32_t)big_endian(section->bytes + value.content, sizeof(bits32));
        memcpy(&number, &bits32, sizeof(number));
        *degrees = number;
    } else {
        return false;
    }
    return *degrees >= -limit && *degrees <= limit; /* NaN is not */
}

static bool read_point(struct geo_point *point, const struct record_section *section,
                       size_t offset, int *steps)
{
    size_t latitude, longitude;

    return record_find(&latitude, section, offset, "latitude", steps) &&
           record_find(&longitude, section, offset, "longitude", steps) &&
           read_degrees(&point->latitude, section, latitude, 90) &&
           read_degrees(&point->longitude, section, longitude, 180);
}

bool record_find_point(struct geo_point *point, const struct record_section *section,
                       size_t offset, int *steps)
{
    size_t location;

    if (record_find(&location, section, offset, "location", steps))
        return read_point(point, section, location, steps);
    return read_point(point, section, offset, steps);
}

bool record_is_modest(const struct record_section *section, size_t *offset, int depth,
                      int *steps)
{
    struct record_value value;
    size_t count;

    if (depth == 0 || --*steps < 0 || !record_read(&value, section, *offset))
        return false;
    *offset = value.next;
    if (value.type == RECORD_POINTER)
        return record_is_modest(section, &value.target, depth - 1, steps);
    count = count_elements(&value);
    for (size_t i = 0; i < count; i++)
        if (!record_is_modest(section, offset, depth - 1, steps))
            return false;
    return true;
}
