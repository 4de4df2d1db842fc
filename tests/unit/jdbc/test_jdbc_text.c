/* URLs, SQL, table names, zones, decimals: what the connector reads and writes as text. */
#include <stdio.h>
#include <string.h>

#include "connectors/jdbc/jdbc_decimal.h"
#include "connectors/jdbc/jdbc_sql.h"
#include "connectors/jdbc/jdbc_tables.h"
#include "connectors/jdbc/jdbc_url.h"
#include "connectors/jdbc/jdbc_zone.h"
#include "connectors/jdbc/postgres/pg_numeric.h"
#include "connectors/jdbc/sqlite/sqlite_time.h"
#include "tests/support/test.h"

static void takes_urls_apart(void **state)
{
    (void)state;
    struct jdbc_url u;
    struct err e;
    assert_int_equal(
        jdbc_url_parse("jdbc:postgresql://a:1,[::1]:2,c/d%62?user=r%20t&password=s%26x&ssl", &u,
                       &e),
        ERR_OK);
    assert_string_equal(u.hosts, "a,::1,c");
    assert_string_equal(u.ports, "1,2,5432");
    assert_string_equal(u.database, "db");
    assert_string_equal(jdbc_url_property(&u, "user"), "r t");
    assert_string_equal(jdbc_url_property(&u, "password"), "s&x");
    assert_string_equal(jdbc_url_property(&u, "ssl"), "");
    jdbc_url_deinit(&u);
    assert_int_equal(jdbc_url_parse("jdbc:postgresql:db", &u, &e), ERR_OK);
    assert_string_equal(u.hosts, "localhost");
    assert_string_equal(u.database, "db");
    jdbc_url_deinit(&u);
    assert_int_equal(jdbc_url_parse("jdbc:sqlite:/a b.db", &u, &e), ERR_OK);
    assert_string_equal(u.database, "/a b.db");
    jdbc_url_deinit(&u);
    assert_int_equal(jdbc_url_parse("jdbc:mysql://h/d?password=secret", &u, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "No suitable driver found for jdbc:mysql://h/d"));
    assert_null(strstr(e.text, "secret"));
    assert_int_equal(jdbc_url_parse("x", &u, &e), ERR_INVALID);
    assert_string_equal(e.text, "Not a valid JDBC URL: x");
    assert_int_equal(jdbc_url_parse("jdbc:postgresql://h:99x/d", &u, &e), ERR_INVALID);
    assert_int_equal(jdbc_url_parse("jdbc:postgresql://[h/d", &u, &e), ERR_INVALID);
}

static void expect_sql(enum jdbc_mode mode, const char *query, size_t columns, const char *expected)
{
    char schema[] = "public";
    char name[] = "t";
    char a[] = "ts";
    char b[] = "ts2";
    char *timestamps[] = {a, b};
    const struct jdbc_table table = {schema, name};
    const struct jdbc_sql_style style = {.quote = '"', .parameter = '$'};
    const struct jdbc_sql_target target = {.table = query == NULL ? &table : NULL,
                                           .query = query,
                                           .suffix = "",
                                           .mode = mode,
                                           .incrementing_column = "id",
                                           .timestamp_columns = timestamps,
                                           .timestamp_column_count = columns};
    struct buf sql;
    buf_init(&sql, 4096);
    jdbc_sql_select(&sql, &style, &target);
    assert_string_equal(buf_text(&sql), expected);
    buf_deinit(&sql);
}

static void writes_the_statements_of_the_originals(void **state)
{
    (void)state;
    expect_sql(JDBC_MODE_BULK, NULL, 0, "SELECT * FROM \"public\".\"t\"");
    expect_sql(JDBC_MODE_INCREMENTING, NULL, 0,
               "SELECT * FROM \"public\".\"t\" WHERE \"public\".\"t\".\"id\" > $1 ORDER BY "
               "\"public\".\"t\".\"id\" ASC");
    expect_sql(JDBC_MODE_TIMESTAMP, NULL, 1,
               "SELECT * FROM \"public\".\"t\" WHERE \"public\".\"t\".\"ts\" > $1 AND "
               "\"public\".\"t\".\"ts\" < $2 ORDER BY \"public\".\"t\".\"ts\" ASC");
    expect_sql(JDBC_MODE_TIMESTAMP_INCREMENTING, "SELECT 1", 2,
               "SELECT 1 WHERE COALESCE(\"ts\",\"ts2\") < $1 AND ((COALESCE(\"ts\",\"ts2\") = $2 "
               "AND \"id\" > $3) OR COALESCE(\"ts\",\"ts2\") > $4) ORDER BY "
               "COALESCE(\"ts\",\"ts2\"),\"id\" ASC");
    expect_sql(JDBC_MODE_INCREMENTING, "SELECT 1", 0,
               "SELECT 1 WHERE \"id\" > $1 ORDER BY \"id\" ASC");
}

