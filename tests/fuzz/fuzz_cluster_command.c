/* The commands of one frame of the controller's log, applied to an empty cluster. The state that
 * comes out must be rebuilt by the commands that it dumps. */
#include "broker/controller/cluster_command.h"
#include "broker/controller/cluster_state.h"
#include "common/arena.h"
#include "common/buf.h"
#include "common/check.h"
#include "common/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Through the bytes, as a snapshot does. */
static enum err_code fuzz_rebuild(void *ctx, const struct cluster_command *command, struct err *e)
{
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    cluster_command_encode(command, &bytes);
    if (!buf_failed(&bytes)) {
        struct arena arena;
        arena_init(&arena, 1 << 20);
        struct reader r;
        reader_init(&r, buf_bytes(&bytes));
        struct cluster_command again;
        CHECK(cluster_command_decode(&r, &arena, &again, e) == ERR_OK);
        CHECK(reader_left(&r) == 0);
        CHECK(cluster_state_apply(ctx, &again, e) == ERR_OK);
        arena_deinit(&arena);
    }
    buf_deinit(&bytes);
    return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct cluster_state state;
    cluster_state_init(&state);
    struct reader r;
    struct err e;
    reader_init(&r, bytes_of(data, size));
    enum err_code code = ERR_OK;
    while (code == ERR_OK && reader_left(&r) > 0) {
        struct cluster_command command;
        code = cluster_command_decode(&r, &arena, &command, &e);
        if (code == ERR_OK) {
            code = cluster_state_apply(&state, &command, &e);
            code = code == ERR_CONFLICT ? ERR_OK : code; /* what does not fit is left out */
        }
    }
    struct cluster_state again;
    cluster_state_init(&again);
    CHECK(cluster_state_dump(&state, fuzz_rebuild, &again, &e) == ERR_OK);
    CHECK(again.topic_count == state.topic_count);
    CHECK(again.next_producer_id == state.next_producer_id);
    cluster_state_deinit(&again);
    cluster_state_deinit(&state);
    arena_deinit(&arena);
    return 0;
}
