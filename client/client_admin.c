#include "client/client_admin.h"

#include <string.h>

#include "client/client_error.h"
#include "common/logger.h"
#include "common/mem.h"

struct client_admin {
    rd_kafka_t *rk;
    bool borrowed;
};

enum err_code client_admin_open(const struct client_config *config, struct logger *lg,
                                struct client_admin **out_admin, struct err *e)
{
    struct client_admin *a = mem_calloc(1, sizeof *a);
    if (a == NULL) {
        return err_nomem(e, "open admin client");
    }
    enum err_code code = client_config_open(config, CLIENT_CONFIG_ADMIN, NULL, lg, &a->rk, e);
    if (code != ERR_OK) {
        mem_free(a);
        return code;
    }
    *out_admin = a;
    return ERR_OK;
}

enum err_code client_admin_borrow(rd_kafka_t *rk, struct client_admin **out_admin, struct err *e)
{
    struct client_admin *a = mem_calloc(1, sizeof *a);
    if (a == NULL) {
        return err_nomem(e, "open admin client");
    }
    a->rk = rk;
    a->borrowed = true;
    *out_admin = a;
    return ERR_OK;
}

void client_admin_close(struct client_admin *a)
{
    if (a != NULL) {
        if (!a->borrowed) {
            rd_kafka_destroy(a->rk);
        }
        mem_free(a);
    }
}

static enum err_code options_create(struct client_admin *a, rd_kafka_admin_op_t op, int timeout_ms,
                                    rd_kafka_AdminOptions_t **out, struct err *e)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(a->rk, op);
    char reason[256];
    if (options == NULL) {
        return err_nomem(e, "admin request");
    }
    rd_kafka_resp_err_t error =
        rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof reason);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && op == RD_KAFKA_ADMIN_OP_CREATETOPICS) {
        error =
            rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, reason, sizeof reason);
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_AdminOptions_destroy(options);
        return err_set(e, ERR_INVALID, "admin request: %s", reason);
    }
    *out = options;
    return ERR_OK;
}

/* Waits for the answer to what was just sent on the queue. */
static enum err_code wait_event(rd_kafka_queue_t *queue, int timeout_ms, const char *what,
                                rd_kafka_event_t **out_event, struct err *e)
{
    /* The request has its own timeout; the second is for the answer's way through the queue. */
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    if (event == NULL) {
        return err_set(e, ERR_TIMEOUT, "%s: no answer", what);
    }
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        enum err_code code = err_set(e, client_error_code(error), "%s: %s", what,
                                     rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
        return code;
    }
    *out_event = event;
    return ERR_OK;
}

static enum err_code new_topic(const struct client_admin_topic *topic, rd_kafka_NewTopic_t **out,
                               struct err *e)
{
    char reason[256];
    rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(
        topic->name, topic->partitions, topic->replication_factor, reason, sizeof reason);
    if (t == NULL) {
        return err_set(e, ERR_INVALID, "create topic %s: %s", topic->name, reason);
    }
    for (size_t i = 0; i < topic->config_count; i++) {
        rd_kafka_resp_err_t error =
            rd_kafka_NewTopic_set_config(t, topic->configs[i].key, topic->configs[i].value);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_NewTopic_destroy(t);
            return client_error_set(e, error, "create topic %s: %s", topic->name,
                                    topic->configs[i].key);
        }
    }
    *out = t;
    return ERR_OK;
}

static enum err_code created(rd_kafka_event_t *event, const char *name, struct err *e)
{
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (count != 1) {
        return err_set(e, ERR_INTERNAL, "create topic %s: answer for %zu topics", name, count);
    }
    rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[0]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ERR_OK;
    }
    const char *text = rd_kafka_topic_result_error_string(results[0]);
    return err_set(e, client_error_code(error), "create topic %s: %s", name,
                   text != NULL ? text : rd_kafka_err2str(error));
}

