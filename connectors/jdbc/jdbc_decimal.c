#include "connectors/jdbc/jdbc_decimal.h"

#include <stdbool.h>
#include <string.h>

#define JDBC_DECIMAL_LIMB_DIGITS ((size_t)19) /* the most that 64 bits hold */

struct jdbc_decimal_parts {
    bool negative;
    char *digits; /* of the whole number, point left out */
    size_t count;
    int64_t scale; /* how many of them stand behind the point; may be negative */
};

static bool jdbc_decimal_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The exponent behind 'e'; false when malformed or absurd. */
static bool jdbc_decimal_parse_exponent(const char *text, size_t len, int64_t *out_exponent)
{
    size_t at = 0;
    bool negative = len > 0 && text[0] == '-';
    if (len > 0 && (text[0] == '-' || text[0] == '+')) {
        at++;
    }
    int64_t v = 0;
    if (at == len || len - at > 6) {
        return false;
    }
    for (; at < len; at++) {
        if (!jdbc_decimal_is_digit(text[at])) {
            return false;
        }
        v = v * 10 + (text[at] - '0');
    }
    *out_exponent = negative ? -v : v;
    return v <= JDBC_DECIMAL_DIGITS_MAX;
}

static bool jdbc_decimal_parse(struct arena *a, const char *text, size_t len,
                               struct jdbc_decimal_parts *out)
{
    if (len > (size_t)2 * JDBC_DECIMAL_DIGITS_MAX) {
        return false;
    }
    *out = (struct jdbc_decimal_parts){.digits = arena_alloc(a, len + 1)};
    if (out->digits == NULL) {
        return false;
    }
    size_t at = 0;
    if (len > 0 && (text[0] == '-' || text[0] == '+')) {
        out->negative = text[0] == '-';
        at = 1;
    }
    bool point = false;
    for (; at < len; at++) {
        if (text[at] == '.' && !point) {
            point = true;
        } else if (jdbc_decimal_is_digit(text[at])) {
            out->digits[out->count++] = text[at];
            out->scale += point ? 1 : 0;
        } else {
            break;
        }
    }
    if (at < len && (text[at] == 'e' || text[at] == 'E')) {
        int64_t exponent = 0;
        if (!jdbc_decimal_parse_exponent(text + at + 1, len - at - 1, &exponent)) {
            return false;
        }
        out->scale -= exponent;
        at = len;
    }
    return at == len && out->count > 0;
}

/* Adds one to the last digit, with carry; a new leading digit when all were 9. */
static void jdbc_decimal_increment(struct jdbc_decimal_parts *p)
{
    size_t i = p->count;
    while (i > 0) {
        i--;
        if (p->digits[i] != '9') {
            p->digits[i]++;
            return;
        }
        p->digits[i] = '0';
    }
    memmove(p->digits + 1, p->digits, p->count); /* room: a digit has been cut before */
    p->digits[0] = '1';
    p->count++;
}

/* Brings the digits to the scale asked for. */
static bool jdbc_decimal_rescale(struct arena *a, struct jdbc_decimal_parts *p, int32_t scale)
{
    int64_t more = (int64_t)scale - p->scale;
    if (more > (int64_t)2 * JDBC_DECIMAL_DIGITS_MAX) {
        return false;
    }
    if (more >= 0) {
        char *digits = arena_alloc(a, p->count + (size_t)more + 1);
        if (digits == NULL) {
            return false;
        }
        memcpy(digits, p->digits, p->count);
        memset(digits + p->count, '0', (size_t)more);
        p->digits = digits;
        p->count += (size_t)more;
    } else if ((uint64_t)-more > p->count) {
        p->digits[0] = '0';
        p->count = 1;
    } else {
        size_t kept = p->count - (size_t)-more;
        bool up = p->digits[kept] >= '5';
        p->count = kept;
        if (up) {
            jdbc_decimal_increment(p);
        } else if (kept == 0) {
            p->digits[0] = '0';
            p->count = 1;
        }
    }
    p->scale = scale;
    return true;
}

