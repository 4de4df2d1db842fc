#include "cli/start_roles.h"

#include <stdio.h>
#include <string.h>

#include "broker/broker.h"
#include "common/mem.h"
#include "common/text.h"
#include "connect/worker.h"
#include "connectors/file/file_source.h"
#include "connectors/jdbc/jdbc_source.h"
#include "registry/registry.h"
#include "streams/app_loader.h"

void start_print_listener(const char *name, const char *scheme, const char *host, unsigned port)
{
    char address[START_ADDRESS_MAX];
    text_write_address(address, sizeof address, host, port);
    (void)printf("%-9s listening on %s%s\n", name, scheme, address);
}

static enum err_code start_broker(struct start_context *ctx, struct logger *lg, void **out_handle,
                                  struct err *e)
{
    const struct conf *c = ctx->conf;
    struct broker_config config;
    broker_config_init(&config);
    config.data_dir = ctx->data_dir;
    config.host = conf_text(c, "kafka.host");
    config.port = (uint16_t)conf_int(c, "kafka.port");
    config.advertised_host = conf_text(c, "kafka.advertised.host");
    config.advertised_port = (uint16_t)conf_int(c, "kafka.advertised.port");
    config.node_id = (int32_t)conf_int(c, "broker.node.id");
    config.io_threads = (int)conf_int(c, "broker.io.threads");
    config.default_partitions = (int32_t)conf_int(c, "broker.num.partitions");
    config.auto_create_topics = conf_bool(c, "broker.auto.create.topics");
    config.max_connections = (int32_t)conf_int(c, "broker.max.connections");
    config.idle_timeout_ms = conf_int(c, "broker.idle.timeout");
    config.initial_rebalance_delay_ms = conf_int(c, "broker.group.initial.rebalance.delay");
    config.retention_interval_ms = conf_int(c, "broker.retention.check.interval");
    config.compaction_interval_ms = conf_int(c, "broker.compaction.check.interval");
    config.offsets_retention_minutes = (conf_int(c, "broker.offsets.retention") + 59999) / 60000;
    config.offsets_interval_ms = conf_int(c, "broker.offsets.retention.check.interval");
    struct broker *b = NULL;
    enum err_code code = broker_start(&config, lg, ctx->metrics, &b, e);
    if (code != ERR_OK) {
        return code;
    }
    text_write_address(ctx->bootstrap_servers, sizeof ctx->bootstrap_servers,
                       broker_advertised_host(b), broker_advertised_port(b));
    start_print_listener("kafka", "", config.host, broker_port(b));
    *out_handle = b;
    return ERR_OK;
}

static void stop_broker(void *handle)
{
    broker_stop(handle);
}

static enum err_code start_registry(struct start_context *ctx, struct logger *lg, void **out_handle,
                                    struct err *e)
{
    const struct conf *c = ctx->conf;
    const struct registry_config config = {
        .bootstrap_servers = ctx->bootstrap_servers,
        .host = conf_text(c, "registry.host"),
        .port = (uint16_t)conf_int(c, "registry.port"),
        .topic = conf_text(c, "registry.topic"),
        .replication_factor = (int)conf_int(c, "replication.factor"),
        .compatibility = conf_text(c, "registry.compatibility"),
    };
    struct registry *r = NULL;
    enum err_code code = registry_start(&config, lg, ctx->metrics, &r, e);
    if (code != ERR_OK) {
        return code;
    }
    /* Where the other roles of this process find it: an address that binds all is not one to call.
     */
    const char *call = strcmp(config.host, "0.0.0.0") == 0 ? "127.0.0.1"
                       : strcmp(config.host, "::") == 0    ? "::1"
                                                           : config.host;
    char address[START_ADDRESS_MAX];
    text_write_address(address, sizeof address, call, registry_port(r));
    (void)snprintf(ctx->registry_url, sizeof ctx->registry_url, "http://%s", address);
    start_print_listener("registry", "http://", config.host, registry_port(r));
    *out_handle = r;
    return ERR_OK;
}

static bool wait_registry(void *handle, int timeout_ms)
{
    return registry_wait_ready(handle, timeout_ms);
}

static void stop_registry(void *handle)
{
    registry_stop(handle);
}

static const struct connect_plugin *const start_connectors[] = {
    &file_source_plugin,
    &jdbc_source_plugin,
    NULL,
};

