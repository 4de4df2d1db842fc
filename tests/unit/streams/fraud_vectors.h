/* The example topologies on the test driver, and records for them. */
#pragma once

#include <string.h>

#include "streams/include/weir/streams.h"
#include "tests/support/test.h"

#define NO_TS INT64_MIN          /* the payload has no timestamp */
#define NO_VALUE (INT64_MIN + 1) /* the value is null */

struct fraud {
    struct weir_test_driver *driver;
    struct weir_builder *schemas; /* owns the schemas of the test's own records */
    const struct weir_avro_schema *purchase;
    const struct weir_avro_schema *flags;
};

static const char fraud_purchase_json[] =
    "{\"type\":\"record\",\"name\":\"Purchase\",\"namespace\":\"com.example.model\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"int\"},"
    "{\"name\":\"category\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"amount\",\"type\":[\"null\",\"double\"],\"default\":null},"
    "{\"name\":\"credit_card\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"distance_from_billing_zip\",\"type\":[\"null\",\"double\"],\"default\":null},"
    "{\"name\":\"timestamp\",\"type\":[\"null\",{\"type\":\"long\",\"connect.version\":1,"
    "\"connect.name\":\"org.apache.kafka.connect.data.Timestamp\","
    "\"logicalType\":\"timestamp-millis\"}],\"default\":null}],"
    "\"connect.name\":\"com.example.model.Purchase\"}";
static const char fraud_flags_json[] =
    "{\"type\":\"record\",\"name\":\"TravelFlags\",\"namespace\":\"com.example.model\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"int\"},"
    "{\"name\":\"enabled\",\"type\":[\"null\",\"boolean\"],\"default\":null},"
    "{\"name\":\"credit_card\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"created_at\",\"type\":[\"null\",{\"type\":\"long\","
    "\"logicalType\":\"timestamp-millis\"}],\"default\":null}]}";

static inline void fraud_open(struct fraud *f, weir_streams_app_build_fn build,
                              const struct weir_test_driver_options *options)
{
    struct weir_error error;
    struct weir_builder *b = weir_builder_create();
    struct weir_config *config = weir_config_create();
    assert_true(build(b, config));
    struct weir_topology *t = weir_builder_build(b, &error);
    weir_builder_destroy(b);
    assert_non_null(t);
    f->driver = weir_test_driver_create(t, config, options, &error);
    if (f->driver == NULL) {
        fail_msg("%s", error.text);
    }
    weir_config_destroy(config);
    f->schemas = weir_builder_create();
    f->purchase = weir_avro_schema_parse(f->schemas, fraud_purchase_json);
    f->flags = weir_avro_schema_parse(f->schemas, fraud_flags_json);
    assert_non_null(f->purchase);
    assert_non_null(f->flags);
}

static inline void fraud_close(struct fraud *f)
{
    weir_test_driver_destroy(f->driver);
    weir_builder_destroy(f->schemas);
}

static inline struct weir_bytes fraud_text(const char *text)
{
    return (struct weir_bytes){text, text != NULL ? strlen(text) : 0};
}

static inline bool fraud_pipe_value(struct fraud *f, const char *topic, const char *key,
                                    const struct weir_value *value, int64_t record_ts,
                                    struct weir_error *error)
{
    struct weir_test_record r = {topic, fraud_text(key), {NULL, 0}, record_ts};
    assert_true(
        weir_test_driver_write(f->driver, weir_serde_avro(), topic, value, &r.value, error));
    return weir_test_driver_pipe(f->driver, &r, error);
}

/* A purchase with this payload timestamp, NO_TS or NO_VALUE. */
static inline bool fraud_purchase(struct fraud *f, const char *card, double distance, int64_t ts,
                                  int64_t record_ts, struct weir_error *error)
{
    struct weir_context *ctx = weir_test_driver_context(f->driver);
    struct weir_value *p = NULL;
    if (ts != NO_VALUE) {
        p = weir_make_record(ctx, f->purchase);
        weir_set(ctx, p, "id", weir_make_int(ctx, 1));
        weir_set(ctx, p, "credit_card", card != NULL ? weir_make_string(ctx, card) : NULL);
        weir_set(ctx, p, "distance_from_billing_zip", weir_make_double(ctx, distance));
        weir_set(ctx, p, "timestamp", ts != NO_TS ? weir_make_long(ctx, ts) : NULL);
    }
    return fraud_pipe_value(f, "purchases", card, p, record_ts, error);
}

static inline int fraud_count_records(struct fraud *f, const char *topic)
{
    struct weir_test_record r;
    int count = 0;
    while (weir_test_driver_read(f->driver, topic, &r)) {
        count++;
    }
    return count;
}

static inline void fraud_expect_text(struct fraud *f, const char *topic, const char *key,
                                     const char *value, int64_t ts)
{
    struct weir_test_record r;
    if (!weir_test_driver_read(f->driver, topic, &r)) {
        fail_msg("%s: no record where %s was expected", topic, value);
    }
    assert_int_equal(r.value.len, strlen(value));
    assert_memory_equal(r.value.data, value, r.value.len);
    if (key == NULL) {
        assert_null(r.key.data);
    } else {
        assert_int_equal(r.key.len, strlen(key));
        assert_memory_equal(r.key.data, key, r.key.len);
    }
    assert_int_equal(r.timestamp_ms, ts);
}
