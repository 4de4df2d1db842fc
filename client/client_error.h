/*
 * librdkafka's error codes as ours, in one table, with librdkafka's reason as text. Pure.
 */
#pragma once

#include <librdkafka/rdkafka.h>

#include "common/err.h"

/* Transient ones (broker away, leader moving, timeouts) become retriable codes. */
enum err_code client_error_code(rd_kafka_resp_err_t error);
/* "<fmt>: Broker: Unknown topic or partition". */
enum err_code client_error_set(struct err *e, rd_kafka_resp_err_t error, const char *fmt, ...)
    ERR_PRINTF(3, 4);
