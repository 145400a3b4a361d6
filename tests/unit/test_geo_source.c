/* SPDX-License-Identifier: Apache-2.0 */
/* Where the geo database comes from, by the settings. */
#include "tests/unit/unit.h"
#include "libreplica/operate/geo_source.h"

#define JANUARY_2026 1767300000

static bool find(struct geo_sources *sources, const char *text, void **state,
                 struct error *error)
{
    struct settings *server = settings_create(unit_pool(state));

    text = apr_pstrcat(unit_pool(state), "CVMFS_UPDATEGEO_DIR=/g\n",
                       "CVMFS_UPDATEGEO_DB=Own.mmdb\n", text, NULL);
    assert_ok(settings_parse(server, SETTING_SCOPE_SERVER, "f", text_of(text), error),
              error);
    return geo_sources_find(sources, server, JANUARY_2026, unit_pool(state), error);
}

static const struct geo_source *source(const struct geo_sources *sources, int index)
{
    return &APR_ARRAY_IDX(sources->sources, index, struct geo_source);
}

static void the_vendor_needs_an_account_and_a_key(void **state)
{
    static const char account[] = "CVMFS_GEO_ACCOUNT_ID=42\n";
    static const char key[] = "CVMFS_GEO_LICENSE_KEY=k\n";
    const char *both = apr_pstrcat(unit_pool(state), account, key, NULL);
    struct geo_sources s;
    struct error error;

    assert_ok(find(&s, "", state, &error), &error);
    assert_int_equal(s.plan, GEO_PLAN_NOTHING);
    assert_string_equal(s.missing, "CVMFS_GEO_ACCOUNT_ID");
    assert_ok(find(&s, account, state, &error), &error);
    assert_string_equal(s.missing, "CVMFS_GEO_LICENSE_KEY");
    assert_ok(find(&s, key, state, &error), &error);
    assert_string_equal(s.missing, "CVMFS_GEO_ACCOUNT_ID");
    assert_ok(find(&s, both, state, &error), &error);
    assert_int_equal(s.plan, GEO_PLAN_DOWNLOAD);
    assert_int_equal(s.sources->nelts, 1);
    assert_string_equal(
        source(&s, 0)->url,
        "https://download.maxmind.com/geoip/databases/GeoLite2-City/download"
        "?suffix=tar.gz");
    assert_string_equal(source(&s, 0)->credentials, "42:k");
    assert_true(source(&s, 0)->needs_checksum);
    assert_string_equal(APR_ARRAY_IDX(source(&s, 0)->paths, 0, const char *),
                        "/g/Own.mmdb");
    setenv("CVMFS_GEO_LICENSE_KEY", "of the environment", 1);
    assert_ok(find(&s, both, state, &error), &error);
    unsetenv("CVMFS_GEO_LICENSE_KEY");
    assert_string_equal(source(&s, 0)->credentials, "42:of the environment");
}

static void urls_are_given_to_files_in_order(void **state)
{
    struct geo_sources s;
    struct error error;

    assert_ok(find(&s,
                   "REPLICA_GEO_DB='v4.mmdb v6.mmdb /x/y.mmdb'\n"
                   "REPLICA_GEO_DB_URL='https://u:p@a/x.tgz?key=s https://b/%Y-%m.gz "
                   "https://u:p@a/x.tgz?key=s'\n"
                   "CVMFS_GEO_DB_FILE=none\n",
                   state, &error),
              &error);
    assert_int_equal(s.plan, GEO_PLAN_DOWNLOAD);
    assert_int_equal(s.sources->nelts, 2);
    assert_int_equal(source(&s, 0)->paths->nelts, 2);
    assert_string_equal(source(&s, 0)->name, "https://a/x.tgz");
    assert_null(source(&s, 0)->checksum_suffix);
    assert_null(source(&s, 0)->credentials);
    assert_string_equal(APR_ARRAY_IDX(source(&s, 0)->paths, 1, const char *),
                        "/x/y.mmdb");
    assert_string_equal(source(&s, 1)->url, "https://b/2026-01.gz");
    assert_string_equal(source(&s, 1)->earlier_url, "https://b/2025-12.gz");
    assert_string_equal(source(&s, 1)->checksum_suffix, ".sha256");
    assert_false(source(&s, 1)->needs_checksum);
}

static void numbers_of_urls_and_files_must_agree(void **state)
{
    struct geo_sources s;
    struct error error;

    assert_false(
        find(&s, "REPLICA_GEO_DB_URL='https://a/x https://a/y'\n", state, &error));
    assert_int_equal(error.code, ERROR_SETTING);
    assert_non_null(strstr(error.message, "2 URLs for 1 geo database files"));
    assert_false(find(&s, "REPLICA_GEO_DB='a b'\nREPLICA_GEO_DB_URL=https://a/x\n", state,
                      &error));
    assert_false(find(&s, "CVMFS_GEO_DB_FILE=NONE\nREPLICA_GEO_DB_URL=https://a/x\n",
                      state, &error));
    assert_false(find(&s, "REPLICA_GEO_DB_URL=file:///etc/x\n", state, &error));
    assert_non_null(strstr(error.message, "https://"));
}

static void a_file_of_somebody_else_is_linked(void **state)
{
    struct geo_sources s;
    struct error error;

    assert_ok(find(&s, "CVMFS_GEO_DB_FILE=/a/b.mmdb\nREPLICA_GEO_DB_URL=https://a/x\n",
                   state, &error),
              &error);
    assert_int_equal(s.plan, GEO_PLAN_LINK);
    assert_string_equal(s.linked, "/a/b.mmdb");
    assert_ok(find(&s, "CVMFS_GEO_DB_FILE=None\n", state, &error), &error);
    assert_string_equal(s.linked, "NONE");
    assert_false(find(&s, "CVMFS_GEO_DB_FILE=b.mmdb\n", state, &error));
}

static void hides_what_urls_may_hold(void **state)
{
    static const char *const cases[][2] = {
        {"https://a.b/c", "https://a.b/c"},
        {"https://user:word@a.b:8/c?license_key=x#y", "https://a.b:8/c"},
        {"https://u:p@q@a.b/c@d", "https://a.b/c@d"},
        {"http://u:p@a", "http://a"},
        {"https://a?x@y", "https://a"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(geo_url_for_people(cases[i][0], unit_pool(state)),
                            cases[i][1]);
    assert_string_equal(geo_url_expand("a%20%Y/%m%m%", 2026, 7, unit_pool(state)),
                        "a%202026/0707%");
}

static const struct CMUnitTest geo_source_tests[] = {
    UNIT_TEST(the_vendor_needs_an_account_and_a_key),
    UNIT_TEST(urls_are_given_to_files_in_order),
    UNIT_TEST(numbers_of_urls_and_files_must_agree),
    UNIT_TEST(a_file_of_somebody_else_is_linked),
    UNIT_TEST(hides_what_urls_may_hold),
};

UNIT_MAIN(geo_source_tests)
