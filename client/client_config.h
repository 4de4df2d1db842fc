/*
 * Settings of a Kafka client, given in the names that the Java clients use (which is what connector
 * and worker configs hold) and handed to librdkafka in its own. What only the JVM has (serializers,
 * metrics reporters, buffer tuning) is dropped; what would change the meaning and cannot be done is
 * an error when the client is opened. Secrets are never logged. One owner; clients opened from it
 * are independent of it.
 */
#pragma once

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct logger;

struct client_config_entry {
    char *key;
    char *value;
};

struct client_config {
    struct client_config_entry *entries;
    size_t count;
};

enum client_config_kind { CLIENT_CONFIG_PRODUCER, CLIENT_CONFIG_CONSUMER, CLIENT_CONFIG_ADMIN };

/* bootstrap_servers: "h1:p1,h2:p2". */
enum err_code client_config_init(struct client_config *c, const char *bootstrap_servers,
                                 struct err *e);
void client_config_deinit(struct client_config *c);
/* A later value of the same key wins. Both are copied; at most 1000 keys. */
enum err_code client_config_set(struct client_config *c, const char *key, const char *value,
                                struct err *e);
enum err_code client_config_copy(struct client_config *to, const struct client_config *from,
                                 struct err *e);
/* NULL when absent. */
const char *client_config_get(const struct client_config *c, const char *key);

/* Called from rd_kafka_poll for each produced message; message->_private is the caller's. */
typedef void (*client_config_delivered_fn)(rd_kafka_t *rk, const rd_kafka_message_t *message,
                                           void *opaque);

/* Opens a client: settings as above over these defaults: producers acks=all, idempotent,
 * partitioner murmur2_random, so that keys land where the Java clients put them; consumers
 * check.crcs, no auto-commit, no auto offset store. No broker needs to be there yet. lg (may be
 * NULL) must outlive the handle; librdkafka's own lines go to it at debug; its failures to
 * reach a broker at warn, once in a while. delivered is for
 * producers, NULL otherwise. Close with rd_kafka_destroy, consumers
 * with client_close. */
enum err_code client_config_open(const struct client_config *c, enum client_config_kind kind,
                                 client_config_delivered_fn delivered, struct logger *lg,
                                 rd_kafka_t **out_rk, struct err *e);

/* Whether client_config_open would take the settings; opens nothing. */
enum err_code client_config_check(const struct client_config *c, enum client_config_kind kind,
                                  struct err *e);

/* For an owner that needs the client's callbacks with its own pointer. */
struct client_config_hooks {
    client_config_delivered_fn delivered; /* NULL: none */
    /* From rd_kafka_consumer_poll and rd_kafka_consumer_close; must assign. NULL: none. */
    void (*rebalance)(rd_kafka_t *rk, rd_kafka_resp_err_t why,
                      rd_kafka_topic_partition_list_t *partitions, void *opaque);
    /* librdkafka's own lines, from any of its threads, with rd_kafka_opaque(rk). NULL: dropped. */
    void (*log)(const rd_kafka_t *rk, int level, const char *facility, const char *text);
    void *opaque;
};

/* As client_config_open. */
enum err_code client_config_open_hooked(const struct client_config *c, enum client_config_kind kind,
                                        const struct client_config_hooks *hooks,
                                        rd_kafka_t **out_rk, struct err *e);
