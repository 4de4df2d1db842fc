#include "connectors/jdbc/jdbc_connector.h"

#include <inttypes.h>

#include "common/buf.h"
#include "common/mem.h"
#include "connectors/jdbc/jdbc_link.h"
#include "connectors/jdbc/jdbc_tables.h"

/* How long the first list of tables may keep the first task configs waiting. */
#define JDBC_CONNECTOR_FIRST_LIST_MS 10000
#define JDBC_CONNECTOR_TABLES_TEXT_MAX ((size_t)16 << 20)

struct jdbc_connector {
    const struct connect_config *config;
    struct source_context *ctx;
    struct jdbc_settings settings;
    struct jdbc_link link;
    struct jdbc_table_list tables;
    bool listed;       /* tables is what the database said */
    int64_t listed_ms; /* when; monotonic */
};

enum err_code jdbc_connector_validate(const struct connect_config *config,
                                      struct source_findings *findings, struct err *e)
{
    /* What the keys say together; each by itself has been reported already. */
    struct err finding;
    if (connect_config_check(config, jdbc_settings_keys, JDBC_SETTINGS_KEY_COUNT, NULL) != ERR_OK) {
        return ERR_OK;
    }
    struct jdbc_settings settings;
    enum err_code rc = jdbc_settings_read(config, &settings, &finding);
    if (rc == ERR_OK) {
        jdbc_settings_deinit(&settings);
        return ERR_OK;
    }
    return rc == ERR_NOMEM ? err_nomem(e, "validate")
                           : source_findings_add_error(findings, "mode", finding.text, e);
}

enum err_code jdbc_connector_start(const struct connect_config *config, struct source_context *ctx,
                                   void **out_connector, struct err *e)
{
    struct jdbc_connector *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return err_nomem(e, "connector");
    }
    c->config = config;
    c->ctx = ctx;
    enum err_code rc = jdbc_settings_read(config, &c->settings, e);
    rc = rc == ERR_OK ? jdbc_link_init(&c->link, &c->settings, ctx, e) : rc;
    if (rc != ERR_OK) {
        jdbc_connector_stop(c);
        return rc;
    }
    *out_connector = c;
    return ERR_OK;
}

void jdbc_connector_stop(void *connector)
{
    struct jdbc_connector *c = connector;
    jdbc_link_deinit(&c->link);
    jdbc_dialect_free_tables(&c->tables);
    jdbc_settings_deinit(&c->settings);
    mem_free(c);
}

/* Reads the tables. *out_changed: there is a list, and it is another than before. */
static enum err_code jdbc_connector_list(struct jdbc_connector *c, int64_t timeout_ms,
                                         bool *out_changed, struct err *e)
{
    bool ready = false;
    enum err_code rc = jdbc_link_get(&c->link, timeout_ms, &ready, e);
    if (rc != ERR_OK || !ready) {
        return rc;
    }
    struct jdbc_table_list found = {0};
    rc = c->link.dialect->list_tables(c->link.session, &found, e);
    /* No connection is kept for a look once a minute. */
    jdbc_link_drop(&c->link);
    if (rc != ERR_OK) {
        jdbc_dialect_free_tables(&found);
        bool passing =
            rc == ERR_UNAVAILABLE || rc == ERR_CONFLICT || rc == ERR_TIMEOUT || rc == ERR_CANCELLED;
        if (!passing) {
            return connect_error_name(e);
        }
        logger_warn(c->ctx->logger, "jdbc.table_list_failed", "error=\"%s\"", e->text);
        c->link.failures++;
        c->link.retry_ms = clock_mono_ms(clock_system()) + c->settings.connection_backoff_ms;
        return ERR_OK;
    }
    rc = jdbc_tables_filter(&c->settings, &found, e);
    rc = rc == ERR_OK ? jdbc_tables_check_names(&found, e) : rc;
    if (rc != ERR_OK) {
        jdbc_dialect_free_tables(&found);
        return rc;
    }
    *out_changed = !c->listed || !jdbc_tables_equal(&c->tables, &found);
    jdbc_dialect_free_tables(&c->tables);
    c->tables = found;
    c->listed = true;
    c->listed_ms = clock_mono_ms(clock_system());
    return ERR_OK;
}

static enum err_code jdbc_connector_add_task(struct jdbc_connector *c,
                                             struct connect_config_set *set, size_t from, size_t to,
                                             struct err *e)
{
    struct connect_config *config = connect_config_set_add(set);
    if (config == NULL) {
        return err_nomem(e, "task configs");
    }
    enum err_code rc = connect_config_merge(config, c->config, e);
    struct buf tables;
    buf_init(&tables, JDBC_CONNECTOR_TABLES_TEXT_MAX);
    for (size_t i = from; i < to; i++) {
        buf_append_text(&tables, i > from ? "," : "");
        jdbc_tables_write(&c->tables.items[i], &tables);
    }
    rc = rc == ERR_OK ? buf_check(&tables, "tables", e) : rc;
    if (rc == ERR_OK) {
        rc = connect_config_set(config, "tables", buf_text(&tables), e);
    }
    if (rc == ERR_OK) {
        rc = connect_config_set(config, "tables.fetched", "true", e);
    }
    buf_deinit(&tables);
    return rc;
}

enum err_code jdbc_connector_task_configs(void *connector, int max_tasks,
                                          struct connect_config_set *out_set, struct err *e)
{
    struct jdbc_connector *c = connector;
    if (c->settings.query[0] != '\0') {
        struct connect_config *config = connect_config_set_add(out_set);
        return config != NULL ? connect_config_merge(config, c->config, e)
                              : err_nomem(e, "task configs");
    }
    int64_t deadline_ms = clock_mono_ms(clock_system()) + JDBC_CONNECTOR_FIRST_LIST_MS;
    while (!c->listed && !source_context_stopping(c->ctx)) {
        int64_t left_ms = deadline_ms - clock_mono_ms(clock_system());
        bool changed = false;
        enum err_code rc = jdbc_connector_list(c, left_ms > 0 ? left_ms : 0, &changed, e);
        if (rc != ERR_OK) {
            return rc;
        }
        if (left_ms <= 0) {
            break;
        }
    }
    size_t count = c->tables.count;
    if (count == 0) {
        /* Without any table: none that matches (the task says so), or none known yet. */
        return c->listed ? jdbc_connector_add_task(c, out_set, 0, 0, e) : ERR_OK;
    }
    size_t n = count < (size_t)max_tasks ? count : (size_t)max_tasks;
    for (size_t i = 0; i < n; i++) {
        size_t from = 0;
        size_t to = 0;
        jdbc_tables_share(count, n, i, &from, &to);
        enum err_code rc = jdbc_connector_add_task(c, out_set, from, to, e);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    return ERR_OK;
}

enum err_code jdbc_connector_monitor(void *connector, int64_t timeout_ms, bool *out_changed,
                                     struct err *e)
{
    struct jdbc_connector *c = connector;
    *out_changed = false;
    if (c->settings.query[0] != '\0') {
        (void)source_context_wait(c->ctx, timeout_ms);
        return ERR_OK;
    }
    int64_t now_ms = clock_mono_ms(clock_system());
    int64_t due_ms = c->listed ? c->listed_ms + c->settings.table_poll_interval_ms : now_ms;
    int64_t wait_ms = due_ms - now_ms;
    if (wait_ms > 0) {
        bool stop = source_context_wait(c->ctx, wait_ms < timeout_ms ? wait_ms : timeout_ms);
        if (stop || wait_ms > timeout_ms) {
            return ERR_OK;
        }
    }
    return jdbc_connector_list(c, timeout_ms, out_changed, e);
}
