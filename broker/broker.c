#include "broker/broker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/broker_metrics.h"
#include "broker/controller/controller.h"
#include "broker/group/groups.h"
#include "broker/net/server.h"
#include "broker/storage/log_dir.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"

#define BROKER_IO_THREADS_MAX 8
#define BROKER_TEXT_MAX 1024
#define BROKER_STATIC_NUMBERS 11
#define BROKER_STATIC_CONFIGS (BROKER_STATIC_NUMBERS + 2)

struct broker {
    struct broker_config config; /* its texts point into this struct */
    char data_dir[BROKER_TEXT_MAX];
    char host[BROKER_TEXT_MAX];
    char advertised_host[BROKER_TEXT_MAX];
    uint16_t advertised_port;
    struct logger *logger;
    struct metrics *metrics;
    struct broker_gauges *gauges;
    struct log_dir *log_dir;
    struct controller *controller;
    struct groups *groups;
    struct server *server;
};

void broker_config_init(struct broker_config *config)
{
    *config = (struct broker_config){
        .port = 9092,
        .default_partitions = 1,
        .auto_create_topics = true,
        .max_connections = 10000,
        .idle_timeout_ms = 600000,
        .initial_rebalance_delay_ms = 3000,
        .request_max_bytes = 104857600,
        .fetch_max_bytes = 57671680,
        .retention_interval_ms = 300000,
        .compaction_interval_ms = 15000,
        .offsets_retention_minutes = 10080,
        .offsets_interval_ms = 600000,
    };
}

/* ---- start ---- */

static enum err_code broker_copy_text(char *out, const char *text, const char *what, struct err *e)
{
    size_t len = strlen(text);
    if (len >= BROKER_TEXT_MAX) {
        return err_set(e, ERR_LIMIT, "%s is longer than %d bytes", what, BROKER_TEXT_MAX - 1);
    }
    memcpy(out, text, len + 1);
    return ERR_OK;
}

static const char *broker_default_advertised_host(const char *host)
{
    bool all = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    return all ? "localhost" : host;
}

static enum err_code broker_copy_config(struct broker *b, const struct broker_config *config,
                                        struct err *e)
{
    if (config->data_dir == NULL || config->data_dir[0] == '\0') {
        return err_set(e, ERR_INVALID, "a broker needs a data directory");
    }
    const char *host = config->host != NULL && config->host[0] != '\0' ? config->host : "127.0.0.1";
    const char *advertised = config->advertised_host != NULL && config->advertised_host[0] != '\0'
                                 ? config->advertised_host
                                 : broker_default_advertised_host(host);
    b->config = *config;
    b->config.data_dir = b->data_dir;
    b->config.host = b->host;
    b->config.advertised_host = b->advertised_host;
    if (broker_copy_text(b->data_dir, config->data_dir, "data directory", e) != ERR_OK ||
        broker_copy_text(b->host, host, "host", e) != ERR_OK ||
        broker_copy_text(b->advertised_host, advertised, "advertised host", e) != ERR_OK) {
        return ERR_LIMIT;
    }
    if (b->config.io_threads <= 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        b->config.io_threads = processors < 1                       ? 1
                               : processors > BROKER_IO_THREADS_MAX ? BROKER_IO_THREADS_MAX
                                                                    : (int)processors;
    }
    return ERR_OK;
}

static enum err_code broker_open_log_dir(struct broker *b, struct err *e)
{
    struct log_dir_config config;
    log_dir_config_init(&config);
    config.path = b->data_dir;
    config.retention_check_interval_ms = b->config.retention_interval_ms;
    config.cleaner_backoff_ms = b->config.compaction_interval_ms;
    config.metrics = b->metrics;
    return log_dir_open(&config, clock_system(), b->logger, &b->log_dir, e);
}

/* What was decided at start, so that DescribeConfigs tells the truth. */
static enum err_code broker_open_controller(struct broker *b, struct err *e)
{
    char numbers[BROKER_STATIC_NUMBERS][24];
    int64_t values[BROKER_STATIC_NUMBERS] = {b->config.idle_timeout_ms,
                                             b->config.fetch_max_bytes,
                                             b->config.compaction_interval_ms,
                                             b->config.retention_interval_ms,
                                             b->config.max_connections,
                                             b->config.node_id,
                                             b->config.default_partitions,
                                             b->config.request_max_bytes,
                                             b->config.initial_rebalance_delay_ms,
                                             b->config.offsets_retention_minutes,
                                             b->config.offsets_interval_ms};
    const char *keys[BROKER_STATIC_NUMBERS] = {"connections.max.idle.ms",
                                               "fetch.max.bytes",
                                               "log.cleaner.backoff.ms",
                                               "log.retention.check.interval.ms",
                                               "max.connections",
                                               "node.id",
                                               "num.partitions",
                                               "socket.request.max.bytes",
                                               "group.initial.rebalance.delay.ms",
                                               "offsets.retention.minutes",
                                               "offsets.retention.check.interval.ms"};
    struct controller_config configs[BROKER_STATIC_CONFIGS];
    for (size_t i = 0; i < BROKER_STATIC_NUMBERS; i++) {
        (void)snprintf(numbers[i], sizeof numbers[i], "%" PRId64, values[i]);
        configs[i] = (struct controller_config){bytes_of_text(keys[i]), bytes_of_text(numbers[i])};
    }
    configs[BROKER_STATIC_NUMBERS] =
        (struct controller_config){bytes_of_text("auto.create.topics.enable"),
                                   bytes_of_text(b->config.auto_create_topics ? "true" : "false")};
    configs[BROKER_STATIC_NUMBERS + 1] =
        (struct controller_config){bytes_of_text("log.dirs"), bytes_of_text(b->data_dir)};
    struct controller_settings settings = {
        .data_dir = b->data_dir,
        .node_id = b->config.node_id,
        .log_dir = b->log_dir,
        .clock = clock_system(),
        .logger = b->logger,
        .static_configs = configs,
        .static_config_count = BROKER_STATIC_CONFIGS,
    };
    return controller_open(&settings, &b->controller, e);
}

