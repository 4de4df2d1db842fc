#include "registry/registry_record.h"

#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "registry/registry_store.h"

static void registry_record_text(struct buf *b, const char *text)
{
    json_write_text(b, text, strlen(text));
}

void registry_record_key(struct buf *b, const char *keytype, const char *subject, int version)
{
    buf_printf(b, "{\"keytype\":\"%s\"", keytype);
    if (subject != NULL) {
        buf_append_text(b, ",\"subject\":");
        registry_record_text(b, subject);
    }
    if (version > 0) {
        buf_printf(b, ",\"version\":%d,\"magic\":1}", version);
    } else {
        buf_append_text(b, ",\"magic\":0}");
    }
}

void registry_record_schema(struct buf *b, const char *subject, int version, int id,
                            const struct registry_content *content, bool deleted)
{
    buf_append_text(b, "{\"subject\":");
    registry_record_text(b, subject);
    buf_printf(b, ",\"version\":%d,\"id\":%d,", version, id);
    registry_content_write(content, b);
    buf_printf(b, ",\"deleted\":%s}", deleted ? "true" : "false");
}

void registry_record_subject(struct buf *b, const char *subject, int version)
{
    buf_append_char(b, '{');
    if (subject != NULL) {
        buf_append_text(b, "\"subject\":");
        registry_record_text(b, subject);
    }
    if (version > 0) {
        buf_printf(b, ",\"version\":%d", version);
    }
    buf_append_char(b, '}');
}

void registry_record_mode(struct buf *b, const char *subject, const char *mode)
{
    buf_append_char(b, '{');
    if (subject != NULL) {
        buf_append_text(b, "\"subject\":");
        registry_record_text(b, subject);
        buf_append_char(b, ',');
    }
    buf_printf(b, "\"mode\":\"%s\"}", mode);
}
