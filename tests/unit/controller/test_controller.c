/* The controller on a real data directory: changes, crashes, readers on other threads. */
#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/controller/controller.h"
#include "broker/storage/log_dir.h"
#include "broker/storage/partition.h"
#include "common/clock.h"
#include "common/lock.h"
#include "protocol/kafka_error.h"

struct fixture {
    char path[64];
    struct log_dir *dir;
    struct controller *c;
    struct controller_settings settings;
};

static void open_all(struct fixture *f)
{
    struct err e = {.text = ""};
    struct log_dir_config config;
    log_dir_config_init(&config);
    config.path = f->path;
    config.background = false;
    assert_int_equal(log_dir_open(&config, clock_system(), NULL, &f->dir, &e), ERR_OK);
    f->settings.data_dir = f->path;
    f->settings.log_dir = f->dir;
    f->settings.clock = clock_system();
    if (controller_open(&f->settings, &f->c, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
}

/* clean = false: what is left when the process is killed. */
static void close_all(struct fixture *f, bool clean)
{
    controller_close(f->c);
    if (clean) {
        assert_int_equal(log_dir_close(f->dir, NULL), ERR_OK);
    } else {
        log_dir_abandon(f->dir);
    }
}

static void begin(struct fixture *f)
{
    *f = (struct fixture){.c = NULL};
    (void)snprintf(f->path, sizeof f->path, "/tmp/weir-controller-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    open_all(f);
}

static void remove_all(struct fixture *f)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", f->path);
    assert_int_equal(system(command), 0);
}

static void end(struct fixture *f)
{
    close_all(f, true);
    remove_all(f);
}

/* ---- waiting for an operation ---- */

struct wait {
    struct lock lock;
    struct cond cond;
    bool done;
};

static void wake(void *ctx)
{
    struct wait *w = ctx;
    lock_acquire(&w->lock);
    w->done = true;
    cond_signal(&w->cond);
    lock_release(&w->lock);
}

static void begin_wait(struct wait *w)
{
    lock_init(&w->lock);
    cond_init(&w->cond);
    w->done = false;
}

static void end_wait(struct wait *w, enum err_code code)
{
    assert_int_equal(code, ERR_OK);
    lock_acquire(&w->lock);
    while (!w->done) {
        cond_wait(&w->cond, &w->lock);
    }
    lock_release(&w->lock);
    cond_deinit(&w->cond);
    lock_deinit(&w->lock);
}

static int16_t create(struct fixture *f, const char *name, int32_t partitions)
{
    struct wait w;
    struct controller_create_topic t = {
        .name = bytes_of_text(name), .partition_count = partitions, .replication_factor = -1};
    begin_wait(&w);
    end_wait(&w, controller_create_topics(f->c, &t, 1, false, wake, &w));
    return t.error;
}

static int16_t remove_topic(struct fixture *f, const char *name)
{
    struct wait w;
    struct controller_delete_topic t = {.name = bytes_of_text(name)};
    begin_wait(&w);
    end_wait(&w, controller_delete_topics(f->c, &t, 1, wake, &w));
    return t.error;
}

static int16_t grow(struct fixture *f, const char *name, int32_t partitions)
{
    struct wait w;
    struct controller_create_partitions t = {.name = bytes_of_text(name),
                                             .partition_count = partitions};
    begin_wait(&w);
    end_wait(&w, controller_create_partitions(f->c, &t, 1, false, wake, &w));
    return t.error;
}

static int16_t set_config(struct fixture *f, const char *name, const char *key, const char *value)
{
    struct wait w;
    struct controller_config_change change = {bytes_of_text(key), CONTROLLER_CONFIG_SET,
                                              bytes_of_text(value)};
    struct controller_alter_configs t = {.resource_type = CONTROLLER_RESOURCE_TOPIC,
                                         .resource_name = bytes_of_text(name),
                                         .changes = &change,
                                         .change_count = 1};
    begin_wait(&w);
    end_wait(&w, controller_alter_configs(f->c, &t, 1, false, wake, &w));
    return t.error;
}

static int64_t producer_id(struct fixture *f)
{
    struct wait w;
    struct controller_producer_id id;
    begin_wait(&w);
    end_wait(&w, controller_next_producer_id(f->c, &id, wake, &w));
    assert_int_equal(id.error, 0);
    return id.id;
}

static bool directory_exists(const struct fixture *f, const char *name)
{
    char path[128];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", f->path, name);
    return stat(path, &st) == 0;
}

static int32_t partition_count(struct fixture *f, const char *name)
{
    struct controller_view *view = controller_view_acquire(f->c);
    const struct topic *t = controller_view_topic(view, bytes_of_text(name));
    int32_t count = t == NULL ? -1 : t->partition_count;
    for (int32_t i = 0; i < count; i++) {
        assert_non_null(topic_partition(t, i));
    }
    controller_view_release(view);
    return count;
}

/* ---- tests ---- */

static void changes_are_seen_and_survive(void **state)
{
    (void)state;
    for (int clean = 0; clean < 2; clean++) {
        struct fixture f;
        begin(&f);
        char cluster[32];
        (void)snprintf(cluster, sizeof cluster, "%s", controller_cluster_id(f.c));
        assert_int_equal(create(&f, "a", 2), 0);
        assert_int_equal(create(&f, "b", 1), 0);
        assert_int_equal(create(&f, "a", 2), KAFKA_ERROR_TOPIC_ALREADY_EXISTS);
        assert_int_equal(grow(&f, "a", 3), 0);
        assert_int_equal(remove_topic(&f, "b"), 0);
        assert_int_equal(set_config(&f, "a", "segment.bytes", "2048"), 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(partition_count(&f, "a"), 3);
            assert_int_equal(partition_count(&f, "b"), -1);
            assert_true(directory_exists(&f, "a-2"));
            assert_false(directory_exists(&f, "b-0"));
            struct controller_view *view = controller_view_acquire(f.c);
            struct partition_config config;
            const struct topic *t = controller_view_topic(view, bytes_of_text("a"));
            partition_get_config(topic_partition(t, 0), &config);
            assert_int_equal(config.segment_bytes, 2048);
            assert_int_equal(config.flush_messages, 0); /* strict: nobody set it */
            assert_ptr_equal(controller_view_topic_by_id(view, t->id), t);
            controller_view_release(view);
            assert_string_equal(controller_cluster_id(f.c), cluster);
            close_all(&f, clean == 1);
            open_all(&f);
        }
        end(&f);
    }
}

static void strays_go_and_missing_directories_come_back(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(create(&f, "a", 2), 0);
    /* A creation that died before its command, and a deletion that died after its own. */
    struct partition_id id = {.topic = "stray", .index = 0, .topic_id = {1}};
    struct partition_config config;
    struct partition *p = NULL;
    partition_config_init(&config);
    assert_int_equal(log_dir_create_partition(f.dir, &id, &config, &p, NULL), ERR_OK);
    partition_unref(p);
    close_all(&f, false);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s/a-1", f.path);
    assert_int_equal(system(command), 0);
    open_all(&f);
    assert_int_equal(partition_count(&f, "a"), 2);
    assert_true(directory_exists(&f, "a-1"));
    assert_false(directory_exists(&f, "stray-0"));
    end(&f);
}

static void partitions_without_controller_state_are_not_touched(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(create(&f, "a", 1), 0);
    close_all(&f, true);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s/controller", f.path);
    assert_int_equal(system(command), 0);
    struct log_dir_config config;
    log_dir_config_init(&config);
    config.path = f.path;
    config.background = false;
    assert_int_equal(log_dir_open(&config, clock_system(), NULL, &f.dir, NULL), ERR_OK);
    f.settings.log_dir = f.dir;
    struct err e;
    assert_int_equal(controller_open(&f.settings, &f.c, &e), ERR_STATE);
    assert_non_null(strstr(e.text, "holds 1 partitions but no controller state"));
    assert_int_equal(log_dir_close(f.dir, NULL), ERR_OK);
    assert_true(directory_exists(&f, "a-0"));
    remove_all(&f);
}

static void another_nodes_directory_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    controller_close(f.c);
    struct err e;
    f.settings.node_id = 5;
    assert_int_equal(controller_open(&f.settings, &f.c, &e), ERR_STATE);
    f.settings.node_id = 0;
    f.settings.cluster_id = "AAAAAAAAAAAAAAAAAAAAAA";
    assert_int_equal(controller_open(&f.settings, &f.c, &e), ERR_STATE);
    f.settings.cluster_id = NULL;
    struct controller_config bad = {bytes_of_text("no.such.key"), bytes_of_text("1")};
    f.settings.static_configs = &bad;
    f.settings.static_config_count = 1;
    assert_int_equal(controller_open(&f.settings, &f.c, &e), ERR_INVALID);
    f.settings.static_config_count = 0;
    assert_int_equal(controller_open(&f.settings, &f.c, &e), ERR_OK);
    end(&f);
}

static void static_hours_give_milliseconds(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    controller_close(f.c);
    struct controller_config given[] = {{bytes_of_text("log.retention.hours"), bytes_of_text("2")},
                                        {bytes_of_text("log.roll.hours"), bytes_of_text("3")},
                                        {bytes_of_text("log.roll.ms"), bytes_of_text("5")}};
    f.settings.static_configs = given;
    f.settings.static_config_count = 3;
    assert_int_equal(controller_open(&f.settings, &f.c, NULL), ERR_OK);
    struct controller_view *view = controller_view_acquire(f.c);
    assert_int_equal(controller_view_node_number(view, "log.retention.ms"), 7200000);
    assert_int_equal(controller_view_node_number(view, "log.roll.ms"), 5);
    controller_view_release(view);
    f.settings.static_config_count = 0;
    end(&f);
}

static void producer_ids_are_never_given_out_twice(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int64_t last = -1;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1500; i++) {
            int64_t id = producer_id(&f);
            assert_true(id > last);
            last = id;
        }
        close_all(&f, false);
        open_all(&f);
    }
    end(&f);
}

