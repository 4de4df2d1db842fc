#include "registry/registry.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/check.h"
#include "common/http_server.h"
#include "common/logger.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "registry/registry_internal.h"
#include "registry/registry_settle.h"

#define REGISTRY_TAG "X-Request-ID"
#define REGISTRY_TOPIC "_schemas"
#define REGISTRY_WRITE_TIMEOUT_MS 10000
/* Larger than any schema that Kafka takes. */
#define REGISTRY_BODY_BYTES ((size_t)16 * 1024 * 1024)

static const char *const registry_types[] = {"application/vnd.schemaregistry.v1+json",
                                             "application/vnd.schemaregistry+json",
                                             "application/json", NULL};
static const char *const registry_body_types[] = {
    "application/vnd.schemaregistry.v1+json", "application/vnd.schemaregistry+json",
    "application/json", "application/octet-stream", NULL};

#define ONE "/subjects/{subject}"
#define VERSION "/subjects/{subject}/versions/{version}"

static const struct http_server_route registry_routes[] = {
    {"GET", "/schemas/ids/{id}", registry_on_id},
    {"GET", "/schemas/ids/{id}/schema", registry_on_id_text},
    {"GET", "/schemas/ids/{id}/subjects", registry_on_id_subjects},
    {"GET", "/schemas/ids/{id}/versions", registry_on_id_versions},
    {"GET", "/schemas/guids/{guid}", registry_on_guid},
    {"GET", "/schemas/guids/{guid}/ids", registry_on_guid_ids},
    {"GET", "/schemas/types", registry_on_types},
    {"GET", "/schemas", registry_on_schemas},
    {"GET", "/subjects", registry_on_subjects},
    {"POST", ONE, registry_on_lookup},
    {"DELETE", ONE, registry_on_delete_subject},
    {"GET", "/subjects/{subject}/versions", registry_on_versions},
    {"POST", "/subjects/{subject}/versions", registry_on_register},
    {"GET", "/subjects/{subject}/metadata", registry_on_metadata},
    {"GET", VERSION, registry_on_version},
    {"DELETE", VERSION, registry_on_delete_version},
    {"GET", VERSION "/schema", registry_on_version_text},
    {"GET", VERSION "/referencedby", registry_on_referenced_by},
    {"GET", VERSION "/referencedBy", registry_on_referenced_by},
    {"POST", "/compatibility" VERSION, registry_on_check_version},
    {"POST", "/compatibility/subjects/{subject}/versions", registry_on_check_all},
    {"GET", "/config", registry_on_get_config},
    {"PUT", "/config", registry_on_put_config},
    {"DELETE", "/config", registry_on_delete_config},
    {"GET", "/config/{subject}", registry_on_get_subject_config},
    {"PUT", "/config/{subject}", registry_on_put_subject_config},
    {"DELETE", "/config/{subject}", registry_on_delete_subject_config},
    {"GET", "/mode", registry_on_get_mode},
    {"PUT", "/mode", registry_on_put_mode},
    {"DELETE", "/mode", registry_on_delete_mode},
    {"GET", "/mode/{subject}", registry_on_get_subject_mode},
    {"PUT", "/mode/{subject}", registry_on_put_subject_mode},
    {"DELETE", "/mode/{subject}", registry_on_delete_subject_mode},
    {"GET", "/contexts", registry_on_contexts},
    {"GET", "/v1/metadata/id", registry_on_metadata_id},
    {"GET", "/v1/metadata/version", registry_on_metadata_version},
    {"GET", "/v1/metadata/deployment", registry_on_metadata_deployment},
    {"GET", "/status/ready", registry_on_ready},
    {"GET", "/", registry_on_root},
    {"POST", "/", registry_on_root},
};

static void registry_on_record(void *ctx, const struct compacted_topic_record *record)
{
    struct registry *r = ctx;
    struct err e = {.code = ERR_OK};
    /* Of ours and of others: one that was written without knowing another is without effect. */
    const struct registry_store_record told = {.key = record->key,
                                               .value = record->value,
                                               .offset = record->offset,
                                               .settles = registry_settle_offset(record->header)};
    if (registry_store_apply(r->store, &told, &e) != ERR_OK) {
        metric_add(r->metrics.skipped, 1);
        logger_warn(r->lg, "registry.record_skipped", "topic=%s offset=%lld error=\"%s\"",
                    r->topic_name, (long long)record->offset, e.text);
    }
}

static void registry_on_state(void *ctx, enum compacted_topic_state state, const struct err *why)
{
    struct registry *r = ctx;
    if (state == COMPACTED_TOPIC_LIVE) {
        atomic_store(&r->live, true);
        logger_info(r->lg, "registry.ready", "topic=%s", r->topic_name);
    } else if (state == COMPACTED_TOPIC_FAILED) {
        atomic_store(&r->live, false);
        logger_error(r->lg, "registry.failed", "topic=%s error=\"%s\"", r->topic_name,
                     why != NULL ? why->text : "");
    }
}

/* X-Request-ID: the caller's, or a random one. Schemas by id are sent from an answer that is made
 * once, and are therefore tagged only when the caller wants it. */
