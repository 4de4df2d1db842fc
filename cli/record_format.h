/*
 * The record format language of `topic produce` and `topic consume` (--format, --output-format):
 * text with escapes (\t \n \r \\ \xNN) and verbs.
 *
 *     %t topic   %k key   %v value   %T %K %V their sizes   %H header count   %h{...} each header
 *     %p partition   %o offset   %e leader epoch   %d timestamp   %x producer id   %y its epoch
 *     %i counter   %[ log start   %| last stable   %] high watermark   %a{...} attributes
 *     %% %{ %} the characters themselves
 *
 * Numbers take {ascii hex64..hex4 hex big64..16 little64..16 byte bool}, texts {hex base64
 * base64raw unpack[...]} when written and {hex base64 json re[...]} when read, %d {go[...]
 * strftime[...]}. When reading, a text ends at the literal behind it, or has a size: from %T %K %V
 * before it, or {N} of those. A parsed format is read-only but for its counter; one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"

enum record_verb {
    RECORD_VERB_LITERAL,
    RECORD_VERB_TOPIC,
    RECORD_VERB_KEY,
    RECORD_VERB_VALUE,
    RECORD_VERB_TOPIC_SIZE,
    RECORD_VERB_KEY_SIZE,
    RECORD_VERB_VALUE_SIZE,
    RECORD_VERB_HEADER_COUNT,
    RECORD_VERB_HEADERS,
    RECORD_VERB_PARTITION,
    RECORD_VERB_OFFSET,
    RECORD_VERB_LEADER_EPOCH,
    RECORD_VERB_TIMESTAMP,
    RECORD_VERB_PRODUCER_ID,
    RECORD_VERB_PRODUCER_EPOCH,
    RECORD_VERB_COUNTER,
    RECORD_VERB_LOG_START,
    RECORD_VERB_LAST_STABLE,
    RECORD_VERB_HIGH_WATERMARK,
    RECORD_VERB_COMPRESSION,
    RECORD_VERB_TIMESTAMP_TYPE,
    RECORD_VERB_TRANSACTIONAL,
    RECORD_VERB_CONTROL,
};

enum record_modifier {
    RECORD_PLAIN, /* ascii for numbers, as it is for texts */
    RECORD_HEX64,
    RECORD_HEX32,
    RECORD_HEX16,
    RECORD_HEX8,
    RECORD_HEX4,
    RECORD_HEX, /* numbers: no leading zeros; texts: two characters a byte */
    RECORD_BIG64,
    RECORD_BIG32,
    RECORD_BIG16,
    RECORD_BYTE,
    RECORD_LITTLE64,
    RECORD_LITTLE32,
    RECORD_LITTLE16,
    RECORD_BOOL,
    RECORD_NUMBER, /* a number where a name is the default */
    RECORD_FIXED,  /* reading: the size stands in the format */
    RECORD_BASE64,
    RECORD_BASE64_RAW,
    RECORD_UNPACK,
    RECORD_JSON,
    RECORD_REGEX,
    RECORD_GO_TIME,
    RECORD_STRFTIME,
};

struct record_item {
    enum record_verb verb;
    enum record_modifier modifier;
    struct bytes text;          /* literal, unpack or time layout, expression (NUL-terminated) */
    struct record_regex *regex; /* of REGEX; the format's */
    int64_t number;             /* FIXED */
    bool sized;                 /* reading: a size verb for this text stands before it */
    struct record_item *inner;
    struct record_item *next;
};

struct record_format {
    struct arena arena;
    struct record_item *items;
    uint32_t verbs; /* bit per enum record_verb, headers' inner ones not included */
    int64_t counter;
};

enum record_direction { RECORD_WRITES, RECORD_READS };

/* ERR_INVALID says what is wrong with the layout. */
enum err_code record_format_init(struct record_format *f, const char *layout,
                                 enum record_direction direction, struct err *e) ERR_MUST_CHECK;
void record_format_deinit(struct record_format *f);
/* Whether the format asks for this. */
bool record_format_uses(const struct record_format *f, enum record_verb verb);

struct record_text_header {
    struct bytes key;
    struct bytes value;
};

/* What is written. */
struct record_view {
    struct bytes topic;
    struct bytes key;
    struct bytes value;
    const struct record_text_header *headers;
    size_t header_count;
    int32_t partition;
    int64_t offset;
    int32_t leader_epoch;
    int64_t timestamp_ms;
    int64_t producer_id;
    int16_t producer_epoch;
    int64_t log_start;
    int64_t last_stable;
    int64_t high_watermark;
    int timestamp_type;      /* -1 none, 0 set by the client, 1 by the broker */
    const char *compression; /* NULL = none */
    int compression_id;
    bool transactional;
    bool control;
};

/* Appends one record. */
void record_format_write(struct record_format *f, const struct record_view *r, struct buf *out);
