#include "registry/registry_answer.h"

#include <stdarg.h>
#include <string.h>

#include "common/json.h"

#define REGISTRY_ANSWER_MAX ((size_t)256 * 1024 * 1024)

void registry_answer_init(struct registry_answer *a)
{
    *a = (struct registry_answer){.status = 200};
    buf_init(&a->body, REGISTRY_ANSWER_MAX);
}

void registry_answer_deinit(struct registry_answer *a)
{
    buf_deinit(&a->body);
}

void registry_answer_error(struct registry_answer *a, int code, const char *fmt, ...)
{
    struct buf message;
    buf_init(&message, REGISTRY_ANSWER_MAX / 2);
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&message, fmt, args);
    va_end(args);
    const char *text = buf_text(&message);
    text = text != NULL ? text : "out of memory";
    buf_clear(&a->body);
    buf_printf(&a->body, "{\"error_code\":%d,\"message\":", code);
    json_write_text(&a->body, text, strlen(text));
    buf_append_char(&a->body, '}');
    buf_deinit(&message);
    a->status = code >= 1000 ? (unsigned)code / 100 : (unsigned)code;
    a->failed = true;
}
