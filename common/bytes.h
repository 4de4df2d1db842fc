/* A borrowed run of bytes. data == NULL is Kafka's null; len == 0 with data set is empty: the two
 * differ in meaning. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data;
    size_t len;
};

static inline struct bytes bytes_null(void)
{
    return (struct bytes){NULL, 0};
}

static inline struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){data, len};
}

/* NULL gives null; the terminator does not count. */
static inline struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, text != NULL ? strlen(text) : 0};
}

static inline bool bytes_is_null(struct bytes b)
{
    return b.data == NULL;
}

/* Null equals null only. */
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    if (a.data == NULL || b.data == NULL) {
        return a.data == b.data;
    }
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}
