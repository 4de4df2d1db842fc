#include "protocol/crc32c.h"

#include "tests/support/test.h"

/* The check value of the CRC catalogue, and one of RFC 3720 B.4. */
static void matches_published_values(void **state)
{
    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    const uint8_t zeros[32] = {0};
    assert_int_equal(crc32c(0, zeros, sizeof zeros), 0x8a9136aa);
    assert_int_equal(crc32c(0, "", 0), 0);
}

static void continues_piece_by_piece(void **state)
{
    (void)state;
    assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_published_values),
        cmocka_unit_test(continues_piece_by_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
