/* SPDX-License-Identifier: Apache-2.0 */
/* The frame that manifest and whitelist share. */
#include "libreplica/format/signed_text.h"

#include <string.h>
#include <apr_strings.h>

#define SEPARATOR        "\n--\n"
#define SEPARATOR_LENGTH (sizeof(SEPARATOR) - 1)

static const char *find_separator(struct text file)
{
    return memmem(file.bytes, file.length, SEPARATOR, SEPARATOR_LENGTH);
}

bool signed_text_has_separator(struct text file)
{
    return file.length > 0 && find_separator(file) != NULL;
}

bool signed_text_split(struct signed_text *parts, struct text file, struct error *error)
{
    const char *separator = file.length > 0 ? find_separator(file) : NULL;
    struct text rest, hash_text;
    struct hash stated, computed;
    size_t body_length;

    if (separator == NULL)
        return error_set(error, ERROR_BAD_FORMAT,
                         "no line '--' ends the body; the file is cut or is not what it "
                         "should be");
    body_length = (size_t)(separator - file.bytes) + 1;
    rest.bytes = separator + SEPARATOR_LENGTH;
    rest.length = file.length - body_length - (SEPARATOR_LENGTH - 1);
    if (!text_next_line(&rest, &hash_text) || !hash_parse(&stated, hash_text))
        return error_set(error, ERROR_BAD_FORMAT, "the line after '--' is not a hash");
    if (rest.length == 0)
        return error_set(error, ERROR_BAD_FORMAT, "there is no signature after the hash");
    hash_bytes(&computed, stated.algorithm, file.bytes, body_length);
    if (!hash_equals(&stated, &computed))
        return error_set(error, ERROR_BAD_HASH,
                         "the text does not hash to the hash that ends it");
    *parts = (struct signed_text){{file.bytes, body_length}, hash_text, rest};
    return true;
}

struct text signed_text_hash(struct text body, enum hash_algorithm algorithm,
                             apr_pool_t *pool)
{
    char *text = apr_palloc(pool, HASH_TEXT_SIZE);
    struct hash hash;

    hash_bytes(&hash, algorithm, body.bytes, body.length);
    return text_of(hash_format(text, &hash));
}

struct text signed_text_join(const struct signed_text *parts, apr_pool_t *pool)
{
    static const char line[] = "--\n";
    size_t length =
        parts->body.length + 3 + parts->hash_text.length + 1 + parts->signature.length;
    char *file = apr_palloc(pool, length), *end = file;

    end = (char *)mempcpy(end, parts->body.bytes, parts->body.length);
    end = (char *)mempcpy(end, line, 3);
    end = (char *)mempcpy(end, parts->hash_text.bytes, parts->hash_text.length);
    *end++ = '\n';
    memcpy(end, parts->signature.bytes, parts->signature.length);
    return (struct text){file, length};
}
