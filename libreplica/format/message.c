/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on snapshotd's socket. */
#include "libreplica/format/message.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <jansson.h>

enum field_type { FIELD_TEXT, FIELD_NUMBER, FIELD_FLAG };

/* A member of the JSON object, and of the struct. */
struct field {
    const char *name;
    enum field_type type;
    size_t offset;
};

#define REQUEST_FIELD(member, type)                                                      \
    {                                                                                    \
#member, type, offsetof(struct message_request, member)                          \
    }
static const struct field request_fields[] = {
    REQUEST_FIELD(repository, FIELD_TEXT),    REQUEST_FIELD(path, FIELD_TEXT),
    REQUEST_FIELD(token, FIELD_TEXT),         REQUEST_FIELD(key, FIELD_TEXT),
    REQUEST_FIELD(mac, FIELD_TEXT),           REQUEST_FIELD(date, FIELD_TEXT),
    REQUEST_FIELD(method, FIELD_TEXT),        REQUEST_FIELD(target, FIELD_TEXT),
    REQUEST_FIELD(size, FIELD_NUMBER),        REQUEST_FIELD(overwrites, FIELD_FLAG),
    REQUEST_FIELD(unpacks, FIELD_FLAG),       REQUEST_FIELD(ttl_seconds, FIELD_NUMBER),
    REQUEST_FIELD(upload, FIELD_NUMBER),      REQUEST_FIELD(piece_size, FIELD_NUMBER),
    REQUEST_FIELD(stored_size, FIELD_NUMBER), REQUEST_FIELD(hash, FIELD_TEXT),
    REQUEST_FIELD(is_whole, FIELD_FLAG),
};

#define ANSWER_FIELD(member, type)                                                       \
    {                                                                                    \
#member, type, offsetof(struct message_answer, member)                           \
    }
static const struct field answer_fields[] = {
    ANSWER_FIELD(error, FIELD_TEXT),           ANSWER_FIELD(reason, FIELD_TEXT),
    ANSWER_FIELD(upload, FIELD_NUMBER),        ANSWER_FIELD(algorithm, FIELD_TEXT),
    ANSWER_FIELD(compression, FIELD_TEXT),     ANSWER_FIELD(compressor, FIELD_TEXT),
    ANSWER_FIELD(cuts_files, FIELD_FLAG),      ANSWER_FIELD(minimum_chunk, FIELD_NUMBER),
    ANSWER_FIELD(average_chunk, FIELD_NUMBER), ANSWER_FIELD(maximum_chunk, FIELD_NUMBER),
    ANSWER_FIELD(limit, FIELD_NUMBER),         ANSWER_FIELD(expires_at, FIELD_NUMBER),
    ANSWER_FIELD(revision, FIELD_NUMBER),      ANSWER_FIELD(size, FIELD_NUMBER),
    ANSWER_FIELD(mtime_seconds, FIELD_NUMBER), ANSWER_FIELD(hash, FIELD_TEXT),
    ANSWER_FIELD(count, FIELD_NUMBER),
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void put_number(unsigned char *bytes, uint32_t number, int size)
{
    for (int i = size - 1; i >= 0; i--, number >>= 8)
        bytes[i] = (unsigned char)number;
}

static uint32_t get_number(const unsigned char *bytes, int size)
{
    uint32_t number = 0;

    for (int i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

void message_header_encode(unsigned char bytes[MESSAGE_HEADER_SIZE],
                           const struct message_header *header)
{
    put_number(bytes, header->length, 4);
    put_number(bytes + 4, header->version, 2);
    put_number(bytes + 6, header->type, 2);
    put_number(bytes + 8, header->request, 4);
    put_number(bytes + 12, header->deadline_ms, 4);
}

bool message_header_decode(struct message_header *header,
                           const unsigned char bytes[MESSAGE_HEADER_SIZE],
                           struct error *error)
{
    header->length = get_number(bytes, 4);
    header->version = (uint16_t)get_number(bytes + 4, 2);
    header->type = (uint16_t)get_number(bytes + 6, 2);
    header->request = get_number(bytes + 8, 4);
    header->deadline_ms = get_number(bytes + 12, 4);
    if (header->version != MESSAGE_VERSION)
        return error_set(error, ERROR_UNSUPPORTED,
                         "a message of version %d, here %d is spoken", header->version,
                         MESSAGE_VERSION);
    if (header->length > MESSAGE_BODY_MAX)
        return error_set(error, ERROR_BAD_FORMAT, "a message of %u bytes",
                         header->length);
    return true;
}

static json_t *value_of(const struct field *field, const void *from)
{
    const char *at = (const char *)from + field->offset;
    const char *text = NULL;
    int64_t number = 0;

    switch (field->type) {
    case FIELD_TEXT:
        memcpy(&text, at, sizeof(text));
        return text != NULL ? json_string(text) : NULL;
    case FIELD_NUMBER:
        memcpy(&number, at, sizeof(number));
        return number != 0 ? json_integer(number) : NULL;
    default:
        return *(const bool *)at ? json_true() : NULL;
    }
}

static json_t *object_of(const struct field *fields, size_t count, const void *from)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++) {
        json_t *value = value_of(&fields[i], from);

        if (value != NULL)
            json_object_set_new(object, fields[i].name, value);
    }
    return object;
}

/* OBJECT goes. */
static struct text text_of_object(json_t *object, apr_pool_t *pool)
{
    char *bytes = json_dumps(object, JSON_COMPACT);
    struct text text;

    json_decref(object);
    if (bytes == NULL)
        abort(); /* no memory */
    text = text_of(apr_pstrdup(pool, bytes));
    free(bytes);
    return text;
}

struct text message_request_encode(const struct message_request *request,
                                   apr_pool_t *pool)
{
    return text_of_object(object_of(request_fields, COUNT(request_fields), request),
                          pool);
}

static json_t *array_of_names(const apr_array_header_t *names)
{
    json_t *array = json_array();

    for (int i = 0; i < names->nelts; i++) {
        json_t *name = json_string(APR_ARRAY_IDX(names, i, const char *));

        if (name != NULL)
            json_array_append_new(array, name);
    }
    return array;
}

static json_t *array_of_chunks(const apr_array_header_t *chunks)
{
    json_t *array = json_array();

    for (int i = 0; i < chunks->nelts; i++) {
        const struct message_chunk *chunk =
            &APR_ARRAY_IDX(chunks, i, struct message_chunk);
        char hash[HASH_TEXT_SIZE];

        json_array_append_new(array, json_pack("[I,I,s]", (json_int_t)chunk->offset,
                                               (json_int_t)chunk->size,
                                               hash_format(hash, &chunk->hash)));
    }
    return array;
}

struct text message_answer_encode(const struct message_answer *answer, apr_pool_t *pool)
{
    json_t *object = object_of(answer_fields, COUNT(answer_fields), answer);

    if (answer->names != NULL)
        json_object_set_new(object, "names", array_of_names(answer->names));
    if (answer->trees != NULL && answer->trees->nelts > 0)
        json_object_set_new(object, "trees", array_of_names(answer->trees));
    if (answer->chunks != NULL)
        json_object_set_new(object, "chunks", array_of_chunks(answer->chunks));
    return text_of_object(object, pool);
}

static bool bad(const char *name, struct error *error)
{
    return error_set(error, ERROR_BAD_FORMAT, "the member %s of a message is none", name);
}

static bool set_field(void *to, const struct field *field, const json_t *value,
                      apr_pool_t *pool, struct error *error)
{
    char *at = (char *)to + field->offset;
    const char *text;
    int64_t number;

    switch (field->type) {
    case FIELD_TEXT:
        if (!json_is_string(value) ||
            strlen(json_string_value(value)) != json_string_length(value))
            return bad(field->name, error);
        text = apr_pstrdup(pool, json_string_value(value));
        memcpy(at, &text, sizeof(text));
        return true;
    case FIELD_NUMBER:
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            return bad(field->name, error);
        number = json_integer_value(value);
        memcpy(at, &number, sizeof(number));
        return true;
    default:
        *(bool *)at = json_is_true(value);
        return json_is_boolean(value) || bad(field->name, error);
    }
}

static bool set_fields(void *to, const struct field *fields, size_t count,
                       const json_t *object, apr_pool_t *pool, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(object, fields[i].name);

        if (value != NULL && !set_field(to, &fields[i], value, pool, error))
            return false;
    }
    return true;
}

