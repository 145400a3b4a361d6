/* SPDX-License-Identifier: Apache-2.0 */
/* The database is found in every form of archive, and in no damaged one. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <unistd.h>
#include <archive.h>
#include <archive_entry.h>

#include "libreplica/operate/geo_archive.h"

#define CONTENT_SIZE 200000

/* Bytes that compress, but not away. */
static const char *content(char seed, void **state)
{
    char *bytes = apr_palloc(unit_pool(state), CONTENT_SIZE);
    unsigned int x = (unsigned char)seed;

    for (int i = 0; i < CONTENT_SIZE; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (char)((x >> 24) & 0x3f);
    }
    return bytes;
}

enum form { TAR_GZ, TAR, ZIP, GZ, PLAIN };

static void add(struct archive *archive, const char *name, const char *bytes)
{
    struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, CONTENT_SIZE);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, bytes, CONTENT_SIZE), CONTENT_SIZE);
    archive_entry_free(entry);
}

/* An archive of NAMES, separated by blanks; the n-th has content n. */
static int make(enum form form, const char *names, void **state)
{
    const char *path =
        apr_pstrcat(unit_pool(state), unit_folder(state), "/archive", NULL);
    struct archive *archive = archive_write_new();
    char *rest = apr_pstrdup(unit_pool(state), names), *words, *name;
    char seed = '1';

    if (form == TAR_GZ || form == GZ)
        archive_write_add_filter_gzip(archive);
    if (form == TAR_GZ || form == TAR)
        archive_write_set_format_ustar(archive);
    else if (form == ZIP)
        archive_write_set_format_zip(archive);
    else
        archive_write_set_format_raw(archive);
    archive_write_set_bytes_in_last_block(archive, 1);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    for (name = apr_strtok(rest, " ", &words); name != NULL;
         name = apr_strtok(NULL, " ", &words))
        add(archive, name, content(seed++, state));
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    return open(path, O_RDWR);
}

static int make_target(void **state)
{
    return open(apr_pstrcat(unit_pool(state), unit_folder(state), "/target", NULL),
                O_RDWR | O_CREAT, 0600);
}

static bool unpack(int from, char *seed, void **state, struct error *error)
{
    int to = make_target(state);
    char *bytes = apr_palloc(unit_pool(state), CONTENT_SIZE + 1);
    bool ok = geo_archive_unpack(from, to, "Wanted.mmdb", unit_pool(state), error);

    *seed = '0';
    if (ok) {
        assert_int_equal(pread(to, bytes, CONTENT_SIZE + 1, 0), CONTENT_SIZE);
        for (char c = '1'; c < '9'; c++)
            if (memcmp(bytes, content(c, state), CONTENT_SIZE) == 0)
                *seed = c;
    }
    close(to);
    return ok;
}

static void finds_the_database_in_every_form(void **state)
{
    static const struct {
        enum form form;
        const char *names;
        char seed;
    } cases[] = {
        {TAR_GZ, "City_2026/COPYRIGHT.txt City_2026/Wanted.mmdb City_2026/LICENSE.txt",
         '2'},
        {TAR_GZ, "package/a.mmdb package/b.mmdb package/Wanted.mmdb package/z.mmdb", '3'},
        {TAR_GZ, "x/LICENSE x/Other.mmdb x/README", '2'},
        {TAR, "x/LICENSE x/Other.mmdb", '2'},
        {TAR, "Wanted.mmdb", '1'},
        {ZIP, "x/LICENSE x/Wanted.mmdb x/a.mmdb", '2'},
        {ZIP, "x/a.mmdb", '1'},
        {GZ, "whatever", '1'},
        {PLAIN, "whatever", '1'},
    };
    struct error error;
    char seed;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int from = make(cases[i].form, cases[i].names, state);

        if (!unpack(from, &seed, state, &error))
            fail_msg("case %zu: %s", i, error.message);
        assert_int_equal(seed, cases[i].seed);
        close(from);
    }
}

static void refuses_archives_without_a_clear_candidate(void **state)
{
    struct error error;
    char seed;

    assert_false(unpack(make(TAR_GZ, "x/README x/.mmdb", state), &seed, state, &error));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
    assert_non_null(strstr(error.message, "no .mmdb file"));
    assert_false(unpack(make(ZIP, "a.mmdb b.mmdb", state), &seed, state, &error));
    assert_non_null(
        strstr(error.message, "2 .mmdb files, and none is called Wanted.mmdb"));
}

/* Wherever it is cut, and whichever of its bytes is another one. */
static void refuses_damaged_archives(void **state)
{
    static const enum form forms[] = {TAR_GZ, GZ, ZIP};
    struct error error;
    char seed;

    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        int from = make(forms[i], "x/Wanted.mmdb", state);
        off_t size = lseek(from, 0, SEEK_END);

        for (off_t at = 100; at < size; at += size / 9) {
            char byte, other;

            assert_int_equal(pread(from, &byte, 1, at), 1);
            other = (char)(byte ^ 0x10);
            assert_int_equal(pwrite(from, &other, 1, at), 1);
            if (unpack(from, &seed, state, &error) && seed != '1')
                fail_msg("form %zu, byte %ld was accepted", i, (long)at);
            assert_int_equal(pwrite(from, &byte, 1, at), 1);
        }
        assert_true(unpack(from, &seed, state, &error));
        for (int part = 7; part >= 0; part--) {
            assert_int_equal(ftruncate(from, size * part / 8), 0);
            assert_false(unpack(from, &seed, state, &error));
        }
        close(from);
    }
}

static void gives_the_first_line_of_a_page(void **state)
{
    static const char *const cases[][2] = {
        {"Invalid license key\n", "Invalid license key"},
        {"\r\n  <!DOCTYPE html>\n<html>", "<!DOCTYPE html>"},
        {"caf\xc3\xa9", "caf\\xc3\\xa9"},
        {"", "the answer is empty"},
    };
    struct error error;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int from = make_target(state);
        char seed;

        assert_int_equal(write(from, cases[i][0], strlen(cases[i][0])),
                         strlen(cases[i][0]));
        assert_false(unpack(from, &seed, state, &error));
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
        assert_string_equal(error.message, cases[i][1]);
        close(from);
    }
}

static const struct CMUnitTest geo_archive_tests[] = {
    UNIT_TEST(finds_the_database_in_every_form),
    UNIT_TEST(refuses_archives_without_a_clear_candidate),
    UNIT_TEST(refuses_damaged_archives),
    UNIT_TEST(gives_the_first_line_of_a_page),
};

UNIT_MAIN(geo_archive_tests)
