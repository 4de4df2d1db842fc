/* BigDecimal.toString() of unscaled two's complement bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "connect/include/connect_value.h"

#define LIMB_BASE UINT32_C(1000000000)
/* About 1,200 digits; what a database can send as NUMERIC is bounded far below by the caller. */
#define UNSCALED_BYTES_MAX ((size_t)8192)

/* Base 10^9 digits of the magnitude, least significant first. */
struct limbs {
    uint32_t *digits;
    size_t count;
};

static void limbs_multiply_add(struct limbs *n, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;
    for (size_t i = 0; i < n->count; i++) {
        uint64_t v = (uint64_t)n->digits[i] * factor + carry;
        n->digits[i] = (uint32_t)(v % LIMB_BASE);
        carry = v / LIMB_BASE;
    }
    if (carry != 0) {
        n->digits[n->count++] = (uint32_t)carry;
    }
}

/* The magnitude's decimal digits, without leading zeros ("0" for zero). */
static void print_magnitude(const struct connect_value *v, bool negative, struct limbs *n,
                            struct buf *out)
{
    /* -x = ~x + 1: complement the bytes on the way, add one at the end. */
    for (uint32_t i = 0; i < v->len; i++) {
        limbs_multiply_add(n, 256, negative ? (uint8_t)~v->data[i] : v->data[i]);
    }
    if (negative) {
        limbs_multiply_add(n, 1, 1);
    }
    if (n->count == 0) {
        buf_append_char(out, '0');
        return;
    }
    buf_printf(out, "%" PRIu32, n->digits[n->count - 1]);
    for (size_t i = n->count - 1; i > 0; i--) {
        buf_printf(out, "%09" PRIu32, n->digits[i - 1]);
    }
}

static void print_scaled(const char *digits, size_t count, int64_t scale, struct buf *out)
{
    int64_t adjusted = (int64_t)count - 1 - scale;
    if (scale == 0) {
        buf_append(out, digits, count);
    } else if (scale > 0 && adjusted >= -6) {
        if ((int64_t)count <= scale) {
            buf_append_text(out, "0.");
            for (int64_t i = (int64_t)count; i < scale; i++) {
                buf_append_char(out, '0');
            }
            buf_append(out, digits, count);
        } else {
            size_t whole = count - (size_t)scale;
            buf_append(out, digits, whole);
            buf_append_char(out, '.');
            buf_append(out, digits + whole, (size_t)scale);
        }
    } else {
        buf_append_char(out, digits[0]);
        if (count > 1) {
            buf_append_char(out, '.');
            buf_append(out, digits + 1, count - 1);
        }
        if (adjusted != 0) {
            buf_printf(out, "E%+" PRId64, adjusted);
        }
    }
}

void connect_value_print_decimal(const struct connect_value *v, struct buf *out)
{
    if (v->len > UNSCALED_BYTES_MAX) {
        out->failed = true;
        return;
    }
    struct limbs n = {.digits = mem_calloc(v->len / 3 + 2, sizeof(uint32_t))};
    if (n.digits == NULL) {
        out->failed = true;
        return;
    }
    struct buf digits;
    buf_init(&digits, v->len * (size_t)3 + 16);
    bool negative = v->len > 0 && (v->data[0] & 0x80) != 0;
    print_magnitude(v, negative, &n, &digits);
    if (negative) {
        buf_append_char(out, '-');
    }
    if (buf_failed(&digits)) {
        out->failed = true;
    } else {
        print_scaled((const char *)digits.data, digits.len, v->scale, out);
    }
    buf_deinit(&digits);
    mem_free(n.digits);
}
