/* tests/golden/messages.txt holds a message of every schema and version, as "schema version hex".
 * Each line was read and written again, to the same bytes, by the classes of Apache Kafka 3.9
 * (tests/interop/java/MessageCheck.java), but for versions that are newer than that. A schema that
 * changes by accident no longer reads them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/message.h"
#include "tests/support/test.h"

#define LINE_BYTES 65536

static const struct message_schema *find_schema(const char *name)
{
    for (size_t i = 0; i < message_schemas_count; i++) {
        if (strcmp(message_schemas[i]->name, name) == 0) {
            return message_schemas[i];
        }
    }
    return NULL;
}

static size_t parse_hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (; text[0] != '\0' && text[0] != '\n'; text += 2) {
        const char digits[3] = {text[0], text[1], '\0'};
        out[n++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return n;
}

static void check_line(const struct message_schema *s, int16_t version, struct bytes in)
{
    struct arena arena;
    struct buf out;
    arena_init(&arena, (size_t)1 << 20);
    buf_init(&out, LINE_BYTES);
    struct reader r;
    reader_init(&r, in);
    void *msg = arena_alloc(&arena, s->size);
    struct err e;
    if (message_decode(s, version, &r, &arena, msg, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(message_encode(s, version, msg, &out, NULL, &e), ERR_OK);
    assert_true(bytes_equal(buf_bytes(&out), in));
    buf_deinit(&out);
    arena_deinit(&arena);
}

static void reads_and_writes_the_bytes_of_kafka(void **state)
{
    (void)state;
    FILE *f = fopen(WEIR_GOLDEN_DIR "/messages.txt", "r");
    assert_non_null(f);
    static char line[LINE_BYTES];
    static uint8_t raw[LINE_BYTES / 2];
    size_t lines = 0;
    while (fgets(line, sizeof line, f) != NULL) {
        char *version = strchr(line, ' ');
        assert_non_null(version);
        *version++ = '\0';
        char *hex = strchr(version, ' ');
        assert_non_null(hex);
        const struct message_schema *s = find_schema(line);
        assert_non_null(s);
        check_line(s, (int16_t)strtol(version, NULL, 10), bytes_of(raw, parse_hex(hex + 1, raw)));
        lines++;
    }
    (void)fclose(f);
    size_t expected = 0;
    for (size_t i = 0; i < message_schemas_count; i++) {
        expected += (size_t)(message_schemas[i]->max_version - message_schemas[i]->min_version + 1);
    }
    assert_int_equal(lines, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_the_bytes_of_kafka),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
