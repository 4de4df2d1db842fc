#include "broker/storage/key_digest.h"

#include <openssl/evp.h>
#include <stddef.h>

#include "common/check.h"
#include "common/mem.h"

/* Fetched once: looking up the algorithm takes longer than a digest. */
struct key_digest {
    EVP_MD *algorithm;
    EVP_MD_CTX *context;
};

struct key_digest *key_digest_create(void)
{
    struct key_digest *d = mem_calloc(1, sizeof *d);
    if (d == NULL) {
        return NULL;
    }
    d->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    d->context = EVP_MD_CTX_new();
    if (d->algorithm == NULL || d->context == NULL) {
        key_digest_destroy(d);
        return NULL;
    }
    return d;
}

void key_digest_destroy(struct key_digest *d)
{
    if (d != NULL) {
        EVP_MD_CTX_free(d->context);
        EVP_MD_free(d->algorithm);
        mem_free(d);
    }
}

void key_digest_compute(struct key_digest *d, struct bytes key, uint64_t out_sum[2])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    CHECK(EVP_DigestInit_ex2(d->context, d->algorithm, NULL) == 1);
    CHECK(EVP_DigestUpdate(d->context, key.data, key.len) == 1);
    CHECK(EVP_DigestFinal_ex(d->context, sum, NULL) == 1);
    memcpy(out_sum, sum, 2 * sizeof out_sum[0]);
}