static void snapshots_keep_the_log_short(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    controller_close(f.c);
    f.settings.snapshot_bytes = 2048;
    assert_int_equal(controller_open(&f.settings, &f.c, NULL), ERR_OK);
    assert_int_equal(create(&f, "a", 1), 0);
    for (int i = 0; i < 200; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "%d", 1000 + i);
        assert_int_equal(set_config(&f, "a", "retention.ms", value), 0);
    }
    char path[128];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/controller/commands", f.path);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size < 4096);
    close_all(&f, false);
    open_all(&f);
    struct controller_view *view = controller_view_acquire(f.c);
    const struct topic *t = controller_view_topic(view, bytes_of_text("a"));
    assert_string_equal((const char *)t->configs[0].value.data, "1199");
    controller_view_release(view);
    end(&f);
}

struct reading {
    struct fixture *f;
    atomic_bool stop;
};

static void *read_views(void *arg)
{
    struct reading *r = arg;
    while (!atomic_load(&r->stop)) {
        struct controller_view *view = controller_view_acquire(r->f->c);
        for (size_t i = 0; i < controller_view_topic_count(view); i++) {
            const struct topic *t = controller_view_topic_at(view, i);
            struct partition_offsets offsets;
            partition_get_offsets(topic_partition(t, t->partition_count - 1), &offsets);
        }
        controller_view_release(view);
    }
    return NULL;
}

static void readers_never_see_a_half_change(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct reading r = {.f = &f};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_views, &r), 0);
    }
    for (int i = 0; i < 30; i++) {
        assert_int_equal(create(&f, "a", 1), 0);
        assert_int_equal(grow(&f, "a", 2), 0);
        assert_int_equal(set_config(&f, "a", "retention.ms", "5"), 0);
        assert_int_equal(remove_topic(&f, "a"), 0);
    }
    atomic_store(&r.stop, true);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_seen_and_survive),
        cmocka_unit_test(strays_go_and_missing_directories_come_back),
        cmocka_unit_test(partitions_without_controller_state_are_not_touched),
        cmocka_unit_test(another_nodes_directory_is_refused),
        cmocka_unit_test(static_hours_give_milliseconds),
        cmocka_unit_test(producer_ids_are_never_given_out_twice),
        cmocka_unit_test(snapshots_keep_the_log_short),
        cmocka_unit_test(readers_never_see_a_half_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
