/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of a cold snapshot: a bare loop that fetches, hashes, writes and renames
 * objects.
 *
 *   snapshot_floor BASE-URL FOLDER CONNECTIONS < list
 *
 * The list has one object path (data/xx/...) a line. One thread, libcurl's multi
 * interface, SHA-1 by the crypto library, one temporary file and one rename an object; no
 * catalogs, no retries, no checks beyond the hash. Not part of the product: it is what
 * the product is compared with. */
#include <curl/curl.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 128

struct slot {
    CURL *easy;
    EVP_MD_CTX *digest;
    char path[PATH_SIZE];
    char temporary[PATH_SIZE];
    int fd;
};

static const char *base_url;
static CURLM *multi;
static EVP_MD *sha1;
static long objects;

static void die(const char *what)
{
    fprintf(stderr, "snapshot_floor: %s\n", what);
    exit(1);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *baton)
{
    struct slot *slot = baton;

    EVP_DigestUpdate(slot->digest, bytes, size * count);
    return write(slot->fd, bytes, size * count) == (ssize_t)(size * count) ? size * count
                                                                           : 0;
}

static bool begin_next(struct slot *slot)
{
    char url[1024];

    if (fgets(slot->path, sizeof(slot->path), stdin) == NULL)
        return false;
    slot->path[strcspn(slot->path, "\n")] = '\0';
    snprintf(slot->temporary, sizeof(slot->temporary), "data/txn/%ld", objects++);
    slot->fd = open(slot->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (slot->fd < 0)
        die("cannot create a file");
    EVP_DigestInit_ex2(slot->digest, sha1, NULL);
    snprintf(url, sizeof(url), "%s/%s", base_url, slot->path);
    curl_easy_setopt(slot->easy, CURLOPT_URL, url);
    curl_multi_add_handle(multi, slot->easy);
    return true;
}

static void end_object(struct slot *slot)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[41];

    EVP_DigestFinal_ex(slot->digest, digest, NULL);
    for (int i = 0; i < 20; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (strncmp(hex, slot->path + 5, 2) != 0 || strncmp(hex + 2, slot->path + 8, 38) != 0)
        die("an object does not hash to its name");
    if (close(slot->fd) != 0 || rename(slot->temporary, slot->path) != 0)
        die("cannot rename");
}

static void run(void)
{
    int running = 1, left;
    bool more = true;
    CURLMsg *message;

    while (running > 0) {
        curl_multi_perform(multi, &running);
        while ((message = curl_multi_info_read(multi, &left)) != NULL) {
            struct slot *slot;

            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
            if (message->data.result != CURLE_OK)
                die(curl_easy_strerror(message->data.result));
            curl_multi_remove_handle(multi, slot->easy);
            end_object(slot);
            more = more && begin_next(slot);
            running += more;
        }
        if (running > 0)
            curl_multi_poll(multi, NULL, 0, 100, NULL);
    }
}

int main(int argc, char **argv)
{
    int connections;

    if (argc != 4)
        die("usage: snapshot_floor BASE-URL FOLDER CONNECTIONS < list");
    base_url = argv[1];
    connections = atoi(argv[3]);
    if (mkdir(argv[2], 0755) != 0 || chdir(argv[2]) != 0 || mkdir("data", 0755) != 0 ||
        mkdir("data/txn", 0755) != 0)
        die("cannot make the folder");
    for (int i = 0; i < 256; i++) {
        char name[16];

        snprintf(name, sizeof(name), "data/%02x", i);
        if (mkdir(name, 0755) != 0)
            die("cannot make the folders");
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections);
    for (int i = 0; i < connections; i++) {
        struct slot *slot = calloc(1, sizeof(*slot));

        slot->easy = curl_easy_init();
        slot->digest = EVP_MD_CTX_new();
        curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
        curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot);
        curl_easy_setopt(slot->easy, CURLOPT_FAILONERROR, 1L);
        if (!begin_next(slot))
            break;
    }
    run();
    printf("%ld objects\n", objects);
    return 0;
}
