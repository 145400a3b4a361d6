/* SPDX-License-Identifier: Apache-2.0 */
/* Which files the geo database is made of. */
#include "tests/unit/unit.h"
#include "libreplica/geo/database_paths.h"

static void names_the_files_that_the_settings_mean(void **state)
{
    static const struct {
        const char *settings, *paths;
    } cases[] = {
        {"", "/var/lib/cvmfs-server/geo/GeoLite2-City.mmdb "},
        {"CVMFS_UPDATEGEO_DIR=/g\nCVMFS_UPDATEGEO_DB=City.mmdb\n", "/g/City.mmdb "},
        {"CVMFS_GEO_DB_FILE=/usr/share/x.mmdb\nCVMFS_UPDATEGEO_DIR=/g\n",
         "/g/GeoLite2-City.mmdb "},
        {"CVMFS_GEO_DB_FILE=NONE\n", ""},
        {"CVMFS_GEO_DB_FILE=none\n", ""},
        {"CVMFS_GEO_DB_FILE=None\nREPLICA_GEO_DB=' \t'\n", ""},
        {"CVMFS_GEO_DB_FILE=NONE\nREPLICA_GEO_DB=/a/b.mmdb\n", "/a/b.mmdb "},
        {"CVMFS_UPDATEGEO_DIR=/g\nREPLICA_GEO_DB='v4.mmdb  /a/v6.mmdb\tsub/x.mmdb '\n",
         "/g/v4.mmdb /a/v6.mmdb /g/sub/x.mmdb "},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct settings *settings = settings_create(unit_pool(state));
        const apr_array_header_t *paths;
        const char *joined = "";
        struct error error;

        assert_ok(settings_parse(settings, SETTING_SCOPE_SERVER, "f",
                                 text_of(cases[i].settings), &error),
                  &error);
        paths = geo_database_paths(settings, unit_pool(state));
        for (int j = 0; j < paths->nelts; j++)
            joined = apr_pstrcat(unit_pool(state), joined,
                                 APR_ARRAY_IDX(paths, j, const char *), " ", NULL);
        assert_string_equal(joined, cases[i].paths);
    }
}

static const struct CMUnitTest database_paths_tests[] = {
    UNIT_TEST(names_the_files_that_the_settings_mean),
};

UNIT_MAIN(database_paths_tests)
