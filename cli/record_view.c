#include "cli/record_view.h"

#include "common/mem.h"

void record_view_headers_deinit(struct record_view_headers *h)
{
    mem_free(h->items);
    *h = (struct record_view_headers){NULL, 0};
}

static bool record_view_reserve(struct record_view_headers *h, size_t count)
{
    if (count <= h->capacity) {
        return true;
    }
    struct record_text_header *items = mem_realloc(h->items, count * sizeof *items);
    if (items == NULL) {
        return false;
    }
    *h = (struct record_view_headers){items, count};
    return true;
}

struct record_view record_view_of(const rd_kafka_message_t *m, struct record_view_headers *headers)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    struct record_view v = {.key = bytes_of(m->key, m->key_len),
                            .value = bytes_of(m->payload, m->len),
                            .partition = m->partition,
                            /* Below 0: with acks=0 none is told. */
                            .offset = m->offset >= 0 ? m->offset : -1,
                            .timestamp_ms = rd_kafka_message_timestamp(m, &type),
                            .producer_id = -1,
                            .producer_epoch = -1,
                            .leader_epoch = -1};
    v.topic = bytes_of_text(m->rkt != NULL ? rd_kafka_topic_name(m->rkt) : "");
    v.timestamp_type = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1
                       : type == RD_KAFKA_TIMESTAMP_CREATE_TIME ? 0
                                                                : 1;
    rd_kafka_headers_t *list = NULL;
    if (rd_kafka_message_headers(m, &list) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        !record_view_reserve(headers, rd_kafka_header_cnt(list))) {
        return v;
    }
    const char *key = NULL;
    const void *value = NULL;
    size_t len = 0;
    while (rd_kafka_header_get_all(list, v.header_count, &key, &value, &len) ==
           RD_KAFKA_RESP_ERR_NO_ERROR) {
        headers->items[v.header_count++] =
            (struct record_text_header){bytes_of_text(key), bytes_of(value, len)};
    }
    v.headers = headers->items;
    return v;
}

enum err_code record_view_check(const struct record_format *f, enum record_view_kind kind,
                                const char *flag, struct err *e)
{
    static const struct {
        enum record_verb verb;
        const char *text;
        bool consumed; /* known of consumed records */
    } unknown[] = {
        {RECORD_VERB_LEADER_EPOCH, "%e (leader epoch)", false},
        {RECORD_VERB_PRODUCER_ID, "%x (producer id)", false},
        {RECORD_VERB_PRODUCER_EPOCH, "%y (producer epoch)", false},
        {RECORD_VERB_LAST_STABLE, "%| (last stable offset)", false},
        {RECORD_VERB_COMPRESSION, "%a{compression}", false},
        {RECORD_VERB_TRANSACTIONAL, "%a{transactional-bit}", false},
        {RECORD_VERB_CONTROL, "%a{control-bit}", false},
        {RECORD_VERB_LOG_START, "%[ (log start offset)", true},
        {RECORD_VERB_HIGH_WATERMARK, "%] (high watermark)", true},
    };
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        bool known = unknown[i].consumed && kind == RECORD_VIEW_CONSUMED;
        if (!known && record_format_uses(f, unknown[i].verb)) {
            return err_set(e, ERR_UNSUPPORTED,
                           "%s: %s is not supported: the Kafka client library does not tell it",
                           flag, unknown[i].text);
        }
    }
    return ERR_OK;
}
