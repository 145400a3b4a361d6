/* SPDX-License-Identifier: Apache-2.0 */
/* Makes small MMDB files. */
#include "tests/unit/mmdb_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

#define SEPARATOR_SIZE 16

void mmdb_append(struct mmdb_bytes *to, const void *bytes, size_t length)
{
    while (to->room < to->length + length) {
        to->room = 2 * to->room + 256;
        to->bytes = realloc(to->bytes, to->room);
        if (to->bytes == NULL)
            abort();
    }
    if (length > 0)
        memcpy(to->bytes + to->length, bytes, length);
    to->length += length;
}

static void append_number(struct mmdb_bytes *to, uint64_t number, int bytes)
{
    while (bytes-- > 0) {
        unsigned char byte = (unsigned char)(number >> 8 * bytes);

        mmdb_append(to, &byte, 1);
    }
}

static void append_control(struct mmdb_bytes *to, int type, unsigned int size)
{
    unsigned int bits = size < 29 ? size : size < 285 ? 29 : 30;

    append_number(to, (type > 7 ? 0U : (unsigned int)type) << 5 | bits, 1);
    if (type > 7)
        append_number(to, (unsigned int)type - 7, 1);
    if (bits == 29)
        append_number(to, size - 29, 1);
    if (bits == 30)
        append_number(to, size - 285, 2);
}

void mmdb_string(struct mmdb_bytes *to, const char *string)
{
    append_control(to, 2, (unsigned int)strlen(string));
    mmdb_append(to, string, strlen(string));
}

void mmdb_map(struct mmdb_bytes *to, int pairs)
{
    append_control(to, 7, (unsigned int)pairs);
}

void mmdb_array(struct mmdb_bytes *to, unsigned int elements)
{
    append_control(to, 11, elements);
}

void mmdb_double(struct mmdb_bytes *to, double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof(bits));
    append_control(to, 3, 8);
    append_number(to, bits, 8);
}

void mmdb_float(struct mmdb_bytes *to, float number)
{
    uint32_t bits;

    memcpy(&bits, &number, sizeof(bits));
    append_control(to, 15, 4);
    append_number(to, bits, 4);
}

void mmdb_number(struct mmdb_bytes *to, int type, uint64_t number)
{
    int bytes = type == 5 ? 2 : type == 6 ? 4 : 8;

    append_control(to, type, (unsigned int)bytes);
    append_number(to, number, bytes);
}

void mmdb_pointer(struct mmdb_bytes *to, uint32_t target)
{
    append_number(to, 1 << 5 | 3 << 3, 1);
    append_number(to, target, 4);
}

void mmdb_place(struct mmdb_bytes *to, double latitude, double longitude)
{
    mmdb_map(to, 1);
    mmdb_string(to, "location");
    mmdb_map(to, 2);
    mmdb_string(to, "latitude");
    mmdb_double(to, latitude);
    mmdb_string(to, "longitude");
    mmdb_double(to, longitude);
}

static void append_metadata(struct mmdb_bytes *to, const struct mmdb_options *options)
{
    mmdb_map(to, options->epoch < 0 ? 8 : 9);
    mmdb_string(to, "node_count");
    mmdb_number(to, 6, options->node_count != 0 ? options->node_count : 1);
    mmdb_string(to, "record_size");
    mmdb_number(to, 5, 32);
    mmdb_string(to, "ip_version");
    mmdb_number(to, 5, options->ip_version != 0 ? (uint64_t)options->ip_version : 4);
    mmdb_string(to, "database_type");
    mmdb_string(to, "Test");
    mmdb_string(to, "languages");
    mmdb_array(to, 1);
    mmdb_string(to, "en");
    mmdb_string(to, "binary_format_major_version");
    mmdb_number(to, 5, 2);
    mmdb_string(to, "binary_format_minor_version");
    mmdb_number(to, 5, 0);
    if (options->epoch >= 0) {
        mmdb_string(to, "build_epoch");
        mmdb_number(to, 9, options->epoch > 0 ? (uint64_t)options->epoch : 1760000000);
    }
    mmdb_string(to, "description");
    mmdb_map(to, 0);
}

static void write_file(const char *path, const struct mmdb_bytes *content,
                       apr_pool_t *pool)
{
    char *temporary = apr_pstrcat(pool, path, ".new", NULL);
    FILE *file = fopen(temporary, "w");

    if (file == NULL ||
        fwrite(content->bytes, 1, content->length, file) != content->length ||
        fclose(file) != 0 || rename(temporary, path) != 0)
        abort();
}

void mmdb_write(const char *path, struct mmdb_options options, apr_pool_t *pool)
{
    static const char separator[SEPARATOR_SIZE], marker[] = "\xab\xcd\xefMaxMind.com";
    uint32_t count = options.node_count != 0 ? options.node_count : 1;
    struct mmdb_bytes file = {NULL};

    append_number(&file, options.first.length > 0 ? count + SEPARATOR_SIZE : count, 4);
    append_number(
        &file,
        options.second.length > 0 ? count + SEPARATOR_SIZE + options.first.length : count,
        4);
    mmdb_append(&file, separator, sizeof(separator));
    mmdb_append(&file, options.first.bytes, options.first.length);
    mmdb_append(&file, options.second.bytes, options.second.length);
    mmdb_append(&file, marker, strlen(marker));
    if (options.metadata.length > 0)
        mmdb_append(&file, options.metadata.bytes, options.metadata.length);
    else
        append_metadata(&file, &options);
    write_file(path, &file, pool);
    free(file.bytes);
    free(options.first.bytes);
    free(options.second.bytes);
    free(options.metadata.bytes);
}
