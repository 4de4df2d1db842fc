#include "streams/runtime/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

#define CHECKPOINT_BYTES_MAX ((size_t)1024 * 1024)
#define CHECKPOINT_PATH_MAX 4096

static enum err_code checkpoint_load(const char *path, struct buf *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? ERR_OK : err_errno(e, errno, "open %s", path);
    }
    enum err_code code = ERR_OK;
    for (;;) {
        uint8_t *to = buf_reserve(out, 4096);
        if (to == NULL) {
            code = buf_check(out, path, e);
            break;
        }
        ssize_t n = read(fd, to, 4096);
        if (n < 0) {
            code = err_errno(e, errno, "read %s", path);
            break;
        }
        if (n == 0) {
            break;
        }
        buf_commit(out, (size_t)n);
    }
    (void)close(fd); /* nothing was written */
    return code;
}

/* The line at *at, without its end; NULL behind the last. */
static char *checkpoint_line(char **at)
{
    char *line = *at;
    if (*line == '\0') {
        return NULL;
    }
    char *end = strchr(line, '\n');
    *at = end != NULL ? end + 1 : line + strlen(line);
    if (end != NULL) {
        *end = '\0';
    }
    return line;
}

static bool checkpoint_number(const char *text, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    *out = n;
    return errno == 0 && end != text && *end == '\0';
}

static bool checkpoint_apply(struct task *t, char *line)
{
    char *partition = strchr(line, ' ');
    char *offset = partition != NULL ? strchr(partition + 1, ' ') : NULL;
    int64_t p = 0;
    int64_t o = 0;
    if (offset == NULL) {
        return false;
    }
    *partition = '\0';
    *offset = '\0';
    if (!checkpoint_number(partition + 1, &p) || !checkpoint_number(offset + 1, &o)) {
        return false;
    }
    for (size_t i = 0; i < task_store_count(t); i++) {
        struct store *s = task_store(t, i);
        if (strcmp(s->changelog, line) == 0 && p == s->partition && o >= 0) {
            s->restored_offset = o + 1;
            s->acked_offset = o + 1;
        }
    }
    return true;
}

enum err_code checkpoint_read(const char *path, struct task *t, bool *out_bad, struct err *e)
{
    struct buf b;
    buf_init(&b, CHECKPOINT_BYTES_MAX);
    enum err_code code = checkpoint_load(path, &b, e);
    char *text = code == ERR_OK ? buf_take_text(&b) : NULL;
    buf_deinit(&b);
    if (code != ERR_OK) {
        return code;
    }
    if (text == NULL) {
        return err_nomem(e, "checkpoint");
    }
    *out_bad = false;
    char *at = text;
    const char *version = checkpoint_line(&at);
    const char *count_text = version != NULL ? checkpoint_line(&at) : NULL;
    int64_t count = 0;
    if (version != NULL && (strcmp(version, "0") != 0 || count_text == NULL ||
                            !checkpoint_number(count_text, &count))) {
        *out_bad = true;
        count = 0;
    }
    for (int64_t i = 0; i < count && !*out_bad; i++) {
        char *line = checkpoint_line(&at);
        *out_bad = line == NULL || !checkpoint_apply(t, line);
    }
    mem_free(text);
    return ERR_OK;
}

static enum err_code checkpoint_store(const char *path, const char *temporary, struct bytes text,
                                      struct err *e)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) {
        return err_errno(e, errno, "create %s", temporary);
    }
    ssize_t n = write(fd, text.data, text.len);
    int failure = n < 0 ? errno : n != (ssize_t)text.len ? ENOSPC : fsync(fd) != 0 ? errno : 0;
    if (close(fd) != 0 && failure == 0) {
        failure = errno;
    }
    if (failure == 0 && rename(temporary, path) != 0) {
        failure = errno;
    }
    return failure == 0 ? ERR_OK : err_errno(e, failure, "write %s", path);
}

enum err_code checkpoint_write(const char *path, struct task *t, struct err *e)
{
    struct buf lines;
    buf_init(&lines, CHECKPOINT_BYTES_MAX);
    size_t count = 0;
    for (size_t i = 0; i < task_store_count(t); i++) {
        const struct store *s = task_store(t, i);
        if (s->logged && !s->def->in_memory && s->acked_offset > 0) {
            buf_printf(&lines, "%s %" PRId32 " %" PRId64 "\n", s->changelog, s->partition,
                       s->acked_offset - 1);
            count++;
        }
    }
    struct buf text;
    buf_init(&text, CHECKPOINT_BYTES_MAX);
    buf_printf(&text, "0\n%zu\n", count);
    buf_append_bytes(&text, buf_bytes(&lines));
    enum err_code code =
        buf_failed(&lines) ? buf_check(&lines, "checkpoint", e) : buf_check(&text, "checkpoint", e);
    char temporary[CHECKPOINT_PATH_MAX];
    (void)snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (code == ERR_OK && count > 0) {
        code = checkpoint_store(path, temporary, buf_bytes(&text), e);
    } else if (code == ERR_OK && unlink(path) != 0 && errno != ENOENT) {
        code = err_errno(e, errno, "remove %s", path);
    }
    buf_deinit(&lines);
    buf_deinit(&text);
    return code;
}
