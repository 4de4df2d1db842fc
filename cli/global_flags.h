/* The flags that every verb understands, before the verb or behind it. */
#pragma once

#include <stddef.h>

struct flag;

const struct flag *global_flags(size_t *out_count);
/* The key of -X that an older flag of rpk stands for (--brokers: "brokers"), or NULL. */
const char *global_flags_key(const char *name);
