/* Patterns against what the original prints and reads; the tables were made by it. */
#include "connect/transforms/java_date_format.h"

#include "tests/support/test.h"

#define NOW_MS INT64_C(1750000000000) /* 2025 */

static struct java_date_format *compiled(const char *pattern)
{
    struct java_date_format *f = NULL;
    struct err e;
    assert_int_equal(java_date_format_create(pattern, &f, &e), ERR_OK);
    assert_string_equal(java_date_format_pattern(f), pattern);
    return f;
}

static void prints_as_the_original(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        int64_t ms;
        const char *text;
    } rows[] = {
        {"yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", INT64_C(1657402394064), "2022-07-09T21:33:14.064Z"},
        {"yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", INT64_C(-1), "1969-12-31T23:59:59.999Z"},
        {"yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", INT64_C(1704067199999), "2023-12-31T23:59:59.999Z"},
        {"yyyyMMdd", INT64_C(1657402394064), "20220709"},
        {"yyyyMMdd", INT64_C(-1), "19691231"},
        {"yyyyMMdd", INT64_C(1704067199999), "20231231"},
        {"yy/M/d h:m:s a", INT64_C(1657402394064), "22/7/9 9:33:14 PM"},
        {"yy/M/d h:m:s a", INT64_C(-1), "69/12/31 11:59:59 PM"},
        {"yy/M/d h:m:s a", INT64_C(1704067199999), "23/12/31 11:59:59 PM"},
        {"EEE, dd MMM yyyy HH:mm:ss Z", INT64_C(1657402394064), "Sat, 09 Jul 2022 21:33:14 +0000"},
        {"EEE, dd MMM yyyy HH:mm:ss Z", INT64_C(-1), "Wed, 31 Dec 1969 23:59:59 +0000"},
        {"EEE, dd MMM yyyy HH:mm:ss Z", INT64_C(1704067199999), "Sun, 31 Dec 2023 23:59:59 +0000"},
        {"EEEE d MMMM y", INT64_C(1657402394064), "Saturday 9 July 2022"},
        {"EEEE d MMMM y", INT64_C(-1), "Wednesday 31 December 1969"},
        {"EEEE d MMMM y", INT64_C(1704067199999), "Sunday 31 December 2023"},
        {"D u k K SSSSSS", INT64_C(1657402394064), "190 6 21 9 000064"},
        {"D u k K SSSSSS", INT64_C(-1), "365 3 23 11 000999"},
        {"D u k K SSSSSS", INT64_C(1704067199999), "365 7 23 11 000999"},
        {"hh 'o''clock' a, z", INT64_C(1657402394064), "09 o'clock PM, UTC"},
        {"hh 'o''clock' a, z", INT64_C(-1), "11 o'clock PM, UTC"},
        {"hh 'o''clock' a, z", INT64_C(1704067199999), "11 o'clock PM, UTC"},
        {"HH:mm:ssX", INT64_C(1657402394064), "21:33:14Z"},
        {"HH:mm:ssX", INT64_C(-1), "23:59:59Z"},
        {"HH:mm:ssX", INT64_C(1704067199999), "23:59:59Z"},
        {"HH:mm:ssXXX", INT64_C(1657402394064), "21:33:14Z"},
        {"HH:mm:ssXXX", INT64_C(-1), "23:59:59Z"},
        {"HH:mm:ssXXX", INT64_C(1704067199999), "23:59:59Z"},
        {"''yy''", INT64_C(1657402394064), "'22'"},
        {"''yy''", INT64_C(-1), "'69'"},
        {"''yy''", INT64_C(1704067199999), "'23'"},
        {"yyy yyyyy", INT64_C(1657402394064), "2022 02022"},
        {"yyy yyyyy", INT64_C(-1), "1969 01969"},
        {"yyy yyyyy", INT64_C(1704067199999), "2023 02023"},
        {"L LL LLL", INT64_C(1657402394064), "7 07 Jul"},
        {"L LL LLL", INT64_C(-1), "12 12 Dec"},
        {"L LL LLL", INT64_C(1704067199999), "12 12 Dec"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct java_date_format *f = compiled(rows[i].pattern);
        struct buf b;
        buf_init(&b, 1000);
        java_date_format_print(f, rows[i].ms, &b);
        assert_string_equal(buf_text(&b), rows[i].text);
        buf_deinit(&b);
        java_date_format_destroy(f);
    }
}

