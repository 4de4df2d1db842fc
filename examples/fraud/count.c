/*
 * High purchase count: three purchases of one card within a minute give one alert.
 *
 *     purchases -> 60 s windows per card, counted -> the third -> alerts-avro, alerts-json
 */
#include <weir/streams.h>

#include "examples/fraud/fraud.h"

/* The time of the purchase. One without it happened about when the last one did. */
static int64_t purchase_time(struct weir_context *ctx, const struct weir_value *key,
                             const struct weir_value *purchase, int64_t partition_time_ms,
                             void *user)
{
    (void)key;
    (void)user;
    if (purchase == NULL) {
        return partition_time_ms;
    }
    const struct weir_value *timestamp = weir_field(ctx, purchase, "timestamp");
    return timestamp != NULL ? weir_as_long(ctx, timestamp) : partition_time_ms;
}

/* Exactly three: each window alerts once, however many purchases follow. */
static bool is_third(struct weir_context *ctx, const struct weir_value *key,
                     const struct weir_value *count, void *user)
{
    (void)key;
    (void)user;
    return weir_as_long(ctx, count) == 3;
}

static struct weir_pair to_alert(struct weir_context *ctx, const struct weir_value *window,
                                 const struct weir_value *count, void *user)
{
    (void)count;
    const struct weir_value *card = weir_windowed_key(ctx, window);
    const struct weir_value *start = weir_make_long(ctx, weir_window_start(ctx, window));
    return (struct weir_pair){card,
                              fraud_make_alert(ctx, user, "high_purchase_count", card, start)};
}

static void look(struct weir_context *ctx, const struct weir_value *window,
                 const struct weir_value *count, void *user)
{
    (void)ctx;
    (void)window;
    (void)count;
    (void)user; /* the place for a log line while developing */
}

bool weir_streams_app_build(struct weir_builder *b, struct weir_config *config)
{
    weir_config_set(config, "application.id", "local-dev-0", NULL);
    weir_config_set(config, "commit.interval.ms", "1000", NULL);
    weir_config_set(config, "statestore.cache.max.bytes", "0", NULL); /* every count is emitted */

    struct weir_stream *purchases = weir_builder_stream(
        b, "purchases",
        &(struct weir_consumed){
            .key = weir_serde_string(), .value = weir_serde_avro(), .timestamp = purchase_time});
    struct weir_windowed *minutes = weir_grouped_windowed_by(
        weir_stream_group_by_key(purchases, NULL), weir_tumbling(60 * 1000, 0));
    struct weir_stream *counts = weir_table_to_stream(weir_windowed_count(minutes, NULL));
    struct weir_stream *thirds =
        weir_stream_filter(weir_stream_peek(counts, look, NULL), is_third, NULL);
    void *alert = fraud_alert_schema(b);
    fraud_to_alerts(weir_stream_map(thirds, to_alert, alert));
    return true;
}