enum err_code client_admin_create_topic(struct client_admin *a,
                                        const struct client_admin_topic *topic, int timeout_ms,
                                        struct err *e)
{
    rd_kafka_AdminOptions_t *options = NULL;
    rd_kafka_NewTopic_t *t = NULL;
    enum err_code code = options_create(a, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms, &options, e);
    if (code == ERR_OK) {
        code = new_topic(topic, &t, e);
    }
    if (code == ERR_OK) {
        rd_kafka_queue_t *queue = rd_kafka_queue_new(a->rk);
        rd_kafka_event_t *event = NULL;
        rd_kafka_CreateTopics(a->rk, &t, 1, options, queue);
        code = wait_event(queue, timeout_ms, "create topic", &event, e);
        if (code == ERR_OK) {
            code = created(event, topic->name, e);
            rd_kafka_event_destroy(event);
        }
        rd_kafka_queue_destroy(queue);
    }
    if (t != NULL) {
        rd_kafka_NewTopic_destroy(t);
    }
    if (options != NULL) {
        rd_kafka_AdminOptions_destroy(options);
    }
    return code;
}

enum err_code client_admin_count_partitions(struct client_admin *a, const char *topic,
                                            int timeout_ms, int *out_count, struct err *e)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(a->rk, topic, NULL);
    if (handle == NULL) {
        return client_error_set(e, rd_kafka_last_error(), "look up topic %s", topic);
    }
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(a->rk, 0, handle, &metadata, timeout_ms);
    rd_kafka_topic_destroy(handle);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return client_error_set(e, error, "look up topic %s", topic);
    }
    enum err_code code = ERR_OK;
    if (metadata->topic_cnt != 1) {
        code = err_set(e, ERR_NOT_FOUND, "topic %s does not exist", topic);
    } else if (metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = client_error_set(e, metadata->topics[0].err, "look up topic %s", topic);
    } else if (metadata->topics[0].partition_cnt == 0) {
        code = err_set(e, ERR_NOT_FOUND, "topic %s has no partitions yet", topic);
    } else {
        *out_count = metadata->topics[0].partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    return code;
}

static enum err_code config_value(rd_kafka_event_t *event, const char *topic, const char *key,
                                  char **out_value, struct err *e)
{
    size_t count = 0;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    if (count != 1) {
        return err_set(e, ERR_INTERNAL, "describe topic %s: answer for %zu topics", topic, count);
    }
    rd_kafka_resp_err_t error = rd_kafka_ConfigResource_error(resources[0]);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return client_error_set(e, error, "describe topic %s", topic);
    }
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resources[0], &count);
    for (size_t i = 0; i < count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), key) == 0 && value != NULL) {
            char *copy = mem_strdup(value);
            if (copy == NULL) {
                return err_nomem(e, "describe topic");
            }
            *out_value = copy;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_NOT_FOUND, "topic %s has no setting %s", topic, key);
}

enum err_code client_admin_topic_config(struct client_admin *a, const char *topic, const char *key,
                                        int timeout_ms, char **out_value, struct err *e)
{
    rd_kafka_AdminOptions_t *options = NULL;
    enum err_code code =
        options_create(a, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms, &options, e);
    if (code != ERR_OK) {
        return code;
    }
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    if (resource == NULL) {
        rd_kafka_AdminOptions_destroy(options);
        return err_set(e, ERR_INVALID, "describe topic: bad name \"%s\"", topic);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(a->rk);
    rd_kafka_event_t *event = NULL;
    rd_kafka_DescribeConfigs(a->rk, &resource, 1, options, queue);
    code = wait_event(queue, timeout_ms, "describe topic", &event, e);
    if (code == ERR_OK) {
        code = config_value(event, topic, key, out_value, e);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    return code;
}

enum err_code client_admin_cluster_id(struct client_admin *a, int timeout_ms, char **out_id,
                                      struct err *e)
{
    char *id = rd_kafka_clusterid(a->rk, timeout_ms);
    if (id == NULL) {
        return err_set(e, ERR_TIMEOUT, "ask for the cluster's id: no answer");
    }
    char *copy = mem_strdup(id);
    rd_kafka_mem_free(a->rk, id);
    if (copy == NULL) {
        return err_nomem(e, "ask for the cluster's id");
    }
    *out_id = copy;
    return ERR_OK;
}
