#include "connectors/jdbc/postgres/pg_numeric.h"

#include <stdint.h>
#include <string.h>

#include "common/reader.h"

#define PG_NUMERIC_NEGATIVE 0x4000
#define PG_NUMERIC_NAN 0xc000
#define PG_NUMERIC_INFINITY 0xd000
#define PG_NUMERIC_MINUS_INFINITY 0xf000

struct pg_numeric {
    uint16_t count;
    int16_t weight; /* of the first digit, in powers of 10000 */
    uint16_t sign;
    uint16_t scale; /* decimal digits behind the point */
    const uint8_t *digits;
};

static bool pg_numeric_parse(struct bytes cell, struct pg_numeric *out)
{
    struct reader r;
    reader_init(&r, cell);
    out->count = reader_be16(&r);
    out->weight = (int16_t)reader_be16(&r);
    out->sign = reader_be16(&r);
    out->scale = reader_be16(&r);
    struct bytes digits = reader_bytes(&r, (size_t)out->count * 2);
    out->digits = digits.data;
    return !reader_failed(&r) && reader_left(&r) == 0;
}

/* The digit of that power of 10000, 0 outside of those stored. */
static unsigned pg_numeric_digit(const struct pg_numeric *n, int power)
{
    int i = n->weight - power;
    if (i < 0 || i >= n->count) {
        return 0;
    }
    const uint8_t *digit = n->digits + (size_t)2 * (size_t)i;
    return (unsigned)digit[0] << 8 | digit[1];
}

static char *pg_numeric_write_group(char *out, unsigned group, int digits)
{
    const unsigned powers[] = {1000, 100, 10, 1};
    for (int i = 0; i < digits; i++) {
        *out++ = (char)('0' + group / powers[i] % 10);
    }
    return out;
}

static const char *pg_numeric_special(uint16_t sign)
{
    switch (sign) {
    case PG_NUMERIC_NAN:
        return "NaN";
    case PG_NUMERIC_INFINITY:
        return "Infinity";
    case PG_NUMERIC_MINUS_INFINITY:
        return "-Infinity";
    default:
        return NULL;
    }
}

enum err_code pg_numeric_to_text(struct arena *a, struct bytes cell, const char **out_text,
                                 size_t *out_len, struct err *e)
{
    struct pg_numeric n;
    if (!pg_numeric_parse(cell, &n)) {
        return err_set(e, ERR_PARSE, "malformed numeric of %zu bytes", cell.len);
    }
    const char *special = pg_numeric_special(n.sign);
    if (special != NULL) {
        *out_text = special;
        *out_len = strlen(special);
        return ERR_OK;
    }
    size_t groups = n.weight >= 0 ? (size_t)n.weight + 1 : 1;
    char *text = arena_alloc(a, groups * 4 + n.scale + 4 + 3);
    if (text == NULL) {
        return err_nomem(e, "numeric");
    }
    char *out = text;
    if (n.sign == PG_NUMERIC_NEGATIVE) {
        *out++ = '-';
    }
    char *start = out;
    for (int power = n.weight > 0 ? n.weight : 0; power >= 0; power--) {
        out = pg_numeric_write_group(out, pg_numeric_digit(&n, power), 4);
    }
    size_t zeros = 0;
    size_t len = (size_t)(out - start);
    while (zeros + 1 < len && start[zeros] == '0') {
        zeros++;
    }
    memmove(start, start + zeros, len - zeros);
    out -= zeros;
    if (n.scale > 0) {
        *out++ = '.';
    }
    int left = n.scale;
    for (int power = -1; left > 0; power--, left -= 4) {
        out = pg_numeric_write_group(out, pg_numeric_digit(&n, power), left < 4 ? left : 4);
    }
    *out = '\0';
    *out_text = text;
    *out_len = (size_t)(out - text);
    return ERR_OK;
}