/* NULL: it is none; *error says so. */
static json_t *load(struct text body, struct error *error)
{
    json_t *object = json_loadb(body.bytes, body.length, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(object)) {
        error_set(error, ERROR_BAD_FORMAT, "a message that is no JSON object");
        json_decref(object);
        return NULL;
    }
    return object;
}

bool message_request_decode(struct message_request *request, struct text body,
                            apr_pool_t *pool, struct error *error)
{
    json_t *object = load(body, error);
    bool ok;

    *request = (struct message_request){NULL};
    if (object == NULL)
        return false;
    ok = set_fields(request, request_fields, COUNT(request_fields), object, pool, error);
    json_decref(object);
    return ok;
}

static bool take_names(apr_array_header_t **names, const json_t *object, const char *key,
                       apr_pool_t *pool, struct error *error)
{
    const json_t *array = json_object_get(object, key);

    if (array == NULL)
        return true;
    if (!json_is_array(array))
        return bad(key, error);
    *names = apr_array_make(pool, (int)json_array_size(array) + 1, sizeof(const char *));
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *name = json_string_value(json_array_get(array, i));

        if (name == NULL)
            return bad(key, error);
        APR_ARRAY_PUSH(*names, const char *) = apr_pstrdup(pool, name);
    }
    return true;
}

static bool take_chunk(struct message_chunk *chunk, json_t *value)
{
    json_int_t offset, size;
    const char *hash;

    if (json_unpack(value, "[I,I,s]", &offset, &size, &hash) != 0 || offset < 0 ||
        size < 0 || !hash_parse(&chunk->hash, text_of(hash)))
        return false;
    chunk->offset = offset;
    chunk->size = size;
    return true;
}

static bool take_chunks(struct message_answer *answer, const json_t *array,
                        apr_pool_t *pool, struct error *error)
{
    if (array == NULL)
        return true;
    if (!json_is_array(array))
        return bad("chunks", error);
    answer->chunks = apr_array_make(pool, (int)json_array_size(array) + 1,
                                    sizeof(struct message_chunk));
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!take_chunk(apr_array_push(answer->chunks), json_array_get(array, i)))
            return bad("chunks", error);
    return true;
}

bool message_answer_decode(struct message_answer *answer, struct text body,
                           apr_pool_t *pool, struct error *error)
{
    json_t *object = load(body, error);
    bool ok;

    *answer = (struct message_answer){NULL};
    if (object == NULL)
        return false;
    ok = set_fields(answer, answer_fields, COUNT(answer_fields), object, pool, error) &&
         take_names(&answer->names, object, "names", pool, error) &&
         take_names(&answer->trees, object, "trees", pool, error) &&
         take_chunks(answer, json_object_get(object, "chunks"), pool, error);
    json_decref(object);
    return ok;
}
