/* Prints one random message of every schema and version: "<schema> <version> <hex>" a line. The
 * argument is the seed. tests/interop/java/MessageCheck.java reads it with Apache Kafka's own
 * classes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/message.h"
#include "tests/support/message_fill.h"

static int message_dump_one(const struct message_schema *s, int16_t version, uint64_t seed)
{
    struct arena arena;
    arena_init(&arena, (size_t)8 << 20);
    struct buf out;
    buf_init(&out, (size_t)8 << 20);
    struct message_fill fill = {&arena, seed * 0x9e3779b97f4a7c15U, version};
    void *msg = arena_alloc(&arena, s->size);
    message_fill(&fill, s, msg);
    struct err e;
    enum err_code rc = message_encode(s, version, msg, &out, NULL, &e);
    if (rc == ERR_OK) {
        (void)printf("%s %d ", s->name, version);
        for (size_t i = 0; i < out.len; i++) {
            (void)printf("%02x", out.data[i]);
        }
        (void)printf("\n");
    } else {
        (void)fprintf(stderr, "%s\n", e.text);
    }
    buf_deinit(&out);
    arena_deinit(&arena);
    return rc == ERR_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    int failed = 0;
    for (size_t i = 0; i < message_schemas_count; i++) {
        const struct message_schema *s = message_schemas[i];
        for (int16_t v = s->min_version; v <= s->max_version; v++) {
            failed |= message_dump_one(s, v, seed);
        }
    }
    return failed;
}
