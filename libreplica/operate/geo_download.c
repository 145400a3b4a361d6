/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching a geo database, and comparing it with its checksum. */
#include "libreplica/operate/geo_download.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <apr_strings.h>
#include <openssl/evp.h>

#include "libreplica/operate/geo_archive.h"

#define CONNECT_SECONDS  10
#define TOTAL_SECONDS    900
#define RETRIES          2
#define DOWNLOAD_MAX     (INT64_C(2) << 30)
#define CHECKSUM_MAX     4096
#define RUN_MILLISECONDS 1000
#define HASH_SIZE        32
#define REASON_LENGTH    120

struct download {
    int fd;
    EVP_MD_CTX *digest;
    bool is_done;
    bool ok;
    struct error error;
};

static bool download_write(void *baton, const void *bytes, size_t length,
                           struct error *error)
{
    struct download *download = baton;
    const char *rest = bytes;

    EVP_DigestUpdate(download->digest, bytes, length);
    while (length > 0) {
        ssize_t count = write(download->fd, rest, length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set_errno(error, errno, "cannot write the download");
        rest += count;
        length -= (size_t)count;
    }
    return true;
}

static bool download_rewind(void *baton, struct error *error)
{
    struct download *download = baton;

    EVP_DigestInit_ex(download->digest, EVP_sha256(), NULL);
    return (lseek(download->fd, 0, SEEK_SET) == 0 && ftruncate(download->fd, 0) == 0) ||
           error_set_errno(error, errno, "cannot start the download over");
}

static bool download_complete(void *baton, struct error *error)
{
    return true;
}

static void download_done(void *baton, const struct error *error)
{
    struct download *download = baton;

    download->is_done = true;
    download->ok = error == NULL;
    if (error != NULL)
        download->error = *error;
}

static const struct fetch_sink download_sink = {
    .write = download_write,
    .rewind = download_rewind,
    .complete = download_complete,
    .done = download_done,
};

bool geo_download_prepare(struct fetcher **fetcher, const struct settings *server,
                          const volatile int *stop, apr_pool_t *pool, struct error *error)
{
    struct fetcher_options options = {
        .connections = 1,
        .timeout_seconds = CONNECT_SECONDS,
        .retries = RETRIES,
        .proxy = settings_text(server, SETTING_HTTP_PROXY),
        .proxy_from_environment = true,
        .ca_bundle = settings_text(server, SETTING_CERT_BUNDLE),
        .follow_redirects = true,
        .keep_https = true,
        .stop = stop,
    };

    return fetcher_create(fetcher, &options, pool, error);
}

/* An error page in words says more than its status. */
static void explain(struct error *error, const struct fetch_answer *answer,
                    apr_pool_t *pool)
{
    struct text line = {answer->refusal, strcspn(answer->refusal, "\r\n")};
    const char *message;

    if (line.length == 0)
        return;
    message = apr_pstrdup(pool, error->message);
    error_set(error, error->code, "%s: %s", message,
              text_for_people(line, REASON_LENGTH, pool));
}

static bool run(struct download *download, struct fetcher *fetcher,
                const struct fetch_request *request, apr_pool_t *pool,
                struct error *error)
{
    if (!download_rewind(download, error))
        return false;
    download->is_done = false;
    fetcher_add(fetcher, request);
    while (!download->is_done)
        if (!fetcher_run(fetcher, RUN_MILLISECONDS, error)) {
            fetcher_abort(fetcher, error);
            return false;
        }
    if (download->ok)
        return true;
    explain(&download->error, request->answer, pool);
    if (error != NULL)
        *error = download->error;
    return false;
}

static bool parse_checksum(unsigned char hash[HASH_SIZE], struct text text)
{
    char digits[2 * HASH_SIZE];

    if (text.length < sizeof(digits) ||
        (text.length > sizeof(digits) &&
         !isspace((unsigned char)text.bytes[sizeof(digits)])))
        return false;
    for (size_t i = 0; i < sizeof(digits); i++)
        digits[i] = (char)tolower((unsigned char)text.bytes[i]);
    return text_parse_hex(hash, (struct text){digits, sizeof(digits)});
}

/* Without a promise that there is one, a server's page about what it does not have, in
 * whatever form, is no checksum. */
static bool fetch_checksum(unsigned char hash[HASH_SIZE], bool *is_there,
                           struct fetcher *fetcher, const struct fetch_request *database,
                           const struct geo_source *source, apr_pool_t *pool,
                           struct error *error)
{
    struct fetch_request request = {
        .base_url = apr_pstrcat(pool, database->base_url, source->checksum_suffix, NULL),
        .name = apr_pstrcat(pool, "checksum of ", source->name, NULL),
        .credentials = source->credentials,
        .total_seconds = TOTAL_SECONDS,
        .size_limit = CHECKSUM_MAX,
    };
    struct error reason;
    struct text text;

