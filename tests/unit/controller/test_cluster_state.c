#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/controller/cluster_state.h"
#include "broker/controller/command_log.h"
#include "common/arena.h"
#include "common/buf.h"
#include "common/mem.h"
#include "common/reader.h"

#define CLUSTER "AAAAAAAAAAAAAAAAAAAAAA"

static struct cluster_command create(const char *name, int32_t partitions, uint8_t id)
{
    struct cluster_command c = {.type = CLUSTER_COMMAND_CREATE_TOPIC,
                                .name = bytes_of_text(name),
                                .partition_count = partitions};
    memset(c.topic_id, id, sizeof c.topic_id);
    return c;
}

static struct cluster_command set_configs(const char *topic,
                                          const struct controller_config *configs, size_t count)
{
    return (struct cluster_command){.type = CLUSTER_COMMAND_SET_CONFIGS,
                                    .resource_type = CONTROLLER_RESOURCE_TOPIC,
                                    .name = bytes_of_text(topic),
                                    .configs = configs,
                                    .config_count = count};
}

static void apply(struct cluster_state *s, struct cluster_command c)
{
    struct err e;
    if (cluster_state_apply(s, &c, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
}

static void topics_are_sorted_and_found(void **state)
{
    (void)state;
    struct cluster_state s;
    cluster_state_init(&s);
    const char *names[] = {"m", "a", "z", "b-1", "b", "aa"};
    for (size_t i = 0; i < 6; i++) {
        apply(&s, create(names[i], 1, (uint8_t)i));
    }
    for (size_t i = 1; i < s.topic_count; i++) {
        assert_true(strcmp((const char *)s.topics[i - 1]->name.data,
                           (const char *)s.topics[i]->name.data) < 0);
    }
    for (size_t i = 0; i < 6; i++) {
        struct cluster_topic *t = cluster_state_find(&s, bytes_of_text(names[i]));
        assert_non_null(t);
        assert_ptr_equal(cluster_state_find_id(&s, t->id), t);
    }
    assert_null(cluster_state_find(&s, bytes_of_text("ab")));
    cluster_state_deinit(&s);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct cluster_state s;
    cluster_state_init(&s);
    apply(&s, create("a.b", 2, 1));
    struct cluster_command again = create("a.b", 2, 2);
    assert_int_equal(cluster_state_apply(&s, &again, NULL), ERR_CONFLICT);
    struct cluster_command none = create("x", 0, 3);
    assert_int_equal(cluster_state_apply(&s, &none, NULL), ERR_CORRUPT);
    struct cluster_command fewer = {
        .type = CLUSTER_COMMAND_ADD_PARTITIONS, .name = bytes_of_text("a.b"), .partition_count = 2};
    assert_int_equal(cluster_state_apply(&s, &fewer, NULL), ERR_CONFLICT);
    struct cluster_command unknown = {.type = CLUSTER_COMMAND_DELETE_TOPIC,
                                      .name = bytes_of_text("nope")};
    assert_int_equal(cluster_state_apply(&s, &unknown, NULL), ERR_CONFLICT);
    assert_non_null(cluster_state_find_collision(&s, bytes_of_text("a_b")));
    assert_null(cluster_state_find_collision(&s, bytes_of_text("a.b")));
    assert_null(cluster_state_find_collision(&s, bytes_of_text("a_c")));
    cluster_state_deinit(&s);
}

static void configs_are_set_replaced_and_unset(void **state)
{
    (void)state;
    struct cluster_state s;
    cluster_state_init(&s);
    apply(&s, create("t", 1, 1));
    struct controller_config first[] = {
        {bytes_of_text("segment.ms"), bytes_of_text("5")},
        {bytes_of_text("cleanup.policy"), bytes_of_text("compact")}};
    apply(&s, set_configs("t", first, 2));
    struct controller_config second[] = {{bytes_of_text("segment.ms"), bytes_of_text("7")},
                                         {bytes_of_text("cleanup.policy"), bytes_null()},
                                         {bytes_of_text("retention.ms"), bytes_null()}};
    apply(&s, set_configs("t", second, 3));
    struct cluster_topic *t = cluster_state_find(&s, bytes_of_text("t"));
    assert_int_equal(t->configs.count, 1);
    assert_string_equal((const char *)t->configs.entries[0].key.data, "segment.ms");
    assert_string_equal((const char *)t->configs.entries[0].value.data, "7");
    cluster_state_deinit(&s);
}

/* The bytes of docs/on-disk-format.md. */
static void a_command_has_the_documented_bytes(void **state)
{
    (void)state;
    struct controller_config configs[] = {{bytes_of_text("k"), bytes_of_text("v")},
                                          {bytes_of_text("n"), bytes_null()}};
    struct cluster_command c = set_configs("t", configs, 2);
    struct buf out;
    buf_init(&out, 1024);
    cluster_command_encode(&c, &out);
    static const uint8_t golden[] = {0,   0,   0, 33, 0, 5, 0,   0,    2,    0,    0,   0, 1,
                                     't', 0,   0, 0,  2, 0, 0,   0,    1,    'k',  0,   0, 0,
                                     1,   'v', 0, 0,  0, 1, 'n', 0xff, 0xff, 0xff, 0xff};
    assert_int_equal(out.len, sizeof golden);
    assert_memory_equal(out.data, golden, sizeof golden);
    struct arena arena;
    arena_init(&arena, 4096);
    /* Every cut is an error, never a read past the end. */
    for (size_t len = 0; len < out.len; len++) {
        struct cluster_command back;
        struct reader r;
        reader_init(&r, bytes_of(out.data, len));
        assert_int_equal(cluster_command_decode(&r, &arena, &back, NULL), ERR_CORRUPT);
    }
    arena_deinit(&arena);
    buf_deinit(&out);
}

/* ---- the files ---- */

struct fixture {
    char directory[64];
    struct command_log log;
    struct cluster_state s;
    int64_t cut;
};

static enum err_code reopen(struct fixture *f)
{
    cluster_state_deinit(&f->s);
    command_log_close(&f->log);
    return command_log_open(&f->log, f->directory, &f->s, &f->cut, NULL);
}

static void begin(struct fixture *f)
{
    (void)snprintf(f->directory, sizeof f->directory, "/tmp/weir-command-log-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    cluster_state_init(&f->s);
    f->log = (struct command_log){.fd = -1, .directory_fd = -1};
    assert_int_equal(reopen(f), ERR_OK);
}

static void end(struct fixture *f)
{
    cluster_state_deinit(&f->s);
    command_log_close(&f->log);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", f->directory);
    assert_int_equal(system(command), 0);
}

static void commit(struct fixture *f, struct cluster_command c)
{
    cluster_command_encode(&c, command_log_begin(&f->log));
    assert_int_equal(command_log_append(&f->log, 1, NULL), ERR_OK);
    apply(&f->s, c);
}

static void fill(struct fixture *f)
{
    commit(f, (struct cluster_command){
                  .type = CLUSTER_COMMAND_IDENTITY, .name = bytes_of_text(CLUSTER), .node_id = 7});
    commit(f, create("one", 3, 1));
    commit(f, create("two", 1, 2));
    struct controller_config configs[] = {{bytes_of_text("retention.ms"), bytes_of_text("5")}};
    commit(f, set_configs("one", configs, 1));
    struct cluster_command broker = set_configs("7", configs, 1);
    broker.resource_type = CONTROLLER_RESOURCE_BROKER;
    commit(f, broker);
    commit(f, (struct cluster_command){.type = CLUSTER_COMMAND_DELETE_TOPIC,
                                       .name = bytes_of_text("two")});
    commit(f, (struct cluster_command){.type = CLUSTER_COMMAND_PRODUCER_IDS,
                                       .next_producer_id = 2000});
}

static void check_filled(const struct fixture *f)
{
    assert_string_equal(f->s.cluster_id, CLUSTER);
    assert_int_equal(f->s.node_id, 7);
    assert_int_equal(f->s.topic_count, 1);
    assert_int_equal(f->s.topics[0]->partition_count, 3);
    assert_int_equal(f->s.topics[0]->configs.count, 1);
    assert_int_equal(f->s.node_configs.count, 1);
    assert_int_equal(f->s.next_producer_id, 2000);
}

static void state_comes_back_from_the_log(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    fill(&f);
    assert_int_equal(reopen(&f), ERR_OK);
    check_filled(&f);
    end(&f);
}

static void state_comes_back_from_a_snapshot_and_the_log_behind_it(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    fill(&f);
    int64_t before = f.log.end;
    assert_int_equal(command_log_snapshot(&f.log, &f.s, NULL), ERR_OK);
    assert_true(f.log.end < before);
    assert_int_equal(reopen(&f), ERR_OK);
    check_filled(&f);
    commit(&f, create("three", 1, 3));
    assert_int_equal(reopen(&f), ERR_OK);
    assert_int_equal(f.s.topic_count, 2);
    end(&f);
}

/* The crash between writing the snapshot and emptying the log. */
static void frames_that_the_snapshot_covers_are_skipped(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    fill(&f);
    char command[256];
    (void)snprintf(command, sizeof command, "cp %s/commands %s/old", f.directory, f.directory);
    assert_int_equal(system(command), 0);
    assert_int_equal(command_log_snapshot(&f.log, &f.s, NULL), ERR_OK);
    (void)snprintf(command, sizeof command, "mv %s/old %s/commands", f.directory, f.directory);
    assert_int_equal(system(command), 0);
    assert_int_equal(reopen(&f), ERR_OK);
    check_filled(&f);
    commit(&f, create("three", 1, 3));
    assert_int_equal(reopen(&f), ERR_OK);
    assert_int_equal(f.s.topic_count, 2);
    end(&f);
}

static void a_torn_last_frame_is_cut_wherever_it_ends(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    commit(&f, create("one", 3, 1));
    int64_t good = f.log.end;
    commit(&f, create("two", 3, 2));
    int64_t full = f.log.end;
    for (int64_t size = full - 1; size >= good; size--) {
        assert_int_equal(ftruncate(f.log.fd, size), 0);
        assert_int_equal(reopen(&f), ERR_OK);
        assert_int_equal(f.cut, size - good);
        assert_int_equal(f.s.topic_count, 1);
        commit(&f, create("two", 3, 2));
        assert_int_equal(f.log.end, full);
    }
    /* The file grew but the bytes never came. */
    assert_int_equal(ftruncate(f.log.fd, good), 0);
    assert_int_equal(ftruncate(f.log.fd, good + 4096), 0);
    assert_int_equal(reopen(&f), ERR_OK);
    assert_int_equal(f.log.end, good);
    end(&f);
}

static void damage_in_the_middle_stops_the_start(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    commit(&f, create("one", 3, 1));
    int64_t good = f.log.end;
    commit(&f, create("two", 3, 2));
    commit(&f, create("three", 3, 3));
    uint8_t byte = 0;
    for (int64_t at = good + 4; at < good + 12; at++) {
        assert_int_equal(pread(f.log.fd, &byte, 1, at), 1);
        byte ^= 1;
        assert_int_equal(pwrite(f.log.fd, &byte, 1, at), 1);
        assert_int_equal(reopen(&f), ERR_CORRUPT);
        byte ^= 1;
        assert_int_equal(pwrite(f.log.fd, &byte, 1, at), 1);
    }
    assert_int_equal(reopen(&f), ERR_OK);
    assert_int_equal(f.s.topic_count, 3);
    end(&f);
}

static void every_failed_allocation_is_a_clean_error(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 40; n++) {
        struct cluster_state s;
        cluster_state_init(&s);
        struct controller_config configs[] = {{bytes_of_text("retention.ms"), bytes_of_text("5")}};
        struct cluster_command c = create("t", 1, 1);
        c.configs = configs;
        c.config_count = 1;
        mem_test_fail_at(n);
        enum err_code code = cluster_state_apply(&s, &c, NULL);
        mem_test_fail_at(0);
        assert_int_equal(s.topic_count, code == ERR_OK ? 1 : 0);
        if (code != ERR_OK) {
            assert_int_equal(code, ERR_NOMEM);
            apply(&s, c);
        }
        cluster_state_deinit(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_sorted_and_found),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(configs_are_set_replaced_and_unset),
        cmocka_unit_test(a_command_has_the_documented_bytes),
        cmocka_unit_test(state_comes_back_from_the_log),
        cmocka_unit_test(state_comes_back_from_a_snapshot_and_the_log_behind_it),
        cmocka_unit_test(frames_that_the_snapshot_covers_are_skipped),
        cmocka_unit_test(a_torn_last_frame_is_cut_wherever_it_ends),
        cmocka_unit_test(damage_in_the_middle_stops_the_start),
        cmocka_unit_test(every_failed_allocation_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
