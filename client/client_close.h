/*
 * The end of a consumer that cannot hang its owner. librdkafka 2.0 never ends a consumer whose
 * topic was deleted while it was assigned: a thread of it waits for a reference that nobody gives
 * back.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* rd_kafka_destroy, on a thread of its own that is waited for three seconds. False when it was left
 * behind, with the client's memory and threads; its log lines are dropped from the start of this
 * call on, and no callback comes any more. NULL is fine. */
bool client_close(rd_kafka_t *take_rk);