static void reads_the_names_that_it_writes(void **state)
{
    (void)state;
    struct jdbc_table_list list = {0};
    struct jdbc_table_list back = {0};
    struct err e;
    assert_int_equal(jdbc_dialect_add_table(&list, "a.b", "c,\"d", &e), ERR_OK);
    assert_int_equal(jdbc_dialect_add_table(&list, NULL, "x", &e), ERR_OK);
    struct buf text;
    buf_init(&text, 1000);
    jdbc_tables_write(&list.items[0], &text);
    buf_append_char(&text, ',');
    jdbc_tables_write(&list.items[1], &text);
    assert_string_equal(buf_text(&text), "\"a.b\".\"c,\"\"d\",\"x\"");
    assert_int_equal(jdbc_tables_read(buf_text(&text), &back, &e), ERR_OK);
    assert_true(jdbc_tables_equal(&list, &back));
    buf_deinit(&text);
    jdbc_dialect_free_tables(&list);
    jdbc_dialect_free_tables(&back);
    assert_int_equal(jdbc_tables_read("\"open", &back, &e), ERR_PARSE);
    assert_int_equal(jdbc_tables_read("a.,b", &back, &e), ERR_PARSE);
}

static void deals_tables_out_evenly(void **state)
{
    (void)state;
    size_t next = 0;
    for (size_t i = 0; i < 3; i++) {
        size_t from = 0;
        size_t to = 0;
        jdbc_tables_share(8, 3, i, &from, &to);
        assert_int_equal(from, next);
        assert_int_equal(to - from, i < 2 ? 3 : 2);
        next = to;
    }
    assert_int_equal(next, 8);
}

static void knows_the_clocks_of_zones(void **state)
{
    (void)state;
    struct jdbc_zone *z = NULL;
    struct err e;
    const int64_t hour = INT64_C(3600000000);
    const int64_t summer = INT64_C(1657402394064000);
    assert_int_equal(jdbc_zone_open("Europe/Berlin", &z, &e), ERR_OK);
    assert_int_equal(jdbc_zone_to_wall(z, summer), summer + 2 * hour);
    assert_int_equal(jdbc_zone_to_utc(z, summer + 2 * hour), summer);
    for (int64_t t = INT64_C(1600000000); t < INT64_C(1800000000); t += 7919) {
        int64_t wall = jdbc_zone_to_wall(z, t * 1000000);
        int64_t back = jdbc_zone_to_utc(z, wall);
        assert_true(back == t * 1000000 || back == t * 1000000 - hour);
    }
    jdbc_zone_close(z);
    assert_int_equal(jdbc_zone_open("-02:30", &z, &e), ERR_OK);
    assert_int_equal(jdbc_zone_to_wall(z, 0), -5 * hour / 2);
    jdbc_zone_close(z);
    assert_int_equal(jdbc_zone_open("../../etc/passwd", &z, &e), ERR_NOT_FOUND);
    assert_int_equal(jdbc_zone_open("+99", &z, &e), ERR_NOT_FOUND);
}

static void expect_decimal(const char *text, int scale, const char *hex)
{
    struct arena a;
    struct err e;
    struct connect_value v;
    char got[256] = "";
    arena_init(&a, (size_t)1 << 20);
    assert_int_equal(jdbc_decimal_from_text(&a, text, strlen(text), scale, &v, &e), ERR_OK);
    for (size_t i = 0; i < v.len; i++) {
        (void)snprintf(got + 2 * i, sizeof got - 2 * i, "%02x", v.data[i]);
    }
    assert_string_equal(got, hex);
    arena_deinit(&a);
}

