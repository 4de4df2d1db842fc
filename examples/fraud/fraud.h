/* What both topologies share: the alert, and where it goes. */
#pragma once

#include <weir/streams.h>

static inline void *fraud_alert_schema(struct weir_builder *b)
{
    static const char json[] =
        "{\"type\":\"record\",\"name\":\"Alert\",\"namespace\":\"com.example.model\",\"fields\":["
        "{\"name\":\"type\",\"type\":[\"null\",\"string\"],\"default\":null},"
        "{\"name\":\"credit_card\",\"type\":[\"null\",\"string\"],\"default\":null},"
        "{\"name\":\"timestamp\",\"type\":[\"null\",\"long\"],\"default\":null}]}";
    /* Callbacks get it back through their user pointer, which is not const. */
    return (void *)(uintptr_t)weir_avro_schema_parse(b, json);
}

static inline const struct weir_value *
fraud_make_alert(struct weir_context *ctx, const struct weir_avro_schema *schema, const char *type,
                 const struct weir_value *card, const struct weir_value *timestamp)
{
    struct weir_value *alert = weir_make_record(ctx, schema);
    weir_set(ctx, alert, "type", weir_make_string(ctx, type));
    weir_set(ctx, alert, "credit_card", card);
    weir_set(ctx, alert, "timestamp", timestamp);
    return alert;
}

static inline const struct weir_value *fraud_print(struct weir_context *ctx,
                                                   const struct weir_value *key,
                                                   const struct weir_value *value, void *user)
{
    (void)key;
    (void)user;
    return weir_make_printed(ctx, value);
}

/* As Avro for programs, as text for people. */
static inline void fraud_to_alerts(struct weir_stream *alerts)
{
    weir_stream_to(alerts, "alerts-avro",
                   &(struct weir_produced){.key = weir_serde_string(), .value = weir_serde_avro()});
    weir_stream_to(
        weir_stream_map_values(alerts, fraud_print, NULL), "alerts-json",
        &(struct weir_produced){.key = weir_serde_string(), .value = weir_serde_string()});
}
