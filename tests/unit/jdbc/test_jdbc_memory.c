/* Every allocation of a connector's life fails once: a clean error each time, and the rows in the
 * end. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "connect/include/source_connector.h"
#include "connectors/jdbc/jdbc_source.h"
#include "tests/support/test.h"

#define ROWS 5
#define COUNTED_MAX 100000

static bool never_stopping(struct source_context *ctx)
{
    (void)ctx;
    return false;
}

static bool never_waiting(struct source_context *ctx, int64_t timeout_ms)
{
    (void)ctx;
    (void)timeout_ms;
    return false;
}

static enum err_code no_offset(struct source_context *ctx, const char *partition, struct arena *a,
                               struct connect_value *out_offset, struct err *e)
{
    (void)ctx;
    (void)partition;
    (void)a;
    (void)e;
    *out_offset = connect_value_null();
    return ERR_OK;
}

static void no_request(struct source_context *ctx)
{
    (void)ctx;
}

static const struct source_context_ops context_ops = {never_stopping, never_waiting, no_offset,
                                                      no_request};

static char *make_database(void)
{
    char *path = mem_strdup("/tmp/weir-jdbc-memory-XXXXXX");
    sqlite3 *db = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(
            db,
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, d DECIMAL(10,2), at TIMESTAMP);"
            "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n "
            "LIMIT 5) SELECT i, 'text', i * 1.5, '2022-01-01 00:00:0' || i FROM n",
            NULL, NULL, NULL),
        SQLITE_OK);
    (void)sqlite3_close(db);
    return path;
}

/* Start, task configs, task, polls. Returns the rows it got. */
static size_t live(const struct connect_config *config, struct source_context *ctx)
{
    const struct source_connector_ops *ops = jdbc_source_plugin.source;
    struct connect_config_set set;
    struct connect_batch batch;
    void *connector = NULL;
    void *task = NULL;
    size_t rows = 0;
    struct err e;
    connect_config_set_init(&set);
    enum err_code rc = ops->start(config, ctx, &connector, &e);
    if (rc == ERR_OK) {
        rc = ops->task_configs(connector, 1, &set, &e);
        ops->stop(connector);
    }
    if (rc == ERR_OK && set.count > 0) {
        rc = ops->task_create(&set.configs[0], ctx, &task, &e);
    }
    if (rc == ERR_OK && task != NULL && connect_batch_init(&batch, 10, 1 << 20, &e) == ERR_OK) {
        for (int i = 0; rc == ERR_OK && i < 3 && rows < ROWS; i++) {
            rc = ops->task_poll(task, &batch, 0, &e);
            rows += rc == ERR_OK ? batch.count : 0;
            connect_batch_reset(&batch);
        }
        connect_batch_deinit(&batch);
    }
    if (task != NULL) {
        ops->task_destroy(task);
    }
    connect_config_set_deinit(&set);
    assert_true(rc == ERR_OK || e.text[0] != '\0');
    return rows;
}

static void sweep(const char *mode)
{
    char url[128];
    char *path = make_database();
    (void)snprintf(url, sizeof url, "jdbc:sqlite:%s", path);
    const char *const settings[][2] = {{"connection.url", url},
                                       {"mode", mode},
                                       {"incrementing.column.name", "id"},
                                       {"timestamp.column.name", "at"},
                                       {"validate.non.null", "false"},
                                       {"connection.attempts", "1"},
                                       {"connection.backoff.ms", "0"},
                                       {"query.retry.attempts", "0"},
                                       {"batch.max.rows", "2"},
                                       {"poll.interval.ms", "0"}};
    struct connect_config config;
    connect_config_init(&config);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        assert_int_equal(connect_config_set(&config, settings[i][0], settings[i][1], NULL), ERR_OK);
    }
    struct logger *lg = logger_create("jdbc", LOGGER_ERROR, NULL, NULL);
    struct source_context ctx = {"test", 0, lg, clock_system(), &context_ops};
    assert_int_equal(live(&config, &ctx), ROWS);
    uint64_t used = 0;
    mem_test_fail_at(COUNTED_MAX);
    assert_int_equal(live(&config, &ctx), ROWS);
    for (void *p = mem_alloc(1); p != NULL; p = mem_alloc(1), used++) {
        mem_free(p);
    }
    used = COUNTED_MAX - 1 - used;
    assert_true(used > 30);
    size_t complete = 0;
    for (uint64_t n = 1; n <= used; n++) {
        mem_test_fail_at(n);
        complete += live(&config, &ctx) == ROWS ? 1 : 0;
    }
    mem_test_fail_at(0);
    assert_true(complete < used / 2); /* the failures were felt */
    assert_int_equal(live(&config, &ctx), ROWS);
    logger_destroy(lg);
    connect_config_deinit(&config);
    (void)unlink(path);
    mem_free(path);
}

static void every_allocation_may_fail_by_id(void **state)
{
    (void)state;
    sweep("incrementing");
}

static void every_allocation_may_fail_by_time(void **state)
{
    (void)state;
    sweep("timestamp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail_by_id),
        cmocka_unit_test(every_allocation_may_fail_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
