#include "connect/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "client/client_admin.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/lock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "connect/converters/converters.h"
#include "connect/plugin_list.h"
#include "connect/rest/rest_server.h"
#include "connect/runtime/config_resolver.h"
#include "connect/runtime/herder.h"
#include "connect/runtime/worker_context.h"
#include "connect/store/config_store.h"
#include "connect/store/offset_store.h"
#include "connect/store/status_store.h"
#include "connect/transforms/transforms.h"
#include "connect/worker_properties.h"

#define CLUSTER_ID_TIMEOUT_MS 1000
#define WRITE_GRACE_MS 1000
#define TASK_STATES 4

/* A gauge of tasks in one state. */
struct task_gauge {
    struct status_store *statuses;
    enum status_store_state state;
    struct metric *metric;
};

struct connect_worker {
    struct worker_context context;
    struct plugin_list plugins;
    struct connect_config defaults;
    struct config_resolution properties; /* texts of the configuration point in here */
    struct config_resolver *resolver;
    enum client_overrides_policy override_policy;
    struct client_config client;
    struct client_config producer;
    struct client_config admin;
    char worker_id[300];
    struct herder *herder;
    struct rest_server *rest;
    pthread_t identifier; /* asks for the cluster's id */
    bool identifier_started;
    struct lock lock;
    struct cond changed; /* readiness, stop */
    bool stop;
    struct metrics *metrics;
    struct task_gauge gauges[TASK_STATES];
    struct logger *lg;
};

void connect_worker_config_init(struct connect_worker_config *config)
{
    *config = (struct connect_worker_config){
        .bootstrap_servers = "localhost:9092",
        .port = 8083,
        .group_id = "kafka-connect",
        .config_topic = "_connect-configs",
        .offset_topic = "_connect-offsets",
        .status_topic = "_connect-status",
        .replication_factor = -1,
        .key_converter = "org.apache.kafka.connect.storage.StringConverter",
        .value_converter = "org.apache.kafka.connect.storage.StringConverter",
        .header_converter = "org.apache.kafka.connect.storage.SimpleHeaderConverter",
        .offset_flush_interval_ms = 60000,
        .offset_flush_timeout_ms = 5000,
        .task_shutdown_timeout_ms = 5000,
        .topic_creation_enable = true,
        .topic_tracking_enable = true,
        .topic_tracking_allow_reset = true,
    };
}

static void wake(void *ctx)
{
    struct connect_worker *w = ctx;
    lock_acquire(&w->lock);
    cond_broadcast(&w->changed);
    lock_release(&w->lock);
    herder_wake(w->herder);
}

