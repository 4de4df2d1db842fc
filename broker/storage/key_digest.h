/* 128 bits that stand for a key: SHA-256, cut. Apart from the rest because OpenSSL's headers and
 * common/err.h both have an ERR_STATE. One owner. */
#pragma once

#include <stdint.h>

#include "common/bytes.h"

struct key_digest;

/* NULL when memory is short. */
struct key_digest *key_digest_create(void);
void key_digest_destroy(struct key_digest *d); /* NULL is fine */
void key_digest_compute(struct key_digest *d, struct bytes key, uint64_t out_sum[2]);
