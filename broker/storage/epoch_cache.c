#include "broker/storage/epoch_cache.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "broker/storage/checkpoint.h"
#include "broker/storage/file_io.h"
#include "common/check.h"
#include "common/mem.h"

void epoch_cache_init(struct epoch_cache *c)
{
    *c = (struct epoch_cache){0};
}

void epoch_cache_deinit(struct epoch_cache *c)
{
    mem_free(c->entries);
    epoch_cache_init(c);
}

enum err_code epoch_cache_reserve(struct epoch_cache *c, struct err *e)
{
    if (c->count < c->capacity) {
        return ERR_OK;
    }
    size_t capacity = c->capacity > 0 ? c->capacity * 2 : 4;
    struct epoch_cache_entry *entries = mem_realloc(c->entries, capacity * sizeof *entries);
    if (entries == NULL) {
        return err_nomem(e, "leader epochs");
    }
    c->entries = entries;
    c->capacity = capacity;
    return ERR_OK;
}

int32_t epoch_cache_latest(const struct epoch_cache *c)
{
    return c->count > 0 ? c->entries[c->count - 1].epoch : -1;
}

bool epoch_cache_assign(struct epoch_cache *c, int32_t epoch, int64_t offset)
{
    if (epoch < 0 || epoch <= epoch_cache_latest(c)) {
        return false;
    }
    CHECK(c->count < c->capacity);
    c->entries[c->count++] = (struct epoch_cache_entry){.start_offset = offset, .epoch = epoch};
    return true;
}

bool epoch_cache_cut_end(struct epoch_cache *c, int64_t end_offset)
{
    size_t before = c->count;
    while (c->count > 0 && c->entries[c->count - 1].start_offset >= end_offset) {
        c->count--;
    }
    return c->count != before;
}

bool epoch_cache_cut_start(struct epoch_cache *c, int64_t start_offset)
{
    size_t gone = 0;
    while (gone + 1 < c->count && c->entries[gone + 1].start_offset <= start_offset) {
        gone++;
    }
    bool changed = gone > 0;
    if (c->count > 0) {
        c->count -= gone;
        memmove(c->entries, c->entries + gone, c->count * sizeof *c->entries);
        if (c->entries[0].start_offset < start_offset) {
            c->entries[0].start_offset = start_offset;
            changed = true;
        }
    }
    return changed;
}

void epoch_cache_find(const struct epoch_cache *c, int32_t epoch, int64_t log_end,
                      int32_t *out_epoch, int64_t *out_end_offset)
{
    *out_epoch = -1;
    *out_end_offset = -1;
    if (c->count == 0 || epoch < 0 || epoch > epoch_cache_latest(c)) {
        return;
    }
    if (epoch < c->entries[0].epoch) {
        /* Known to be older than anything kept: it ended where the log starts. */
        *out_epoch = epoch;
        *out_end_offset = c->entries[0].start_offset;
        return;
    }
    size_t i = c->count - 1;
    while (c->entries[i].epoch > epoch) {
        i--;
    }
    *out_epoch = c->entries[i].epoch;
    *out_end_offset = i + 1 < c->count ? c->entries[i + 1].start_offset : log_end;
}

int32_t epoch_cache_epoch_of(const struct epoch_cache *c, int64_t offset)
{
    for (size_t i = c->count; i > 0; i--) {
        if (c->entries[i - 1].start_offset <= offset) {
            return c->entries[i - 1].epoch;
        }
    }
    return -1;
}

void epoch_cache_encode(const struct epoch_cache *c, struct buf *out)
{
    buf_printf(out, "0\n%zu\n", c->count);
    for (size_t i = 0; i < c->count; i++) {
        buf_printf(out, "%" PRId32 " %" PRId64 "\n", c->entries[i].epoch,
                   c->entries[i].start_offset);
    }
}

/* "<epoch> <start offset>" */
static enum err_code epoch_cache_parse_line(void *ctx, char *line, const char *path, struct err *e)
{
    struct epoch_cache *c = ctx;
    char *epoch_end = NULL;
    char *offset_end = NULL;
    long epoch = strtol(line, &epoch_end, 10);
    if (epoch_end == line || *epoch_end != ' ' || epoch <= epoch_cache_latest(c) ||
        epoch > INT32_MAX) {
        return err_set(e, ERR_CORRUPT, "%s: bad line \"%s\"", path, line);
    }
    long long offset = strtoll(epoch_end + 1, &offset_end, 10);
    int64_t before = c->count > 0 ? c->entries[c->count - 1].start_offset : 0;
    if (offset_end == epoch_end + 1 || *offset_end != '\0' || offset < before) {
        return err_set(e, ERR_CORRUPT, "%s: bad line \"%s\"", path, line);
    }
    enum err_code code = epoch_cache_reserve(c, e);
    if (code == ERR_OK) {
        (void)epoch_cache_assign(c, (int32_t)epoch, offset);
    }
    return code;
}

enum err_code epoch_cache_load(struct epoch_cache *c, const char *path, struct err *e)
{
    return checkpoint_read_lines(path, epoch_cache_parse_line, c, e);
}
