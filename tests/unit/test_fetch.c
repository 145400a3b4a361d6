/* SPDX-License-Identifier: Apache-2.0 */
/* What of the fetch engine needs no server that answers. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/clock.h"
#include "libreplica/net/fetch.h"

#define TIMEOUT_SECONDS 300

/* Takes connections and never answers; *url is its own. */
static int hanging_server(const char **url, apr_pool_t *pool)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof(address);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    *url = apr_psprintf(pool, "http://127.0.0.1:%d", ntohs(address.sin_port));
    return listener;
}

static void the_deadline_ends_what_hangs_as_a_stop_does(void **state)
{
    struct fetcher_options options = {.connections = 1,
                                      .timeout_seconds = TIMEOUT_SECONDS,
                                      .deadline = clock_now() + APR_USEC_PER_SEC / 10};
    apr_pool_t *pool = unit_pool(state);
    struct fetcher *fetcher;
    struct error error;
    struct text text;
    const char *url;
    int listener = hanging_server(&url, pool);

    assert_true(fetcher_create(&fetcher, &options, pool, &error));
    assert_false(fetch_text(&text, fetcher, url, "object", 1000, false, pool, &error));
    assert_int_equal(error.code, ERROR_CANCELLED);
    assert_true(clock_now() < options.deadline + apr_time_from_sec(TIMEOUT_SECONDS / 2));
    assert_int_equal(fetcher_pending(fetcher), 0);
    close(listener);
}

static const struct CMUnitTest fetch_tests[] = {
    UNIT_TEST(the_deadline_ends_what_hangs_as_a_stop_does),
};
UNIT_MAIN(fetch_tests)
