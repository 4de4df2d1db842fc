#include "broker/net/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/arena.h"
#include "tests/support/test.h"

#define FILE_BYTES ((size_t)3 * 1000 * 1000)

struct fixture {
    int sockets[2];
    int fd;
    struct arena arena;
    struct output output;
};

static uint8_t file_byte(size_t at)
{
    return (uint8_t)(at * 7 + (at >> 8));
}

static int setup(void **state)
{
    static struct fixture f;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f.sockets), 0);
    char path[] = "/tmp/weir_test_output_XXXXXX";
    f.fd = mkstemp(path);
    assert_true(f.fd >= 0);
    assert_int_equal(unlink(path), 0);
    static uint8_t content[FILE_BYTES];
    for (size_t i = 0; i < FILE_BYTES; i++) {
        content[i] = file_byte(i);
    }
    assert_int_equal(write(f.fd, content, FILE_BYTES), FILE_BYTES);
    arena_init(&f.arena, 1 << 20);
    output_init(&f.output, 1 << 20, &f.arena);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    output_deinit(&f->output);
    arena_deinit(&f->arena);
    (void)close(f->sockets[0]);
    (void)close(f->sockets[1]);
    (void)close(f->fd);
    return 0;
}

/* As message_encode notes it. */
static void add_splice(struct fixture *f, int64_t position, int32_t length)
{
    struct message_splices *s = &f->output.splices;
    if (s->items == NULL) {
        s->items = arena_alloc_array(&f->arena, 4, sizeof *s->items);
        s->capacity = 4;
    }
    s->items[s->count++] = (struct message_splice){
        .position = f->output.head.len,
        .records = {.fd = f->fd, .file_position = position, .file_length = length},
    };
}

static enum output_status send_and_read(struct fixture *f, struct buf *received)
{
    enum output_status status = OUTPUT_BLOCKED;
    uint8_t chunk[65536];
    for (;;) {
        if (status == OUTPUT_BLOCKED || status == OUTPUT_YIELD) {
            size_t budget = 100000;
            status = output_send(&f->output, f->sockets[0], &budget);
        }
        ssize_t n = read(f->sockets[1], chunk, sizeof chunk);
        if (n > 0) {
            buf_append(received, chunk, (size_t)n);
        } else if (status == OUTPUT_DONE || status == OUTPUT_FAILED) {
            return status;
        }
    }
}

static void memory_and_file_parts_arrive_in_order(void **state)
{
    struct fixture *f = *state;
    buf_append_text(&f->output.head, "one");
    add_splice(f, 10, 1000);
    add_splice(f, 5, 1);
    buf_append_text(&f->output.head, "two");
    add_splice(f, 0, (int32_t)FILE_BYTES);
    assert_int_equal(output_spliced_bytes(&f->output), FILE_BYTES + 1001);
    struct buf received;
    buf_init(&received, 2 * FILE_BYTES);
    assert_int_equal(send_and_read(f, &received), OUTPUT_DONE);
    assert_int_equal(received.len, 6 + 1001 + FILE_BYTES);
    assert_memory_equal(received.data, "one", 3);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(received.data[3 + i], file_byte(10 + i));
    }
    assert_int_equal(received.data[1003], file_byte(5));
    assert_memory_equal(received.data + 1004, "two", 3);
    for (size_t i = 0; i < FILE_BYTES; i++) {
        assert_int_equal(received.data[1007 + i], file_byte(i));
    }
    assert_int_equal(output_pending_bytes(&f->output), 0);
    buf_deinit(&received);
}

static void a_full_socket_blocks_and_the_budget_yields(void **state)
{
    struct fixture *f = *state;
    add_splice(f, 0, (int32_t)FILE_BYTES);
    size_t budget = 1;
    assert_int_equal(output_send(&f->output, f->sockets[0], &budget), OUTPUT_YIELD);
    budget = (size_t)100 * 1000 * 1000;
    assert_int_equal(output_send(&f->output, f->sockets[0], &budget), OUTPUT_BLOCKED);
    assert_true(budget > 0);
}

static void a_file_that_ends_early_is_a_failure(void **state)
{
    struct fixture *f = *state;
    add_splice(f, (int64_t)FILE_BYTES - 10, 20);
    struct buf received;
    buf_init(&received, 1000);
    assert_int_equal(send_and_read(f, &received), OUTPUT_FAILED);
    assert_int_equal(received.len, 10);
    buf_deinit(&received);
}

static void a_closed_peer_is_a_failure(void **state)
{
    struct fixture *f = *state;
    (void)close(f->sockets[1]);
    buf_append_text(&f->output.head, "anyone?");
    size_t budget = 1000;
    assert_int_equal(output_send(&f->output, f->sockets[0], &budget), OUTPUT_FAILED);
    assert_int_equal(errno, EPIPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_and_file_parts_arrive_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_socket_blocks_and_the_budget_yields, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_that_ends_early_is_a_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(a_closed_peer_is_a_failure, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