static void reads_as_the_original(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
        int64_t ms;
    } rows[] = {
        {"yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "2022-07-09T21:33:14.064Z", true, INT64_C(1657402394064)},
        {"yyyyMMdd", "20220709", true, INT64_C(1657324800000)},
        {"yyyyMMddHHmmss", "20220709213314", true, INT64_C(1657402394000)},
        {"yyyy-MM-dd", "2022-13-45", true, INT64_C(1676332800000)},
        {"yyyy-MM-dd", "2022-07-09 and more", true, INT64_C(1657324800000)},
        {"yy-MM-dd", "2022-07-09", true, INT64_C(1657324800000)},
        {"yyyy-MM-dd HH:mm:ss.SSSSSS", "2022-07-09 21:33:14.123456", true, INT64_C(1657402517456)},
        {"EEE, dd MMM yyyy HH:mm:ss Z", "Sat, 09 Jul 2022 21:33:14 +0200", true,
         INT64_C(1657395194000)},
        {"EEE, dd MMM yyyy HH:mm:ss Z", "Sat, 09 Jul 2022 21:33:14 GMT", true,
         INT64_C(1657402394000)},
        {"d MMMM yyyy", "9 july 2022", true, INT64_C(1657324800000)},
        {"d MMM yyyy", "9 september 2022", true, INT64_C(1662681600000)},
        {"hh:mm a", "12:30 AM", true, INT64_C(1800000)},
        {"hh:mm a", "12:30 pm", true, INT64_C(45000000)},
        {"hh:mm a", "01:30 PM", true, INT64_C(48600000)},
        {"HH:mm:ssXXX", "21:33:14+05:30", true, INT64_C(57794000)},
        {"HH:mm:ssXXX", "21:33:14Z", true, INT64_C(77594000)},
        {"HH:mm:ssX", "21:33:14-08", true, INT64_C(106394000)},
        {"HH:mm:ssXX", "21:33:14-0830", true, INT64_C(108194000)},
        {"HH:mm z", "21:33 UTC", true, INT64_C(77580000)},
        {"HH:mm z", "21:33 GMT+02:00", true, INT64_C(70380000)},
        {"yyyy-DDD", "2022-190", true, INT64_C(1657324800000)},
        {"yyyy-MM-dd", "not a date", false, 0},
        {"yyyy-MM-dd", "2022/07/09", false, 0},
        {"yyyy-MM-dd", "", false, 0},
        {"yyyy-MM-dd", " 2022-07-09", true, INT64_C(1657324800000)},
        {"H:m", "25:61", true, INT64_C(93660000)},
        {"kk", "24", true, INT64_C(0)},
        {"K a", "0 PM", true, INT64_C(43200000)},
        {"HH a", "05 PM", true, INT64_C(18000000)},
        {"''yyyy''", "'2022'", true, INT64_C(1640995200000)},
        {"yyyy-MM-dd'T'HH:mm", "2022-07-09T", false, 0},
        {"dd.MM.yyyy", "31.02.2024", true, INT64_C(1709337600000)},
        {"yy", "44", true, INT64_C(2335219200000)},
        {"yy", "46", true, INT64_C(-757382400000)},
        {"HH", "1234567890", false, 0},
        {"yyyy", "999999999", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct java_date_format *f = compiled(rows[i].pattern);
        int64_t ms = 0;
        bool matches = java_date_format_parse(f, bytes_of_text(rows[i].text), NOW_MS, &ms);
        if (matches != rows[i].matches || ms != rows[i].ms) {
            fail_msg("%s of \"%s\": %d %lld", rows[i].pattern, rows[i].text, matches,
                     (long long)ms);
        }
        java_date_format_destroy(f);
    }
}

static void the_ends_of_time_are_survived(void **state)
{
    (void)state;
    struct java_date_format *f = compiled("yyyy-MM-dd HH:mm:ss.SSS D E");
    const int64_t ends[] = {INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < 2; i++) {
        struct buf b;
        buf_init(&b, 1000);
        java_date_format_print(f, ends[i], &b);
        assert_false(buf_failed(&b));
        buf_deinit(&b);
    }
    java_date_format_destroy(f);
}

static void a_wrong_pattern_is_explained(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
    } rows[] = {
        {"yyyy b", "Illegal pattern character 'b'"},
        {"'x", "Unterminated quote"},
        {"XXXX", "invalid ISO 8601 format: length=4"},
        {"YYYY-'W'ww", "Pattern character 'Y' is not supported"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct java_date_format *f = NULL;
        struct err e;
        assert_int_not_equal(java_date_format_create(rows[i].pattern, &f, &e), ERR_OK);
        assert_string_equal(e.text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_as_the_original),
        cmocka_unit_test(reads_as_the_original),
        cmocka_unit_test(the_ends_of_time_are_survived),
        cmocka_unit_test(a_wrong_pattern_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
