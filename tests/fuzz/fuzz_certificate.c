/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what is read from PEM: certificates and keys. */
#include "tests/fuzz/fuzz.h"
#include "libreplica/format/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length};
    apr_pool_t *pool = fuzz_pool();
    struct certificate *certificate;
    struct error error;
    struct key *key;

    if (certificate_parse(&certificate, input, pool, &error)) {
        FUZZ_MUST(certificate_der(certificate).length > 0);
        signature_verify_digest_info(certificate_key(certificate), input, input, &error);
    }
    if (key_parse_public(&key, input, pool, &error))
        signature_verify_recovered(key, input, input, &error);
    key_parse_private(&key, input, pool, &error);
    apr_pool_destroy(pool);
    return 0;
}
