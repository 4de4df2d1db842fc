#include "cli/record_format.h"

#include <string.h>

#include "cli/record_reader.h"
#include "tests/support/test.h"

static const struct record_text_header headers[] = {
    {{(const uint8_t *)"h1", 2}, {(const uint8_t *)"v1", 2}},
    {{(const uint8_t *)"h2", 2}, {NULL, 0}},
};

static struct record_view sample(void)
{
    return (struct record_view){.topic = bytes_of_text("foo"),
                                .key = bytes_of_text("key1"),
                                .value = bytes_of_text("{\"a\":1}"),
                                .headers = headers,
                                .header_count = 2,
                                .partition = 2,
                                .offset = 300,
                                .leader_epoch = 5,
                                .timestamp_ms = 1693340516398,
                                .producer_id = -1,
                                .producer_epoch = -1,
                                .log_start = 1,
                                .last_stable = 2,
                                .high_watermark = 3};
}

static void check_write(const char *layout, struct record_view r, const char *expected)
{
    struct record_format f;
    struct err e;
    if (record_format_init(&f, layout, RECORD_WRITES, &e) != ERR_OK) {
        fail_msg("%s: %s", layout, e.text);
    }
    struct buf out;
    buf_init(&out, 10000);
    record_format_write(&f, &r, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_deinit(&out);
    record_format_deinit(&f);
}

static void writes_what_rpk_writes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"%t %p %o %k=%v\\n", "foo 2 300 key1={\"a\":1}\n"},
        {"%o{hex} %o{hex16} %o{hex4}", "12c 012c c"},
        {"%o{hex64} %o{hex32} %o{hex8}", "000000000000012c 0000012c 2c"},
        {"%x{hex} %x %y", "ffffffffffffffff -1 -1"},
        {"%d{go[2006-01-02T15:04:05.000Z07:00]}", "2023-08-29T20:21:56.398Z"},
        {"%d{strftime## [%F] ##}", " [2023-08-29] "},
        {"%d{go##Mon Jan _2 3:04PM 06 -07:00##} %d %d{hex}",
         "Tue Aug 29 8:21PM 23 +00:00 1693340516398 18a42f5c02e"},
        {"%h{ %k=%v{hex} }", " h1=7631  h2= "},
        {"%H:%h{%K/%V,}", "2:2/2,2/0,"},
        {"%T %K %V", "3 4 7"},
        {"%k{base64} %k{base64raw} %k{hex}", "a2V5MQ== a2V5MQ 6b657931"},
        {"%i %i %i{hex4}", "1 2 3"},
        {"%[ %| %] %e", "1 2 3 5"},
        {"%a{compression} %a{compression;number} %a{timestamp-type} %a{control-bit;bool}",
         "none 0 0 false"},
        {"100%% %{x%} {y} \\x41\\t\\\\", "100% {x} {y} A\t\\"},
        {"%k{unpack[c.s]}", "key1"},
        {"%k{unpack[>h<h$]}", "2749312665"},
        {"%k{unpack[bi]}", "107%!i(have 3 bytes, need 4)"},
        {"%k{unpack[B$]}", "107%!$(not end-of-input)"},
        {"%v{unpack[is$]}", "576791163:1}"},
        {"%p{bool}%p{byte}", "true\x02"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_write(cases[i][0], sample(), cases[i][1]);
    }
}