/* Negates and cuts to the shortest form; magnitude has a zero byte in front. */
static struct bytes jdbc_decimal_finish(uint8_t *bytes, size_t len, bool negative)
{
    if (negative) {
        unsigned carry = 1;
        for (size_t i = len; i > 0; i--) {
            unsigned v = (uint8_t)~bytes[i - 1] + carry;
            bytes[i - 1] = (uint8_t)v;
            carry = v >> 8;
        }
    }
    while (len > 1 &&
           ((bytes[0] == 0x00 && bytes[1] < 0x80) || (bytes[0] == 0xff && bytes[1] >= 0x80))) {
        bytes++;
        len--;
    }
    return bytes_of(bytes, len);
}

/* limbs = limbs * factor + add, least significant first; one more limb when the sum has grown. */
static size_t jdbc_decimal_multiply_add(uint64_t *limbs, size_t count, uint64_t factor,
                                        uint64_t add)
{
    uint64_t carry = add;
    for (size_t i = 0; i < count; i++) {
        __extension__ unsigned __int128 v = limbs[i];
        v = v * factor + carry;
        limbs[i] = (uint64_t)v;
        carry = (uint64_t)(v >> 64);
    }
    if (carry != 0) {
        limbs[count++] = carry;
    }
    return count;
}

/* The number as big-endian bytes, the first of which is zero. The work grows with the square of the
 * digits, but by nineteen of them and sixty-four bits at a time: a tenth of a second for the
 * longest number that Postgres has. */
static uint8_t *jdbc_decimal_magnitude(struct arena *a, const char *digits, size_t count,
                                       size_t *out_len)
{
    uint64_t *limbs = arena_alloc_array(a, count / JDBC_DECIMAL_LIMB_DIGITS + 2, sizeof *limbs);
    size_t used = 0;
    if (limbs == NULL) {
        return NULL;
    }
    for (size_t at = 0; at < count;) {
        uint64_t factor = 1;
        uint64_t add = 0;
        for (size_t i = 0; i < JDBC_DECIMAL_LIMB_DIGITS && at < count; i++, at++) {
            factor *= 10;
            add = add * 10 + (uint64_t)(digits[at] - '0');
        }
        used = jdbc_decimal_multiply_add(limbs, used, factor, add);
    }
    size_t len = used * sizeof *limbs + 1;
    uint8_t *bytes = arena_alloc(a, len);
    if (bytes == NULL) {
        return NULL;
    }
    bytes[0] = 0;
    for (size_t i = 1; i < len; i++) {
        size_t shift = (len - 1 - i) % 8 * 8;
        bytes[i] = (uint8_t)(limbs[(len - 1 - i) / 8] >> shift);
    }
    *out_len = len;
    return bytes;
}

enum err_code jdbc_decimal_from_text(struct arena *a, const char *text, size_t len, int32_t scale,
                                     struct connect_value *out_value, struct err *e)
{
    struct jdbc_decimal_parts p;
    if (!jdbc_decimal_parse(a, text, len, &p) || !jdbc_decimal_rescale(a, &p, scale)) {
        return arena_failed(a) ? err_nomem(e, "decimal")
                               : err_set(e, ERR_PARSE, "\"%.*s\" is no decimal number",
                                         (int)(len < 80 ? len : 80), text);
    }
    size_t bytes_len = 0;
    uint8_t *bytes = jdbc_decimal_magnitude(a, p.digits, p.count, &bytes_len);
    if (bytes == NULL) {
        return err_nomem(e, "decimal");
    }
    struct bytes unscaled = jdbc_decimal_finish(bytes, bytes_len, p.negative);
    *out_value = connect_value_decimal(unscaled.data, unscaled.len, (int16_t)scale);
    return ERR_OK;
}