static void makes_unscaled_numbers_of_minimal_length(void **state)
{
    (void)state;
    expect_decimal("0", 2, "00");
    expect_decimal("1.27", 2, "7f");
    expect_decimal("1.28", 2, "0080");
    expect_decimal("-1.28", 2, "80");
    expect_decimal("-1.29", 2, "ff7f");
    expect_decimal("1e2", 0, "64");
    expect_decimal("9.995", 2, "03e8");
    expect_decimal("0.004", 2, "00");
    expect_decimal("0.00000000000000000000001", 2, "00");
    expect_decimal("18446744073709551616", 0, "010000000000000000");
    expect_decimal("-170141183460469231731687303715884105728", 0,
                   "80000000000000000000000000000000");
    expect_decimal("18446744073709551615", 0, "00ffffffffffffffff");
    expect_decimal("10000000000000000000", 0, "008ac7230489e80000");
    expect_decimal("9999999999999999999", 0, "008ac7230489e7ffff");
    expect_decimal("-340282366920938463463374607431768211456", 0,
                   "ff00000000000000000000000000000000");
    expect_decimal("999999999999999999999999999999999999999999999999999999999", 0,
                   "28c87cb5c89a2571ebfdcb54864ada8349ffffffffffffff");
    expect_decimal("-1000000000000000000000000000000000000000000000000000000000000000000000000000",
                   0, "fdca05227e3d7dd44c0f878868c2af0d740dd5ce417118000000000000000000");
    struct arena a;
    struct connect_value v;
    arena_init(&a, 1000);
    assert_int_equal(jdbc_decimal_from_text(&a, "NaN", 3, 2, &v, NULL), ERR_PARSE);
    assert_int_equal(jdbc_decimal_from_text(&a, "1e9999999", 9, 2, &v, NULL), ERR_PARSE);
    arena_deinit(&a);
}

static void reads_binary_numerics(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[16];
        size_t len;
        const char *text;
    } cases[] = {
        {{0, 2, 0, 0, 0, 0, 0, 2, 0x04, 0xd2, 0x15, 0xe0}, 12, "1234.56"},
        {{0, 1, 0xff, 0xff, 0x40, 0, 0, 3, 0, 50}, 10, "-0.005"},
        {{0, 1, 0, 1, 0, 0, 0, 0, 0, 12}, 10, "120000"},
        {{0, 0, 0, 0, 0, 0, 0, 2}, 8, "0.00"},
        {{0, 0, 0, 0, 0xc0, 0, 0, 0}, 8, "NaN"},
    };
    struct arena a;
    arena_init(&a, 10000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = NULL;
        size_t len = 0;
        assert_int_equal(
            pg_numeric_to_text(&a, bytes_of(cases[i].bytes, cases[i].len), &text, &len, NULL), 0);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(len, strlen(text));
    }
    const char *text = NULL;
    size_t len = 0;
    assert_int_equal(pg_numeric_to_text(&a, bytes_of(cases[0].bytes, 11), &text, &len, NULL),
                     ERR_PARSE);
    arena_deinit(&a);
}

static void reads_the_times_that_sqlite_users_write(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
        bool zoned;
    } cases[] = {{"1970-01-02", INT64_C(86400000000), false},
                 {"2022-07-09 21:33:14", INT64_C(1657402394000000), false},
                 {"2022-07-09T21:33:14.064Z", INT64_C(1657402394064000), true},
                 {"2022-07-09 23:33:14.064+02:00", INT64_C(1657402394064000), true},
                 {"1969-12-31 23:59", INT64_C(-60000000), false}};
    int64_t us = 0;
    bool zoned = false;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(sqlite_time_parse(cases[i].text, strlen(cases[i].text), &us, &zoned));
        assert_int_equal(us, cases[i].us);
        assert_int_equal(zoned, cases[i].zoned);
    }
    assert_false(sqlite_time_parse("2022-13-01", 10, &us, &zoned));
    assert_false(sqlite_time_parse("2022-01-01x", 11, &us, &zoned));
    assert_false(sqlite_time_parse("2022-01-01 1", 12, &us, &zoned));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_urls_apart),
        cmocka_unit_test(writes_the_statements_of_the_originals),
        cmocka_unit_test(reads_the_names_that_it_writes),
        cmocka_unit_test(deals_tables_out_evenly),
        cmocka_unit_test(knows_the_clocks_of_zones),
        cmocka_unit_test(makes_unscaled_numbers_of_minimal_length),
        cmocka_unit_test(reads_binary_numerics),
        cmocka_unit_test(reads_the_times_that_sqlite_users_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