static void registry_tag(struct http_request *rq)
{
    const char *id = http_request_header(rq, REGISTRY_TAG);
    if (id != NULL && *id != '\0') {
        http_request_add_header(rq, REGISTRY_TAG, id);
    } else if (strncmp(http_request_path(rq), "/schemas/ids/", 13) != 0) {
        uint8_t b[16] = {0};
        if (getrandom(b, sizeof b, GRND_NONBLOCK) != sizeof b) {
            return;
        }
        char text[37];
        (void)snprintf(text, sizeof text,
                       "%02x%02x%02x%02x-%02x%02x-4%01x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                       b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15U, b[7], (b[8] & 0x3fU) | 0x80U,
                       b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
        http_request_add_header(rq, REGISTRY_TAG, text);
    }
}

/* Before its topic is read to the end a registry would deny what it has: it says so instead. */
bool registry_filter(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    registry_tag(rq);
    if (atomic_load_explicit(&r->live, memory_order_acquire)) {
        return false;
    }
    struct err e = {.code = ERR_OK};
    bool failed = compacted_topic_state(r->topic) == COMPACTED_TOPIC_FAILED;
    bool known = compacted_topic_problem(r->topic, &e) != ERR_OK;
    http_request_respond_error(rq, failed ? 500 : 503, 50001,
                               failed ? "The schema registry cannot use its topic %s: %s"
                                      : "The schema registry is still reading its topic %s: %s",
                               r->topic_name, known ? e.text : "not at its end yet");
    return true;
}

static enum err_code registry_open_topic(struct registry *r, const struct registry_config *config,
                                         struct err *e)
{
    const struct compacted_topic_config topic = {
        .client = &r->client,
        .topic = r->topic_name,
        .partitions = 1,
        .required_partitions = 1,
        .replication_factor = config->replication_factor > 0 ? config->replication_factor : -1,
        .header_name = REGISTRY_SETTLE_HEADER,
        .on_record = registry_on_record,
        .on_state = registry_on_state,
        .ctx = r,
        .lg = r->lg,
    };
    return compacted_topic_open(&topic, &r->topic, e);
}

static enum err_code registry_open_client(struct registry *r, const struct registry_config *config,
                                          struct err *e)
{
    enum err_code code =
        config->client != NULL
            ? client_config_copy(&r->client, config->client, e)
            : client_config_init(&r->client,
                                 config->bootstrap_servers != NULL ? config->bootstrap_servers : "",
                                 e);
    if (code == ERR_OK && config->client != NULL && config->bootstrap_servers != NULL) {
        code = client_config_set(&r->client, "bootstrap.servers", config->bootstrap_servers, e);
    }
    return code;
}

static enum err_code registry_open(struct registry *r, const struct registry_config *config,
                                   struct metrics *metrics, struct err *e)
{
    const char *level = config->compatibility != NULL ? config->compatibility : "BACKWARD";
    if (compatibility_level_parse(level, &r->default_level, e) != ERR_OK) {
        return err_wrap(e, "registry compatibility \"%s\"", level);
    }
    r->store = registry_store_create();
    r->topic_name = mem_strdup(config->topic != NULL ? config->topic : REGISTRY_TOPIC);
    if (r->store == NULL || r->topic_name == NULL) {
        return err_nomem(e, "schema registry");
    }
    registry_metrics_init(r, metrics);
    enum err_code code = registry_open_client(r, config, e);
    if (code == ERR_OK) {
        code = registry_open_topic(r, config, e);
    }
    if (code == ERR_OK) {
        code = registry_writer_start(r, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    const struct http_server_config http = {
        .host = config->host,
        .port = config->port,
        .routes = registry_routes,
        .route_count = sizeof registry_routes / sizeof registry_routes[0],
        .ctx = r,
        .lg = r->lg,
        .filter = registry_filter,
        .observe = registry_metrics_observe,
        .produces = registry_types,
        .consumes = registry_body_types,
        .body_limit_bytes = REGISTRY_BODY_BYTES,
    };
    return http_server_start(&http, &r->http, e);
}

enum err_code registry_start(const struct registry_config *config, struct logger *lg,
                             struct metrics *metrics, struct registry **out_registry, struct err *e)
{
    struct registry *r = mem_calloc(1, sizeof *r);
    if (r == NULL) {
        return err_nomem(e, "schema registry");
    }
    r->lg = lg;
    r->settle_due = true; /* who lost before this start may have died of it */
    r->write_timeout_ms =
        config->write_timeout_ms > 0 ? config->write_timeout_ms : REGISTRY_WRITE_TIMEOUT_MS;
    lock_init(&r->lock);
    cond_init(&r->queued);
    enum err_code code = registry_open(r, config, metrics, e);
    if (code != ERR_OK) {
        registry_stop(r);
        return code;
    }
    *out_registry = r;
    return ERR_OK;
}

uint16_t registry_port(const struct registry *r)
{
    return http_server_port(r->http);
}

bool registry_is_ready(struct registry *r)
{
    return atomic_load(&r->live);
}

bool registry_wait_ready(struct registry *r, int timeout_ms)
{
    struct err e;
    return compacted_topic_wait_live(r->topic, timeout_ms, &e) == ERR_OK;
}

void registry_stop(struct registry *r)
{
    if (r == NULL) {
        return;
    }
    /* The port first, so that nothing new is queued; then what is queued is finished. */
    registry_writer_stop(r);
    http_server_stop(r->http);
    compacted_topic_close(r->topic);
    registry_metrics_deinit(r);
    registry_store_destroy(r->store);
    client_config_deinit(&r->client);
    cond_deinit(&r->queued);
    lock_deinit(&r->lock);
    mem_free(r->topic_name);
    mem_free(r);
}