static void writes_binary_numbers(void **state)
{
    (void)state;
    struct record_format f;
    struct err e;
    assert_int_equal(record_format_init(&f, "%o{big32}%o{little16}%V{big64}", RECORD_WRITES, &e),
                     ERR_OK);
    struct record_view r = sample();
    struct buf out;
    buf_init(&out, 100);
    record_format_write(&f, &r, &out);
    static const uint8_t expected[] = {0, 0, 1, 0x2c, 0x2c, 1, 0, 0, 0, 0, 0, 0, 0, 7};
    assert_int_equal(out.len, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    buf_deinit(&out);
    record_format_deinit(&f);
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    static const struct {
        const char *layout;
        enum record_direction direction;
        const char *says;
    } cases[] = {
        {"%z", RECORD_WRITES, "unknown verb %z"},
        {"abc%", RECORD_WRITES, "% at the end"},
        {"\\q", RECORD_WRITES, "unknown escape \"\\q\""},
        {"\\x4", RECORD_WRITES, "unknown escape"},
        {"%o{le32}", RECORD_WRITES, "{le32} is not known"},
        {"%v{json}", RECORD_WRITES, "{json} is not known"},
        {"%v{hex", RECORD_WRITES, "} missing"},
        {"%h", RECORD_WRITES, "%h needs braces"},
        {"%h{%k", RECORD_WRITES, "} missing"},
        {"%h{%p}", RECORD_WRITES, "%p inside of %h"},
        {"%a{foo}", RECORD_WRITES, "%a{foo} is not known"},
        {"%v{unpack[z]}", RECORD_WRITES, "unpack does not know 'z'"},
        {"%d{go[2006}", RECORD_WRITES, "missing"},
        {"", RECORD_WRITES, "empty"},
        {"%h{%k}", RECORD_READS, "%H"},
        {"%v%V", RECORD_READS, "%V must stand once, before %v"},
        {"%i", RECORD_READS, "%i cannot be read"},
        {"%v{re[(]}", RECORD_READS, "missing closing parenthesis"},
        {"%v{re[a]", RECORD_READS, "} missing"},
        {"%v{re[a]}", RECORD_WRITES, "{re[a]} is not known"},
        {"%V{3}", RECORD_READS, "nothing in it reads input"},
        {"%V{hex}%v", RECORD_READS, "{hex} is not known"},
        {"%d{go[2006]}", RECORD_READS, "not known"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record_format f;
        struct err e;
        assert_int_not_equal(record_format_init(&f, cases[i].layout, cases[i].direction, &e),
                             ERR_OK);
        if (strstr(e.text, cases[i].says) == NULL) {
            fail_msg("%s: %s", cases[i].layout, e.text);
        }
    }
}

/* Gives its text a few bytes at a time. */
struct source {
    const char *text;
    size_t left;
    size_t step;
};

static ssize_t source_read(void *ctx, void *data, size_t size)
{
    struct source *s = ctx;
    size_t n = s->left < s->step ? s->left : s->step;
    n = n < size ? n : size;
    memcpy(data, s->text, n);
    s->text += n;
    s->left -= n;
    return (ssize_t)n;
}

/* "key=value;key=value;END" or "...;ERROR text". */
static void read_all(const char *layout, const char *input, size_t step, struct buf *out)
{
    struct record_format f;
    struct err e;
    if (record_format_init(&f, layout, RECORD_READS, &e) != ERR_OK) {
        fail_msg("%s: %s", layout, e.text);
    }
    struct source s = {input, strlen(input), step};
    struct record_reader r;
    record_reader_init(&r, &f, source_read, &s, 1000);
    bool end = false;
    enum err_code code = ERR_OK;
    while (code == ERR_OK && !end) {
        struct record_input in;
        code = record_reader_next(&r, &in, &end, &e);
        if (code != ERR_OK) {
            buf_printf(out, "ERROR %s", e.text);
        } else if (end) {
            buf_append_text(out, "END");
        } else {
            buf_printf(out, "%.*s=%.*s", (int)in.key.len, (const char *)in.key.data,
                       (int)in.value.len, (const char *)in.value.data);
            for (size_t i = 0; i < in.header_count; i++) {
                buf_printf(out, ",%.*s:%.*s", (int)in.headers[i].key.len,
                           (const char *)in.headers[i].key.data, (int)in.headers[i].value.len,
                           (const char *)in.headers[i].value.data);
            }
            if (in.has_partition) {
                buf_printf(out, "@%d", in.partition);
            }
            if (in.has_timestamp) {
                buf_printf(out, "#%lld", (long long)in.timestamp_ms);
            }
            buf_append_text(out, ";");
        }
    }
    record_reader_deinit(&r);
    record_format_deinit(&f);
}

static void reads_what_rpk_reads(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"%v\\n", "a\nb\n", "=a;=b;END"},
        /* The last line lacks its newline, and is a record all the same. */
        {"%v\\n", "a\nb", "=a;=b;END"},
        {"%v\\n", "\n", "=;END"},
        {"%v\\n", "", "END"},
        {"%k|%v\\n", "key1|x|y\n", "key1=x|y;END"},
        /* Delimiters cross lines. */
        {"%k|%v\\n", "nokey\nk|v\n", "nokey\nk=v;END"},
        {"%k|%v\\n", "nokey\n", "ERROR unexpected EOF"},
        {"%H{2}%h{ %k=%v }%v\\n", " a=1  b=2 val\n", "=val,a:1,b:2;END"},
        {"%k %v{json}", "k {\"a\": [1, 2]}", "k={\"a\":[1,2]};END"},
        {"%v{json}\\n", "{\"a\": \"x } y\"}\n[1, 1.50]\n\"s\"\n7\n",
         "={\"a\":\"x } y\"};=[1,1.50];=\"s\";=7;END"},
        {"%v{json}\\n", "{\"a\": 1\n", "ERROR not JSON: '}' expected near end of file"},
        {"%v{json}\\n", "1\n2", "=1;=2;END"},
        /* As long as it can, however the bytes come. */
        {"%k{re[\\d+]}%v\\n", "12ab\n345cd", "12=ab;345=cd;END"},
        {"%v{re#[a-z]+#}, ", "ab, c, 1",
         "=ab;=c;ERROR the regular expression does not match \"1\""},
        {"%v{re[x*]}", "a", "ERROR the regular expression matches nothing at \"a\""},
        {"%k{re[a]}%v{re[b]}", "abab", "a=b;a=b;END"},
        {"%v{re[.]}", "\xc3\xa9z", "=\xc3\xa9;=z;END"},
        {"%K%k%V{hex4}%v", "3abc2xy1z0", "abc=xy;z=;END"},
        {"%V{3}%v", "abcdef", "=abc;=def;END"},
        {"%v{hex}\\n", "6162\n", "=ab;END"},
        {"%v{hex}\\n", "6g\n", "ERROR not hexadecimal: \"6g\""},
        {"%k{base64} %v\\n", "a2V5MQ== x\n", "key1=x;END"},
        {"%p %d %v\\n", "3 1700000000000 x\n", "=x@3#1700000000000;END"},
        {"%v,%%\\n", "a,%\n", "=a;END"},
        {"[%v]\\n", "[a]\n(b]\n", "=a;ERROR exact text mismatch, read \"(\" when expecting \"[\""},
        {"%v", "all of\nit", "=all of\nit;END"},
        {"%V %v", "x", "ERROR expected a number, read \"\""},
        {"%V %v", "9999 a", "ERROR a size of 9999 bytes"},
        {"%V %v", "5 abc", "ERROR unexpected EOF"},
    };
    struct buf out;
    buf_init(&out, 10000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t step = 1; step <= 100; step += 33) {
            buf_clear(&out);
            read_all(cases[i][0], cases[i][1], step, &out);
            if (strcmp(buf_text(&out), cases[i][2]) != 0) {
                fail_msg("%s, step %zu: %s", cases[i][0], step, buf_text(&out));
            }
        }
    }
    buf_deinit(&out);
}

static void stops_at_its_limit(void **state)
{
    (void)state;
    static char line[2000];
    memset(line, 'x', sizeof line - 1);
    struct buf out;
    buf_init(&out, 10000);
    read_all("%v\\n", line, 100, &out);
    assert_string_equal(buf_text(&out), "ERROR a text of more than 1000 bytes");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_rpk_writes),
        cmocka_unit_test(writes_binary_numbers),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(reads_what_rpk_reads),
        cmocka_unit_test(stops_at_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