static enum err_code start_connect(struct start_context *ctx, struct logger *lg, void **out_handle,
                                   struct err *e)
{
    const struct conf *c = ctx->conf;
    struct connect_worker_config config;
    connect_worker_config_init(&config);
    config.bootstrap_servers = ctx->bootstrap_servers;
    config.host = conf_text(c, "connect.host");
    config.port = (uint16_t)conf_int(c, "connect.port");
    config.group_id = conf_text(c, "connect.group.id");
    config.config_topic = conf_text(c, "connect.config.storage.topic");
    config.offset_topic = conf_text(c, "connect.offset.storage.topic");
    config.status_topic = conf_text(c, "connect.status.storage.topic");
    config.replication_factor = (int)conf_int(c, "replication.factor");
    config.key_converter = conf_text(c, "connect.key.converter");
    config.value_converter = conf_text(c, "connect.value.converter");
    config.offset_flush_interval_ms = conf_int(c, "connect.offset.flush.interval");
    config.properties_file = conf_text(c, "connect.properties");
    config.plugins = start_connectors;
    struct connect_worker *w = NULL;
    enum err_code code = connect_worker_start(&config, lg, ctx->metrics, &w, e);
    if (code != ERR_OK) {
        return code;
    }
    start_print_listener("connect", "http://", config.host, connect_worker_port(w));
    *out_handle = w;
    return ERR_OK;
}

static bool wait_connect(void *handle, int timeout_ms)
{
    struct err e;
    return connect_worker_wait_ready(handle, timeout_ms, &e) == ERR_OK;
}

static void stop_connect(void *handle)
{
    connect_worker_stop(handle);
}

#define START_APPS_MAX 64
#define START_PATH_MAX 4096

/* Copies the items of streams.app into `paths` (mem_free each). */
static enum err_code start_app_paths(const struct conf *c, char **paths, size_t *out_count,
                                     struct err *e)
{
    const char *cursor = NULL;
    struct bytes item;
    size_t count = 0;
    while (conf_list_next(c, "streams.app", &cursor, &item)) {
        char *path = count < START_APPS_MAX ? mem_strndup((const char *)item.data, item.len) : NULL;
        if (path == NULL) {
            return err_set(e, ERR_LIMIT, "streams.app: more than %d, or out of memory",
                           START_APPS_MAX);
        }
        paths[count++] = path;
        *out_count = count;
    }
    return ERR_OK;
}

static enum err_code start_streams(struct start_context *ctx, struct logger *lg, void **out_handle,
                                   struct err *e)
{
    char *paths[START_APPS_MAX] = {NULL};
    char state_dir[START_PATH_MAX];
    const char *given_dir = conf_text(ctx->conf, "streams.state.dir");
    const char *given_url = conf_text(ctx->conf, "streams.schema.registry.url");
    struct streams_config config = {
        .bootstrap_servers = ctx->bootstrap_servers,
        .registry_url = given_url != NULL              ? given_url
                        : ctx->registry_url[0] != '\0' ? ctx->registry_url
                                                       : NULL,
        .state_dir = state_dir,
        .apps = (const char *const *)paths,
    };
    int n = given_dir != NULL ? snprintf(state_dir, sizeof state_dir, "%s", given_dir)
                              : snprintf(state_dir, sizeof state_dir, "%s/streams", ctx->data_dir);
    if (n < 0 || (size_t)n >= sizeof state_dir) {
        return err_set(e, ERR_LIMIT, "streams.state.dir: longer than %d characters",
                       START_PATH_MAX - 1);
    }
    struct streams_runtime *runtime = NULL;
    enum err_code code = start_app_paths(ctx->conf, paths, &config.app_count, e);
    if (code == ERR_OK) {
        code = streams_runtime_start(&config, lg, ctx->metrics, &runtime, e);
    }
    for (size_t i = 0; i < START_APPS_MAX; i++) {
        mem_free(paths[i]);
    }
    if (code == ERR_OK) {
        *out_handle = runtime;
    }
    return code;
}

static void stop_streams(void *handle)
{
    streams_runtime_stop(handle);
}

const struct start_role start_roles[START_ROLE_COUNT] = {
    {"broker", start_broker, NULL, stop_broker},
    {"registry", start_registry, wait_registry, stop_registry},
    {"connect", start_connect, wait_connect, stop_connect},
    /* Topologies wait for their topics, which nobody may have created yet. */
    {"streams", start_streams, NULL, stop_streams},
};
