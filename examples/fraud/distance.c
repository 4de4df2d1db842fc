/*
 * High travel distance: a purchase 2,000 miles or more from home gives an alert, unless the owner
 * of the card has said that they travel.
 *
 *     purchases -> far away ones -+-> no flag, or switched off -> alerts-avro, alerts-json
 *     travel_flags (table) -------+
 */
#include <weir/streams.h>

#include "examples/fraud/fraud.h"

static bool is_far(struct weir_context *ctx, const struct weir_value *card,
                   const struct weir_value *purchase, void *user)
{
    (void)card;
    (void)user;
    return weir_as_double(ctx, weir_field(ctx, purchase, "distance_from_billing_zip")) >= 2000;
}

/* The purchase, or NULL when its owner travels. */
static const struct weir_value *unless_travelling(struct weir_context *ctx,
                                                  const struct weir_value *card,
                                                  const struct weir_value *purchase,
                                                  const struct weir_value *flag, void *user)
{
    (void)card;
    (void)user;
    const struct weir_value *enabled = flag != NULL ? weir_field(ctx, flag, "enabled") : NULL;
    return enabled != NULL && weir_as_bool(ctx, enabled) ? NULL : purchase;
}

static void to_alert(struct weir_context *ctx, const struct weir_value *card,
                     const struct weir_value *purchase, void *user)
{
    (void)card;
    if (purchase != NULL) {
        weir_emit(ctx, fraud_make_alert(ctx, user, "travel_distance",
                                        weir_field(ctx, purchase, "credit_card"),
                                        weir_field(ctx, purchase, "timestamp")));
    }
}

bool weir_streams_app_build(struct weir_builder *b, struct weir_config *config)
{
    weir_config_set(config, "application.id", "local-dev-1", NULL);
    weir_config_set(config, "commit.interval.ms", "1000", NULL);
    weir_config_set(config, "statestore.cache.max.bytes", "0", NULL);

    const struct weir_consumed avro = {.key = weir_serde_string(), .value = weir_serde_avro()};
    struct weir_stream *purchases = weir_builder_stream(b, "purchases", &avro);
    struct weir_table *flags = weir_builder_table(b, "travel_flags", &avro, NULL);
    struct weir_stream *far = weir_stream_filter(purchases, is_far, NULL);
    struct weir_stream *suspicious =
        weir_stream_left_join_table(far, flags, unless_travelling, NULL);
    void *alert = fraud_alert_schema(b);
    fraud_to_alerts(weir_stream_flat_map_values(suspicious, to_alert, alert));
    return true;
}
