#include "cli/offset_range.h"

#include "tests/support/test.h"

#define NOW INT64_C(1700000000000)
#define HOUR INT64_C(3600000)
/* 2022-02-14T00:00:00Z */
#define VALENTINE INT64_C(1644796800000)

static void understands_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct offset_point start;
        struct offset_point stop;
    } cases[] = {
        {"start", {OFFSET_FROM_START, 0}, {OFFSET_NONE, 0}},
        {"oldest", {OFFSET_FROM_START, 0}, {OFFSET_NONE, 0}},
        {"end", {OFFSET_FROM_END, 0}, {OFFSET_NONE, 0}},
        {"newest", {OFFSET_FROM_END, 0}, {OFFSET_NONE, 0}},
        {"35", {OFFSET_EXACT, 35}, {OFFSET_NONE, 0}},
        {"35:", {OFFSET_EXACT, 35}, {OFFSET_NONE, 0}},
        {"+3", {OFFSET_FROM_START, 3}, {OFFSET_NONE, 0}},
        {"-3", {OFFSET_FROM_END, 3}, {OFFSET_NONE, 0}},
        {":end", {OFFSET_FROM_START, 0}, {OFFSET_FROM_END, 0}},
        {":35", {OFFSET_FROM_START, 0}, {OFFSET_EXACT, 35}},
        {"3:5", {OFFSET_EXACT, 3}, {OFFSET_EXACT, 5}},
        {"3-5", {OFFSET_EXACT, 3}, {OFFSET_EXACT, 5}},
        {"3:end", {OFFSET_EXACT, 3}, {OFFSET_FROM_END, 0}},
        {"@1644796800000", {OFFSET_AT_TIME, VALENTINE}, {OFFSET_NONE, 0}},
        {"@1644796800", {OFFSET_AT_TIME, VALENTINE}, {OFFSET_NONE, 0}},
        {"@644796800", {OFFSET_AT_TIME, 644796800000}, {OFFSET_NONE, 0}},
        {"@2022-02-14", {OFFSET_AT_TIME, VALENTINE}, {OFFSET_NONE, 0}},
        {"@2022-02-14:", {OFFSET_AT_TIME, VALENTINE}, {OFFSET_NONE, 0}},
        {"@2022-02-14T00:00:00.5Z", {OFFSET_AT_TIME, VALENTINE + 500}, {OFFSET_NONE, 0}},
        {"@2022-02-14T02:00:00+02:00", {OFFSET_AT_TIME, VALENTINE}, {OFFSET_NONE, 0}},
        {"@-1h30m", {OFFSET_AT_TIME, NOW - HOUR - HOUR / 2}, {OFFSET_NONE, 0}},
        {"@:-1h", {OFFSET_FROM_START, 0}, {OFFSET_AT_TIME, NOW - HOUR}},
        {"@-48h:-24h", {OFFSET_AT_TIME, NOW - 48 * HOUR}, {OFFSET_AT_TIME, NOW - 24 * HOUR}},
        {"@2022-02-14:1h", {OFFSET_AT_TIME, VALENTINE}, {OFFSET_AT_TIME, VALENTINE + HOUR}},
        {"@2022-02-14T00:00:00Z:2022-02-14T01:00:00Z",
         {OFFSET_AT_TIME, VALENTINE},
         {OFFSET_AT_TIME, VALENTINE + HOUR}},
        {"@-1h:end", {OFFSET_AT_TIME, NOW - HOUR}, {OFFSET_FROM_END, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct offset_range r;
        struct err e;
        if (offset_range_parse(cases[i].text, NOW, &r, &e) != ERR_OK) {
            fail_msg("%s", e.text);
        }
        if (r.start.anchor != cases[i].start.anchor || r.start.value != cases[i].start.value ||
            r.stop.anchor != cases[i].stop.anchor || r.stop.value != cases[i].stop.value) {
            fail_msg("%s: %d %lld, %d %lld", cases[i].text, r.start.anchor,
                     (long long)r.start.value, r.stop.anchor, (long long)r.stop.value);
        }
    }
}

static void refuses_the_rest(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",     "x",    ":",    "-",       "+",  "5:3",   "3:x",         "3-",
        "-3-5", "@",    "@x",   "@12345",  "@:", "@1h:x", "@2022-13-40", "99999999999999999999",
        "1 2",  "3::5", "@-1y", "start:5",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct offset_range r;
        if (offset_range_parse(cases[i], NOW, &r, NULL) != ERR_INVALID) {
            fail_msg("\"%s\" was understood", cases[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(understands_every_form),
        cmocka_unit_test(refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
