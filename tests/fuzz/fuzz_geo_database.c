/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz geo databases: refused or opened, and then every answer is a place on Earth. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <apr_strings.h>
#include "tests/fuzz/fuzz.h"
#include "libreplica/geo/database.h"

static const char *const addresses[] = {
    "0.0.0.0",
    "10.0.0.1",
    "81.2.69.160",
    "127.0.0.1",
    "192.0.2.1",
    "255.255.255.255",
    "::",
    "::1",
    "2001:db8::1",
    "2a02:d280::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
};

static void look_up(const struct geo_database *database)
{
    for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
        struct geo_address address;
        struct geo_point point;

        FUZZ_MUST(geo_address_parse(&address, text_of(addresses[i])));
        if (!geo_database_find(&point, database, &address))
            continue;
        FUZZ_MUST(point.latitude >= -90 && point.latitude <= 90);
        FUZZ_MUST(point.longitude >= -180 && point.longitude <= 180);
    }
    FUZZ_MUST(geo_database_version(database) != 0);
    FUZZ_MUST(geo_database_build_epoch(database) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    int descriptor = memfd_create("geo", MFD_CLOEXEC);
    apr_pool_t *pool = fuzz_pool();
    apr_array_header_t *paths = apr_array_make(pool, 1, sizeof(char *));
    struct geo_database *database;
    struct error error;

    FUZZ_MUST(descriptor >= 0);
    FUZZ_MUST(write(descriptor, bytes, length) == (ssize_t)length);
    APR_ARRAY_PUSH(paths, char *) = apr_psprintf(pool, "/proc/self/fd/%d", descriptor);
    if (geo_database_open(&database, paths, pool, &error))
        look_up(database);
    else
        FUZZ_MUST(error.code == ERROR_BAD_FORMAT);
    apr_pool_destroy(pool);
    close(descriptor);
    return 0;
}
