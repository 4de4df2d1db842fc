/*
 * The text that travels with a committed offset, as the original writes it: base64 of a magic byte
 * 2, the partition time (8), and processor metadata (a count of 0). Pure. Apart from checkpoint.c
 * because OpenSSL's headers and common/err.h both claim the name ERR_STATE.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define COMMIT_METADATA_MAX 32

void commit_metadata_encode(int64_t partition_time_ms, char out[COMMIT_METADATA_MAX]);
/* -1 for anything else than metadata of magic 1 or 2. */
int64_t commit_metadata_decode(const char *metadata, size_t len);
