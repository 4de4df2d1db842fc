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

int64_t checkpoint_get(const struct checkpoint *c, const char *topic, int32_t index, int64_t absent)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->entries[i].index == index && strcmp(c->entries[i].topic, topic) == 0) {
            return c->entries[i].offset;
        }
    }
    return absent;
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

enum err_code checkpoint_lines_next(struct checkpoint_lines *lines, char *line, size_t size,
                                    const char *path, struct err *e)
{
    const char *newline = NULL;
    if (lines->at < lines->end) {
        newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    }
    if (newline == NULL || (size_t)(newline - lines->at) >= size) {
        return err_set(e, ERR_CORRUPT, "%s: a line is missing or too long", path);
    }
    size_t len = (size_t)(newline - lines->at);
    memcpy(line, lines->at, len);
    line[len] = '\0';
    lines->at = newline + 1;
    lines->left--;
    return ERR_OK;
}

enum err_code checkpoint_lines_init(struct checkpoint_lines *lines, struct bytes text,
                                    const char *path, struct err *e)
{
    *lines =
        (struct checkpoint_lines){(const char *)text.data, (const char *)text.data + text.len, 2};
    char line[24];
    enum err_code code = checkpoint_lines_next(lines, line, sizeof line, path, e);
    if (code != ERR_OK) {
        return code;
    }
    if (strcmp(line, "0") != 0) {
        return err_set(e, ERR_CORRUPT, "%s: version \"%s\" is not 0", path, line);
    }
    code = checkpoint_lines_next(lines, line, sizeof line, path, e);
    if (code != ERR_OK) {
        return code;
    }
    char *end = NULL;
    long long count = strtoll(line, &end, 10);
    if (end == line || *end != '\0' || count < 0 || count > (long long)text.len) {
        return err_set(e, ERR_CORRUPT, "%s: \"%s\" is not a number of lines", path, line);
    }
    lines->left = count;
    return ERR_OK;
}

/* "<topic> <partition> <offset>" */
static enum err_code checkpoint_parse_line(struct checkpoint *c, char *line, const char *path,
                                           struct err *e)
{
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
    struct buf text;
    buf_init(&text, CHECKPOINT_BYTES_MAX);
    struct err local;
    struct checkpoint_lines lines = {0};
    enum err_code code = file_io_read_all(path, &text, &local);
    if (code == ERR_NOT_FOUND) {
        buf_deinit(&text);
        return ERR_OK;
    }
    if (code != ERR_OK) {
        code = err_set(e, code, "%s", local.text);
    } else {
        code = checkpoint_lines_init(&lines, buf_bytes(&text), path, e);
    }
    while (code == ERR_OK && lines.left > 0) {
        char line[CHECKPOINT_LINE_MAX];
        code = checkpoint_lines_next(&lines, line, sizeof line, path, e);
        if (code == ERR_OK) {
            code = checkpoint_parse_line(c, line, path, e);
        }
    }
    buf_deinit(&text);
    return code;
}
