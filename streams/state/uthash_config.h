/* uthash on our heap, with failure as a value: HASH_ADD leaves hh.tbl NULL when memory is short. */
#pragma once

#include "common/mem.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(size) mem_alloc(size)          /* NOLINT(readability-identifier-naming) */
#define uthash_free(pointer, size) mem_free(pointer) /* NOLINT(readability-identifier-naming) */

#include <uthash.h>

/* Ten entries a bucket, uthash's own choice, are ten cache misses a look-up in a large cache. */
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 4U
