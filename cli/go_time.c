#include "cli/go_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The pieces of Go's reference time, longest first where one starts another; each with its strftime
 * form, or NULL for those below. */
static const struct {
    const char *token;
    const char *form;
} go_time_tokens[] = {
    {"January", "%B"},
    {"Jan", "%b"},
    {"Monday", "%A"},
    {"Mon", "%a"},
    {"MST", "UTC"},
    {"2006", "%Y"},
    {"-07:00:00", "+00:00:00"},
    {"-07:00", "+00:00"},
    {"-0700", "+0000"},
    {"-07", "+00"},
    {"Z07:00:00", "Z"},
    {"Z07:00", "Z"},
    {"Z0700", "Z"},
    {"Z07", "Z"},
    {"002", "%j"},
    {"01", "%m"},
    {"02", "%d"},
    {"03", "%I"},
    {"04", "%M"},
    {"05", "%S"},
    {"06", "%y"},
    {"15", "%H"},
    {"_2", "%e"},
    {"PM", "%p"},
    {"pm", "%P"},
    {"1", "%-m"},
    {"2", "%-d"},
    {"3", "%-I"},
    {"4", "%-M"},
    {"5", "%-S"},
};
#define GO_TIME_TOKEN_COUNT (sizeof go_time_tokens / sizeof go_time_tokens[0])

static void go_time_split(int64_t timestamp_ms, struct tm *out, int *out_ms)
{
    int64_t seconds = timestamp_ms / 1000;
    int ms = (int)(timestamp_ms % 1000);
    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    time_t t = (time_t)seconds;
    if (gmtime_r(&t, out) == NULL) {
        *out = (struct tm){.tm_mday = 1, .tm_year = 70};
    }
    *out_ms = ms;
}

static void go_time_append(const char *form, const struct tm *tm, struct buf *out)
{
    char text[256];
    /* The layout comes from the command line, or from the table. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    size_t n = strftime(text, sizeof text, form, tm);
#pragma GCC diagnostic pop
    buf_append(out, text, n);
}

/* ".000" prints as many digits, ".999" drops the zeros behind. Returns the length of the token at
 * text, or 0. */
static size_t go_time_fraction(const char *text, int ms, struct buf *out)
{
    if ((text[0] != '.' && text[0] != ',') || (text[1] != '0' && text[1] != '9')) {
        return 0;
    }
    size_t digits = strspn(text + 1, (const char[]){text[1], '\0'});
    if (digits > 9 || (text[1 + digits] >= '0' && text[1 + digits] <= '9')) {
        return 0;
    }
    char all[16];
    (void)snprintf(all, sizeof all, "%03d000000", ms);
    size_t n = digits;
    while (text[1] == '9' && n > 0 && all[n - 1] == '0') {
        n--;
    }
    if (n > 0) {
        buf_append_char(out, text[0]);
        buf_append(out, all, n);
    }
    return digits + 1;
}

static size_t go_time_token(const char *text, const struct tm *tm, struct buf *out)
{
    for (size_t i = 0; i < GO_TIME_TOKEN_COUNT; i++) {
        size_t n = strlen(go_time_tokens[i].token);
        if (strncmp(text, go_time_tokens[i].token, n) == 0) {
            go_time_append(go_time_tokens[i].form, tm, out);
            return n;
        }
    }
    return 0;
}

void go_time_format(const char *layout, int64_t timestamp_ms, struct buf *out)
{
    struct tm tm;
    int ms = 0;
    go_time_split(timestamp_ms, &tm, &ms);
    while (*layout != '\0') {
        size_t n = go_time_fraction(layout, ms, out);
        n = n > 0 ? n : go_time_token(layout, &tm, out);
        if (n == 0) {
            buf_append_char(out, *layout);
            n = 1;
        }
        layout += n;
    }
}

void go_time_strftime(const char *layout, int64_t timestamp_ms, struct buf *out)
{
    struct tm tm;
    int ms = 0;
    go_time_split(timestamp_ms, &tm, &ms);
    go_time_append(layout, &tm, out);
}
