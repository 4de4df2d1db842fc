#include "cli/record_json.h"

#include <inttypes.h>

#include "cli/go_json.h"

/* Where the next member goes. */
struct record_json {
    struct buf *out;
    bool pretty;
    int depth;
    bool first;
};

static void record_json_line(struct record_json *j)
{
    if (j->pretty) {
        buf_append_char(j->out, '\n');
        for (int i = 0; i < j->depth; i++) {
            buf_append_text(j->out, "  ");
        }
    }
}

static void record_json_open(struct record_json *j, char bracket)
{
    buf_append_char(j->out, bracket);
    j->depth++;
    j->first = true;
}

static void record_json_close(struct record_json *j, char bracket)
{
    j->depth--;
    record_json_line(j);
    buf_append_char(j->out, bracket);
    j->first = false;
}

static void record_json_next(struct record_json *j)
{
    buf_append_text(j->out, j->first ? "" : ",");
    j->first = false;
    record_json_line(j);
}

static void record_json_name(struct record_json *j, const char *name)
{
    record_json_next(j);
    buf_printf(j->out, j->pretty ? "\"%s\": " : "\"%s\":", name);
}

static void record_json_text(struct record_json *j, const char *name, struct bytes text)
{
    record_json_name(j, name);
    go_json_text(text, j->out);
}

static void record_json_number(struct record_json *j, const char *name, int64_t n)
{
    record_json_name(j, name);
    buf_printf(j->out, "%" PRId64, n);
}

void record_json_write(const struct record_view *r, const struct record_json_style *style,
                       struct buf *out)
{
    struct record_json j = {.out = out, .pretty = style->pretty};
    record_json_open(&j, '{');
    record_json_text(&j, "topic", r->topic);
    if (r->key.len > 0) {
        record_json_text(&j, "key", r->key);
    }
    if (style->meta_only) {
        record_json_number(&j, "value_size", (int64_t)r->value.len);
    } else if (!bytes_is_null(r->value)) {
        record_json_text(&j, "value", r->value);
    }
    if (r->header_count > 0) {
        record_json_name(&j, "headers");
        record_json_open(&j, '[');
        for (size_t i = 0; i < r->header_count; i++) {
            record_json_next(&j);
            record_json_open(&j, '{');
            record_json_text(&j, "key", r->headers[i].key);
            record_json_text(&j, "value", r->headers[i].value);
            record_json_close(&j, '}');
        }
        record_json_close(&j, ']');
    }
    record_json_number(&j, "timestamp", r->timestamp_ms);
    record_json_number(&j, "partition", r->partition);
    record_json_number(&j, "offset", r->offset);
    record_json_close(&j, '}');
    buf_append_char(out, '\n');
}
