#include "broker/storage/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/storage/file_io.h"
#include "common/mem.h"

/* A million partitions, and then some. */
#define CHECKPOINT_BYTES_MAX ((size_t)256 << 20)
#define CHECKPOINT_LINE_MAX (PARTITION_TOPIC_MAX + 64)

void checkpoint_init(struct checkpoint *c)
{
    *c = (struct checkpoint){0};
}

void checkpoint_deinit(struct checkpoint *c)
{
    mem_free(c->entries);
    checkpoint_init(c);
}

enum err_code checkpoint_add(struct checkpoint *c, const char *topic, int32_t index, int64_t offset,
                             struct err *e)
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity > 0 ? c->capacity * 2 : 16;
        struct checkpoint_entry *entries = mem_realloc(c->entries, capacity * sizeof *entries);
        if (entries == NULL) {
            return err_nomem(e, "checkpoint");
        }
        c->entries = entries;
        c->capacity = capacity;
    }
    struct checkpoint_entry *entry = &c->entries[c->count];
    *entry = (struct checkpoint_entry){.index = index, .offset = offset};
    int n = snprintf(entry->topic, sizeof entry->topic, "%s", topic);
    if (n < 0 || (size_t)n >= sizeof entry->topic) {
        return err_set(e, ERR_LIMIT, "topic name longer than %d", PARTITION_TOPIC_MAX);
    }
    c->count++;
    return ERR_OK;
}

static int checkpoint_compare(const void *a, const void *b)
{
    const struct checkpoint_entry *left = a;
    const struct checkpoint_entry *right = b;
    int by_topic = strcmp(left->topic, right->topic);
    return by_topic != 0 ? by_topic : (left->index > right->index) - (left->index < right->index);
}

int64_t checkpoint_get(const struct checkpoint *c, const char *topic, int32_t index, int64_t absent)
{
    struct checkpoint_entry key = {.index = index};
    int n = snprintf(key.topic, sizeof key.topic, "%s", topic);
    if (n < 0 || (size_t)n >= sizeof key.topic || c->count == 0) {
        return absent;
    }
    const struct checkpoint_entry *found =
        bsearch(&key, c->entries, c->count, sizeof c->entries[0], checkpoint_compare);
    return found != NULL ? found->offset : absent;
}

enum err_code checkpoint_store(const struct checkpoint *c, const char *path, struct err *e)
{
    struct buf text;
    buf_init(&text, CHECKPOINT_BYTES_MAX);
    buf_printf(&text, "0\n%zu\n", c->count);
    for (size_t i = 0; i < c->count; i++) {
        buf_printf(&text, "%s %" PRId32 " %" PRId64 "\n", c->entries[i].topic, c->entries[i].index,
                   c->entries[i].offset);
    }
    enum err_code code = buf_check(&text, path, e);
    if (code == ERR_OK) {
        code = file_io_replace(path, buf_bytes(&text), e);
    }
    buf_deinit(&text);
    return code;
}

/* The lines of a file, one at a time. */
struct checkpoint_lines {
    const char *at;
    const char *end;
    const char *path;
    char line[CHECKPOINT_LINE_MAX];
};

/* The next line, NUL-terminated, into lines->line. */
static enum err_code checkpoint_next_line(struct checkpoint_lines *lines, struct err *e)
{
    const char *newline = NULL;
    if (lines->at < lines->end) {
        newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    }
    if (newline == NULL || (size_t)(newline - lines->at) >= sizeof lines->line) {
        return err_set(e, ERR_CORRUPT, "%s: a line is missing or too long", lines->path);
    }
    size_t len = (size_t)(newline - lines->at);
    memcpy(lines->line, lines->at, len);
    lines->line[len] = '\0';
    lines->at = newline + 1;
    return ERR_OK;
}

/* Version and number of lines. */
static enum err_code checkpoint_read_head(struct checkpoint_lines *lines, long long *out_count,
                                          struct err *e)
{
    enum err_code code = checkpoint_next_line(lines, e);
    if (code == ERR_OK && strcmp(lines->line, "0") != 0) {
        code = err_set(e, ERR_CORRUPT, "%s: version \"%s\" is not 0", lines->path, lines->line);
    }
    if (code == ERR_OK) {
        code = checkpoint_next_line(lines, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    char *end = NULL;
    long long count = strtoll(lines->line, &end, 10);
    if (end == lines->line || *end != '\0' || count < 0 || count > lines->end - lines->at) {
        return err_set(e, ERR_CORRUPT, "%s: \"%s\" is not a number of lines", lines->path,
                       lines->line);
    }
    *out_count = count;
    return ERR_OK;
}

enum err_code checkpoint_read_lines(const char *path, checkpoint_line_fn fn, void *ctx,
                                    struct err *e)
{
    struct buf text;
    buf_init(&text, CHECKPOINT_BYTES_MAX);
    enum err_code code = file_io_read_all(path, &text, e);
    if (code != ERR_OK) {
        buf_deinit(&text);
        return code == ERR_NOT_FOUND ? ERR_OK : code;
    }
    struct bytes bytes = buf_bytes(&text);
    struct checkpoint_lines lines = {
        .at = (const char *)bytes.data,
        .end = (const char *)bytes.data + bytes.len,
        .path = path,
    };
    long long left = 0;
    code = checkpoint_read_head(&lines, &left, e);
    for (; code == ERR_OK && left > 0; left--) {
        code = checkpoint_next_line(&lines, e);
        if (code == ERR_OK) {
            code = fn(ctx, lines.line, path, e);
        }
    }
    buf_deinit(&text);
    return code;
}

/* "<topic> <partition> <offset>" */
static enum err_code checkpoint_parse_line(void *ctx, char *line, const char *path, struct err *e)
{
    struct checkpoint *c = ctx;
    char *second = strchr(line, ' ');
    char *third = second != NULL ? strchr(second + 1, ' ') : NULL;
    if (third == NULL) {
        return err_set(e, ERR_CORRUPT, "%s: bad line \"%s\"", path, line);
    }
    char *index_end = NULL;
    char *offset_end = NULL;
    long index = strtol(second + 1, &index_end, 10);
    long long offset = strtoll(third + 1, &offset_end, 10);
    if (index_end != third || index_end == second + 1 || *offset_end != '\0' ||
        offset_end == third + 1 || index < 0 || index > INT32_MAX || offset < 0) {
        return err_set(e, ERR_CORRUPT, "%s: bad line \"%s\"", path, line);
    }
    *second = '\0';
    return checkpoint_add(c, line, (int32_t)index, offset, e);
}

enum err_code checkpoint_load(struct checkpoint *c, const char *path, struct err *e)
{
    enum err_code code = checkpoint_read_lines(path, checkpoint_parse_line, c, e);
    if (code == ERR_OK && c->count > 1) {
        qsort(c->entries, c->count, sizeof c->entries[0], checkpoint_compare);
    }
    return code;
}
