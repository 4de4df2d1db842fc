/* A message of librdkafka as the record format and the JSON output see it. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "cli/record_format.h"
#include "common/err.h"

/* Memory for the headers of one record, reused for the next. Start zeroed. */
struct record_view_headers {
    struct record_text_header *items;
    size_t capacity;
};

void record_view_headers_deinit(struct record_view_headers *h);

/* Borrowed from the message and from `headers`. Headers that find no memory are left out. */
struct record_view record_view_of(const rd_kafka_message_t *m, struct record_view_headers *headers);

enum record_view_kind { RECORD_VIEW_CONSUMED, RECORD_VIEW_PRODUCED };

/* Refuses verbs whose value the Kafka client does not tell; `flag` is for the message. */
enum err_code record_view_check(const struct record_format *f, enum record_view_kind kind,
                                const char *flag, struct err *e) ERR_MUST_CHECK;