    if (fetch_text_of(&text, fetcher, &request, pool, &reason)) {
        *is_there = parse_checksum(hash, text);
        if (*is_there)
            return true;
        error_set(&reason, ERROR_BAD_FORMAT, "%s: not a SHA-256 in hexadecimal",
                  request.name);
    }
    *is_there = false;
    if (!source->needs_checksum && reason.code != ERROR_UNREACHABLE &&
        reason.code != ERROR_CANCELLED)
        return true;
    if (error != NULL)
        *error = reason;
    return false;
}

static bool check(struct download *download, struct fetcher *fetcher,
                  const struct fetch_request *request, const struct geo_source *source,
                  apr_pool_t *pool, struct error *error)
{
    unsigned char found[EVP_MAX_MD_SIZE], expected[HASH_SIZE];
    bool is_there;

    if (!geo_archive_refuse_text(download->fd, pool, error))
        return false;
    if (source->checksum_suffix == NULL)
        return true;
    if (!fetch_checksum(expected, &is_there, fetcher, request, source, pool, error))
        return false;
    EVP_DigestFinal_ex(download->digest, found, NULL);
    return !is_there || memcmp(found, expected, HASH_SIZE) == 0 ||
           error_set(error, ERROR_BAD_HASH,
                     "what was downloaded does not have the published SHA-256 checksum");
}

static apr_status_t free_digest(void *digest)
{
    EVP_MD_CTX_free(digest);
    return APR_SUCCESS;
}

static EVP_MD_CTX *make_digest(apr_pool_t *pool)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();

    if (digest != NULL)
        apr_pool_cleanup_register(pool, digest, free_digest, apr_pool_cleanup_null);
    return digest;
}

bool geo_download(struct fetch_answer *answer, struct fetcher *fetcher,
                  const struct geo_source *source, const struct fetch_answer *known,
                  int fd, apr_pool_t *pool, struct error *error)
{
    struct download download = {.fd = fd, .digest = make_digest(pool)};
    struct fetch_request request = {
        .base_url = source->url,
        .name = source->name,
        .credentials = source->credentials,
        .if_none_match = known != NULL ? known->etag : NULL,
        .if_modified_since = known != NULL ? known->last_modified : NULL,
        .total_seconds = TOTAL_SECONDS,
        .answer = answer,
        .size_limit = DOWNLOAD_MAX,
        .sink = &download_sink,
        .baton = &download,
    };
    struct error reason;
    bool ok;

    if (download.digest == NULL)
        return error_set(error, ERROR_IO, "no memory for a checksum");
    ok = run(&download, fetcher, &request, pool, &reason);
    /* On a month's first days there may be none of it yet. */
    if (!ok && reason.code == ERROR_NOT_FOUND && source->earlier_url != NULL) {
        request.base_url = source->earlier_url;
        ok = run(&download, fetcher, &request, pool, &reason);
    }
    if (!ok) {
        if (error != NULL)
            *error = reason;
        return false;
    }
    return answer->is_not_modified ||
           check(&download, fetcher, &request, source, pool, error);
}
