/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: what is written is read, and what is not ours is refused. */
#include "tests/unit/unit.h"

#include "libreplica/format/message.h"

static void a_header_comes_back(void **state)
{
    struct message_header header = {1000, MESSAGE_VERSION, MESSAGE_DONE, 77, 60000}, read;
    unsigned char bytes[MESSAGE_HEADER_SIZE];
    struct error error;

    message_header_encode(bytes, &header);
    assert_ok(message_header_decode(&read, bytes, &error), &error);
    assert_memory_equal(&header, &read, sizeof(header));
    bytes[5] = 2;
    assert_false(message_header_decode(&read, bytes, &error));
    assert_int_equal(error.code, ERROR_UNSUPPORTED);
    bytes[5] = 1;
    bytes[0] = 1;
    assert_false(message_header_decode(&read, bytes, &error));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
}

static void a_request_comes_back(void **state)
{
    struct message_request request = {.repository = "sw.example.net",
                                      .path = "/a \"b\"\n",
                                      .size = INT64_MAX,
                                      .overwrites = true,
                                      .hash = "0123"};
    struct message_request read;
    apr_pool_t *pool = unit_pool(state);
    struct error error;

    assert_ok(message_request_decode(&read, message_request_encode(&request, pool), pool,
                                     &error),
              &error);
    assert_string_equal(read.repository, request.repository);
    assert_string_equal(read.path, request.path);
    assert_true(read.size == INT64_MAX);
    assert_true(read.overwrites);
    assert_false(read.is_whole);
    assert_null(read.token);
}

static void an_answer_comes_back(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    struct message_chunk chunk = {.offset = 5, .size = 7};
    struct message_answer answer = {.names =
                                        apr_array_make(pool, 2, sizeof(const char *)),
                                    .chunks = apr_array_make(pool, 1, sizeof(chunk)),
                                    .revision = 9};
    struct message_answer read;
    struct error error;

    hash_bytes(&chunk.hash, HASH_SHAKE128, "x", 1);
    APR_ARRAY_PUSH(answer.chunks, struct message_chunk) = chunk;
    APR_ARRAY_PUSH(answer.names, const char *) = "one";
    answer.trees = apr_array_make(pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(answer.trees, const char *) = "tree";
    APR_ARRAY_PUSH(answer.names, const char *) = "no \xff utf-8";
    assert_ok(
        message_answer_decode(&read, message_answer_encode(&answer, pool), pool, &error),
        &error);
    assert_int_equal(read.names->nelts, 1);
    assert_int_equal(read.trees->nelts, 1);
    assert_string_equal(APR_ARRAY_IDX(read.trees, 0, const char *), "tree");
    assert_int_equal(read.revision, 9);
    assert_int_equal(read.chunks->nelts, 1);
    assert_memory_equal(&APR_ARRAY_IDX(read.chunks, 0, struct message_chunk), &chunk,
                        sizeof(chunk));
}

static void what_is_no_message(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{",
        "{\"path\":1}",
        "{\"path\":\"a\\u0000b\"}",
        "{\"size\":-1}",
        "{\"size\":1.5}",
        "{\"overwrites\":1}",
        "{\"path\":\"a\",\"path\":\"b\"}",
    };
    struct message_request request;
    struct error error;

    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
        assert_false(message_request_decode(&request, text_of(bodies[i]),
                                            unit_pool(state), &error));
    assert_true(message_request_decode(&request, text_of("{\"unknown\":[1]}"),
                                       unit_pool(state), &error));
}

static const struct CMUnitTest message_tests[] = {
    UNIT_TEST(a_header_comes_back),
    UNIT_TEST(a_request_comes_back),
    UNIT_TEST(an_answer_comes_back),
    UNIT_TEST(what_is_no_message),
};

UNIT_MAIN(message_tests)