static enum err_code broker_open_server(struct broker *b, struct err *e)
{
    struct server_config config = {
        .host = b->host,
        .port = b->config.port,
        .workers = b->config.io_threads,
        .max_connections = b->config.max_connections,
        .idle_timeout_ms = b->config.idle_timeout_ms,
        .request_max_bytes = (size_t)b->config.request_max_bytes,
        .metrics = b->metrics,
    };
    return server_start(&config, b, b->logger, &b->server, e);
}

static enum err_code broker_open_parts(struct broker *b, struct err *e)
{
    enum err_code code = broker_open_log_dir(b, e);
    if (code != ERR_OK) {
        return err_wrap(e, "open data directory %s", b->data_dir);
    }
    code = broker_open_controller(b, e);
    if (code != ERR_OK) {
        return err_wrap(e, "open controller");
    }
    struct groups_settings groups = {
        .controller = b->controller, .clock = clock_system(), .logger = b->logger};
    code = groups_open(&groups, &b->groups, e);
    if (code != ERR_OK) {
        return err_wrap(e, "open group coordinator");
    }
    return broker_open_server(b, e);
}

/* ---- stop ---- */

static void broker_close_parts(struct broker *b)
{
    if (b->server != NULL) {
        server_drain(b->server);
    }
    /* Answers those who wait in a rebalance: the server stops when the last request is finished. */
    groups_close(b->groups);
    if (b->server != NULL) {
        server_stop(b->server);
    }
    controller_close(b->controller);
    struct err e = {0};
    if (log_dir_close(b->log_dir, &e) != ERR_OK) {
        logger_error(b->logger, "broker.unclean-stop", "error=%s", e.text);
    }
}

/* ---- lifetime ---- */

enum err_code broker_start(const struct broker_config *config, struct logger *logger,
                           struct metrics *metrics, struct broker **out_broker, struct err *e)
{
    struct broker *b = mem_calloc(1, sizeof *b);
    if (b == NULL) {
        return err_nomem(e, "start broker");
    }
    b->logger = logger;
    b->metrics = metrics;
    enum err_code code = broker_copy_config(b, config, e);
    if (code == ERR_OK) {
        code = broker_open_parts(b, e);
    }
    if (code != ERR_OK) {
        broker_close_parts(b);
        mem_free(b);
        return code;
    }
    const struct broker_metrics_parts parts = {b->server, b->log_dir, b->groups};
    b->gauges = broker_metrics_add(metrics, &parts);
    logger_info(logger, "broker.started", "host=%s port=%u cluster=%s threads=%d", b->host,
                (unsigned)broker_port(b), broker_cluster_id(b), b->config.io_threads);
    *out_broker = b;
    return ERR_OK;
}

void broker_stop(struct broker *b)
{
    if (b == NULL) {
        return;
    }
    broker_metrics_remove(b->gauges);
    broker_close_parts(b);
    logger_info(b->logger, "broker.stopped", "data_dir=%s", b->data_dir);
    mem_free(b);
}

/* ---- accessors ---- */

uint16_t broker_port(const struct broker *b)
{
    return server_port(b->server);
}

const struct broker_config *broker_get_config(const struct broker *b)
{
    return &b->config;
}

struct logger *broker_logger(const struct broker *b)
{
    return b->logger;
}

struct log_dir *broker_log_dir(const struct broker *b)
{
    return b->log_dir;
}

struct controller *broker_controller(const struct broker *b)
{
    return b->controller;
}

struct groups *broker_groups(const struct broker *b)
{
    return b->groups;
}

const char *broker_cluster_id(const struct broker *b)
{
    return controller_cluster_id(b->controller);
}

const char *broker_advertised_host(const struct broker *b)
{
    return b->advertised_host;
}

uint16_t broker_advertised_port(const struct broker *b)
{
    return b->config.advertised_port != 0 ? b->config.advertised_port : broker_port(b);
}