static void restart(void *ctx, const char *connector, bool include_tasks, bool only_failed)
{
    struct connect_worker *w = ctx;
    herder_restart(w->herder, connector, include_tasks, only_failed);
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Which part of the worker a property of the originals belongs to. Plain top-level security
 * settings reach the worker's own clients, but not the tasks' producers. */
static enum err_code set_property(struct connect_worker *w, const char *key, const char *value,
                                  struct err *e)
{
    if (starts_with(key, "key.converter") || starts_with(key, "value.converter") ||
        starts_with(key, "header.converter")) {
        return connect_config_set(&w->defaults, key, value, e);
    }
    if (starts_with(key, "producer.")) {
        return client_config_set(&w->producer, key + strlen("producer."), value, e);
    }
    if (starts_with(key, "admin.") && !starts_with(key, "admin.listeners")) {
        return client_config_set(&w->admin, key + strlen("admin."), value, e);
    }
    if (strcmp(key, "security.protocol") == 0 || starts_with(key, "sasl.") ||
        starts_with(key, "ssl.")) {
        enum err_code code = client_config_set(&w->client, key, value, e);
        bool own = client_config_get(&w->admin, key) != NULL; /* admin.* goes over it */
        return code == ERR_OK && !own ? client_config_set(&w->admin, key, value, e) : code;
    }
    if (strcmp(key, "connector.client.config.override.policy") == 0) {
        return client_overrides_parse_policy(value, &w->override_policy, e);
    }
    if (!starts_with(key, "config.providers") && !worker_properties_known(key)) {
        logger_warn(w->lg, "worker.property_ignored", "key=%s", key);
    }
    return ERR_OK;
}

/* The worker's own properties may have references, too. */
static enum err_code set_properties(struct connect_worker *w, struct connect_worker_config *config,
                                    struct err *e)
{
    struct connect_config properties;
    connect_config_init(&properties);
    enum err_code code = worker_properties_read(config, &properties, e);
    if (code == ERR_OK) {
        code = config_resolver_create(&properties, &w->resolver, e);
    }
    if (code == ERR_OK) {
        code = config_resolver_resolve(w->resolver, &properties, &w->properties, e);
    }
    if (code == ERR_OK) {
        code = worker_properties_apply(&w->properties.config, config, e);
    }
    for (size_t i = 0; code == ERR_OK && i < w->properties.config.count; i++) {
        const struct connect_config_entry *entry = &w->properties.config.entries[i];
        code = set_property(w, entry->key, entry->value, e);
    }
    connect_config_deinit(&properties);
    return code;
}

/* A class that is not there would fail every task that relies on it. */
static enum err_code check_converters(const struct connect_worker *w, struct err *e)
{
    static const struct {
        const char *key;
        enum connect_plugin_type type;
    } rows[] = {
        {"key.converter", CONNECT_PLUGIN_CONVERTER},
        {"value.converter", CONNECT_PLUGIN_CONVERTER},
        {"header.converter", CONNECT_PLUGIN_HEADER_CONVERTER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *class_name = connect_config_get(&w->defaults, rows[i].key);
        if (class_name == NULL || plugin_list_find(&w->plugins, rows[i].type, class_name) == NULL) {
            return err_set(e, ERR_INVALID,
                           "Invalid value %s for configuration %s: Class %s could not be found.",
                           class_name, rows[i].key, class_name);
        }
    }
    return ERR_OK;
}

/* Properties of a file change the config. */
static enum err_code set_up(struct connect_worker *w, struct connect_worker_config *config,
                            struct err *e)
{
    const struct connect_plugin *const *const arrays[] = {config->plugins, converters_all(),
                                                          transforms_plugins};
    enum err_code code = plugin_list_init(&w->plugins, arrays, sizeof arrays / sizeof arrays[0], e);
    const char *const defaults[][2] = {
        {"key.converter", config->key_converter},
        {"value.converter", config->value_converter},
        {"header.converter", config->header_converter},
    };
    for (size_t i = 0; code == ERR_OK && i < sizeof defaults / sizeof defaults[0]; i++) {
        code = connect_config_set(&w->defaults, defaults[i][0], defaults[i][1], e);
    }
    if (code == ERR_OK) {
        code = client_config_init(&w->client, config->bootstrap_servers, e);
    }
    if (code == ERR_OK) {
        code = client_config_init(&w->producer, config->bootstrap_servers, e);
    }
    if (code == ERR_OK) {
        code = client_config_init(&w->admin, config->bootstrap_servers, e);
    }
    if (code == ERR_OK) {
        code = set_properties(w, config, e);
    }
    return code == ERR_OK ? check_converters(w, e) : code;
}

static void fill_context(struct connect_worker *w, const struct connect_worker_config *config,
                         struct metrics *metrics)
{
    w->context = (struct worker_context){
        .plugins = &w->plugins,
        .defaults = &w->defaults,
        .resolver = w->resolver,
        .override_policy = w->override_policy,
        .client = &w->client,
        .producer = &w->producer,
        .admin = &w->admin,
        .clock = clock_system(),
        .lg = w->lg,
        .worker_id = w->worker_id,
        .offset_flush_interval_ms = config->offset_flush_interval_ms,
        .offset_flush_timeout_ms = config->offset_flush_timeout_ms,
        .task_shutdown_timeout_ms = config->task_shutdown_timeout_ms,
        .topic_creation_enable = config->topic_creation_enable,
        .topic_tracking_enable = config->topic_tracking_enable,
        .wake_herder = wake,
        .ctx = w,
        .records_polled = metrics_counter(metrics, "weir_connect_records_polled_total",
                                          "Records that source tasks returned", NULL),
        .records_failed =
            metrics_counter(metrics, "weir_connect_records_failed_total",
                            "Errors of transforms, converters and writes, tolerated or not", NULL),
        .records_produced =
            metrics_counter(metrics, "weir_connect_records_produced_total",
                            "Records that source tasks wrote and Kafka acknowledged", NULL),
        .records_skipped =
            metrics_counter(metrics, "weir_connect_records_skipped_total",
                            "Records that a transform dropped or whose error was tolerated", NULL),
    };
}

static double count_tasks(void *ctx)
{
    const struct task_gauge *gauge = ctx;
    return (double)status_store_count_tasks(gauge->statuses, gauge->state);
}

static void open_gauges(struct connect_worker *w, struct metrics *metrics)
{
    static const struct {
        enum status_store_state state;
        const char *labels;
    } rows[TASK_STATES] = {
        {STATUS_STORE_RUNNING, "state=\"running\""},
        {STATUS_STORE_PAUSED, "state=\"paused\""},
        {STATUS_STORE_FAILED, "state=\"failed\""},
        {STATUS_STORE_UNASSIGNED, "state=\"unassigned\""},
    };
    w->metrics = metrics;
    for (size_t i = 0; i < TASK_STATES; i++) {
        struct task_gauge *gauge = &w->gauges[i];
        *gauge = (struct task_gauge){.statuses = w->context.statuses, .state = rows[i].state};
        gauge->metric = metrics_gauge_read(metrics, "weir_connect_tasks", "Tasks by their state",
                                           rows[i].labels, count_tasks, gauge);
    }
}

static enum err_code open_rest(struct connect_worker *w, const struct connect_worker_config *config,
                               struct err *e)
{
    const struct rest_server_config rest = {
        .host = config->host,
        .port = config->port,
        .herder = w->herder,
        .worker = &w->context,
        .topic_tracking_allow_reset = config->topic_tracking_allow_reset,
        .lg = w->lg,
    };
    enum err_code code = rest_server_start(&rest, &w->rest, e);
    if (code != ERR_OK) {
        return code;
    }
    const char *host = config->advertised_host != NULL ? config->advertised_host
                       : config->host != NULL          ? config->host
                                                       : "127.0.0.1";
    unsigned port =
        config->advertised_port != 0 ? config->advertised_port : rest_server_port(w->rest);
    (void)snprintf(w->worker_id, sizeof w->worker_id, "%s:%u", host, port);
    return ERR_OK;
}

static enum err_code open_stores(struct connect_worker *w,
                                 const struct connect_worker_config *config, struct err *e)
{
    const struct config_store_config configs = {
        .client = &w->client,
        .topic = config->config_topic,
        .replication_factor = config->replication_factor,
        .on_change = wake,
        .on_restart = restart,
        .ctx = w,
        .lg = w->lg,
    };
    const struct offset_store_config offsets = {
        .client = &w->client,
        .topic = config->offset_topic,
        .replication_factor = config->replication_factor,
        .on_live = wake,
        .ctx = w,
        .lg = w->lg,
    };
    const struct status_store_config statuses = {
        .client = &w->client,
        .topic = config->status_topic,
        .replication_factor = config->replication_factor,
        .worker_id = w->worker_id,
        .on_live = wake,
        .ctx = w,
        .lg = w->lg,
    };
    enum err_code code = config_store_open(&configs, &w->context.configs, e);
    if (code == ERR_OK) {
        code = offset_store_open(&offsets, &w->context.offsets, e);
    }
    if (code == ERR_OK) {
        code = status_store_open(&statuses, &w->context.statuses, e);
    }
    return code;
}

/* The cluster's id is shown by GET / and needed by nobody: it is asked for beside everything else.
 */
static void *identify(void *arg)
{
    struct connect_worker *w = arg;
    struct client_admin *admin = NULL;
    struct err e;
    char *id = NULL;
    if (client_admin_open(&w->client, w->lg, &admin, &e) != ERR_OK) {
        return NULL;
    }
    lock_acquire(&w->lock);
    while (!w->stop && id == NULL) {
        lock_release(&w->lock);
        bool found = client_admin_cluster_id(admin, CLUSTER_ID_TIMEOUT_MS, &id, &e) == ERR_OK;
        lock_acquire(&w->lock);
        if (!found && !w->stop) {
            (void)cond_wait_until(&w->changed, &w->lock,
                                  clock_mono_ns(clock_system()) + INT64_C(100000000));
        }
    }
    lock_release(&w->lock);
    if (id != NULL) {
        rest_server_set_cluster_id(w->rest, id);
    }
    mem_free(id);
    client_admin_close(admin);
    return NULL;
}

enum err_code connect_worker_start(const struct connect_worker_config *config, struct logger *lg,
                                   struct metrics *metrics, struct connect_worker **out_worker,
                                   struct err *e)
{
    struct connect_worker *w = mem_calloc(1, sizeof *w);
    if (w == NULL) {
        return err_nomem(e, "start worker");
    }
    w->lg = lg;
    lock_init(&w->lock);
    cond_init(&w->changed);
    struct connect_worker_config own = *config;
    enum err_code code = set_up(w, &own, e);
    if (code == ERR_OK) {
        code = herder_create(&w->herder, e);
    }
    if (code == ERR_OK) {
        fill_context(w, &own, metrics);
        code = open_rest(w, &own, e);
    }
    if (code == ERR_OK) {
        code = open_stores(w, &own, e);
    }
    if (code == ERR_OK) {
        open_gauges(w, metrics);
        code = herder_start(w->herder, &w->context, e);
    }
    if (code == ERR_OK) {
        int failed = pthread_create(&w->identifier, NULL, identify, w);
        w->identifier_started = failed == 0;
        code = failed == 0 ? ERR_OK : err_errno(e, failed, "start worker");
    }
    if (code != ERR_OK) {
        connect_worker_stop(w);
        return code;
    }
    *out_worker = w;
    return ERR_OK;
}

uint16_t connect_worker_port(const struct connect_worker *w)
{
    return rest_server_port(w->rest);
}

static enum err_code store_problem(struct connect_worker *w, struct err *e)
{
    struct compacted_topic *const topics[] = {
        config_store_topic(w->context.configs),
        offset_store_topic(w->context.offsets),
        status_store_topic(w->context.statuses),
    };
    enum err_code code = ERR_OK;
    bool failed = false;
    for (size_t i = 0; !failed && i < sizeof topics / sizeof topics[0]; i++) {
        code = compacted_topic_problem(topics[i], e);
        failed = compacted_topic_state(topics[i]) == COMPACTED_TOPIC_FAILED;
    }
    return failed ? code : ERR_OK;
}

enum err_code connect_worker_wait_ready(struct connect_worker *w, int timeout_ms, struct err *e)
{
    int64_t deadline = clock_mono_ns(clock_system()) + (int64_t)timeout_ms * 1000000;
    enum err_code code = ERR_OK;
    struct err problem = {.code = ERR_OK};
    bool in_time = true;
    while (code == ERR_OK && !herder_ready(w->herder)) {
        code = store_problem(w, &problem);
        if (code != ERR_OK) {
            return err_set(e, code, "%s", problem.text);
        }
        if (!in_time) {
            return err_set(e, ERR_TIMEOUT, "Connect is not ready%s%s",
                           problem.text[0] != '\0' ? ": " : "", problem.text);
        }
        /* The herder says nothing when it becomes ready: look again shortly after the last topic.
         */
        int64_t soon = clock_mono_ns(clock_system()) + 2000000;
        lock_acquire(&w->lock);
        (void)cond_wait_until(&w->changed, &w->lock, soon < deadline ? soon : deadline);
        lock_release(&w->lock);
        in_time = clock_mono_ns(clock_system()) < deadline;
    }
    return code;
}

void connect_worker_stop(struct connect_worker *w)
{
    if (w == NULL) {
        return;
    }
    lock_acquire(&w->lock);
    w->stop = true;
    cond_broadcast(&w->changed);
    lock_release(&w->lock);
    /* Whoever waits for a broker now would wait for too long: a request for its config to be
     * written, and, a little later, a task for its last offsets. */
    compacted_topic_hurry(config_store_topic(w->context.configs), WRITE_GRACE_MS);
    compacted_topic_hurry(status_store_topic(w->context.statuses), WRITE_GRACE_MS);
    compacted_topic_hurry(offset_store_topic(w->context.offsets),
                          (int)w->context.task_shutdown_timeout_ms + WRITE_GRACE_MS);
    herder_stop(w->herder);
    if (w->identifier_started) {
        (void)pthread_join(w->identifier, NULL);
    }
    rest_server_stop(w->rest);
    for (size_t i = 0; i < TASK_STATES; i++) {
        metrics_remove(w->metrics, w->gauges[i].metric);
    }
    config_store_close(w->context.configs);
    offset_store_close(w->context.offsets);
    status_store_close(w->context.statuses);
    herder_destroy(w->herder);
    config_resolution_deinit(&w->properties);
    config_resolver_destroy(w->resolver);
    client_config_deinit(&w->client);
    client_config_deinit(&w->producer);
    client_config_deinit(&w->admin);
    connect_config_deinit(&w->defaults);
    plugin_list_deinit(&w->plugins);
    cond_deinit(&w->changed);
    lock_deinit(&w->lock);
    mem_free(w);
}
