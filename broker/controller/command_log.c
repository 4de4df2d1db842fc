#include "broker/controller/command_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/controller/cluster_command.h"
#include "broker/controller/cluster_state.h"
#include "broker/storage/file_io.h"
#include "common/arena.h"
#include "common/check.h"
#include "common/mem.h"
#include "common/reader.h"
#include "protocol/crc32c.h"

#define MAGIC 0x57454952u /* "WEIR" */
#define KIND_LOG 1
#define KIND_SNAPSHOT 2
#define FILE_VERSION 0
#define FILE_HEAD_BYTES 8
#define FRAME_HEAD_BYTES 20 /* length, crc, sequence, command count */
#define FRAME_UNCHECKED_BYTES 8

/* ---- files ---- */

/* Through storage's calls, so that tests can fill the disk. */
static enum err_code write_all(int fd, int64_t at, struct bytes bytes, struct err *e)
{
    return file_io_write_at(fd, bytes.data, bytes.len, at, "the controller's file", e);
}

static enum err_code sync_directory(const struct command_log *log, struct err *e)
{
    return fsync(log->directory_fd) == 0 ? ERR_OK : err_errno(e, errno, "fsync %s", log->directory);
}

static void append_head(struct buf *out, uint16_t kind)
{
    buf_append_be32(out, MAGIC);
    buf_append_be16(out, kind);
    buf_append_be16(out, FILE_VERSION);
}

/* Writes the file under a temporary name and puts it in place; the old one stays until then.
 * Returns its open descriptor. */
static enum err_code replace_file(const struct command_log *log, const char *name,
                                  struct bytes content, int *out_fd, struct err *e)
{
    int fd = openat(log->directory_fd, "new.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return err_errno(e, errno, "create %s/new.tmp", log->directory);
    }
    enum err_code code = write_all(fd, 0, content, e);
    if (code == ERR_OK && fsync(fd) != 0) {
        code = err_errno(e, errno, "fsync");
    }
    if (code == ERR_OK && renameat(log->directory_fd, "new.tmp", log->directory_fd, name) != 0) {
        code = err_errno(e, errno, "rename");
    }
    if (code != ERR_OK) {
        (void)close(fd);
        (void)unlinkat(log->directory_fd, "new.tmp", 0); /* the next attempt truncates it anyway */
        return code;
    }
    code = sync_directory(log, e);
    if (code != ERR_OK) {
        (void)close(fd);
        return code;
    }
    *out_fd = fd;
    return ERR_OK;
}

static enum err_code read_file(int fd, struct bytes *out_content, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_errno(e, errno, "stat");
    }
    size_t size = (size_t)st.st_size;
    uint8_t *data = mem_alloc(size);
    if (data == NULL) {
        return err_nomem(e, "read");
    }
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(fd, data + done, size - done, (off_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            enum err_code code = err_errno(e, n < 0 ? errno : EIO, "read");
            mem_free(data);
            return code;
        }
        done += (size_t)n;
    }
    *out_content = bytes_of(data, size);
    return ERR_OK;
}

/* ---- reading ---- */

static enum err_code apply_frame(struct cluster_state *state, struct bytes commands, uint32_t count,
                                 struct err *e)
{
    struct arena arena;
    arena_init(&arena, COMMAND_LOG_FRAME_MAX);
    struct reader r;
    reader_init(&r, commands);
    enum err_code code = ERR_OK;
    for (uint32_t i = 0; i < count && code == ERR_OK; i++) {
        struct cluster_command command;
        code = cluster_command_decode(&r, &arena, &command, e);
        if (code == ERR_OK) {
            code = cluster_state_apply(state, &command, e);
        }
    }
    if (code == ERR_OK && reader_left(&r) != 0) {
        code = err_set(e, ERR_CORRUPT, "bytes behind the last command");
    }
    arena_deinit(&arena);
    /* A checksummed command that does not fit the state is damage as well. */
    return code == ERR_CONFLICT ? ERR_CORRUPT : code;
}

/* The whole frame at the reader's place with a right checksum, or false. */
static bool read_frame(struct reader *r, uint64_t *out_sequence, uint32_t *out_count,
                       struct bytes *out_commands)
{
    uint32_t length = reader_be32(r);
    uint32_t crc = reader_be32(r);
    if (length < FRAME_HEAD_BYTES - FRAME_UNCHECKED_BYTES || length > COMMAND_LOG_FRAME_MAX) {
        return false;
    }
    struct bytes body = reader_bytes(r, length);
    if (reader_failed(r) || crc32c(0, body.data, body.len) != crc) {
        return false;
    }
    struct reader head;
    reader_init(&head, body);
    *out_sequence = reader_be64(&head);
    *out_count = reader_be32(&head);
    *out_commands = reader_bytes(&head, reader_left(&head));
    return true;
}

/* A frame that was being written when the power went: it would reach the end of the file or beyond,
 * or the file was grown but the bytes never came. */
static bool is_torn(struct bytes rest)
{
    struct reader r;
    reader_init(&r, rest);
    uint32_t length = reader_be32(&r);
    if (reader_failed(&r) || length >= rest.len - 4 ||
        length + (uint64_t)FRAME_UNCHECKED_BYTES >= rest.len) {
        return true;
    }
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.data[i] != 0) {
            return false;
        }
    }
    return true;
}

static enum err_code check_head(struct reader *r, uint16_t kind, struct err *e)
{
    uint32_t magic = reader_be32(r);
    uint16_t found_kind = reader_be16(r);
    uint16_t version = reader_be16(r);
    if (reader_failed(r) || magic != MAGIC || found_kind != kind) {
        return err_set(e, ERR_CORRUPT, "not a file of the controller");
    }
    if (version != FILE_VERSION) {
        return err_set(e, ERR_UNSUPPORTED, "version %d is newer than this program", (int)version);
    }
    return ERR_OK;
}

/* Applies the frames newer than log->sequence; out_end is behind the last good one. */
static enum err_code replay(struct command_log *log, struct bytes content, uint16_t kind,
                            struct cluster_state *state, int64_t *out_end, struct err *e)
{
    struct reader r;
    reader_init(&r, content);
    enum err_code code = check_head(&r, kind, e);
    while (code == ERR_OK && reader_left(&r) > 0) {
        struct bytes rest = bytes_of(r.at, reader_left(&r));
        int64_t at = (int64_t)(content.len - rest.len);
        uint64_t sequence = 0;
        uint32_t count = 0;
        struct bytes commands = bytes_null();
        if (!read_frame(&r, &sequence, &count, &commands)) {
            if (kind == KIND_LOG && is_torn(rest)) {
                *out_end = at;
                return ERR_OK;
            }
            return err_set(e, ERR_CORRUPT, "damaged at byte %" PRId64, at);
        }
        bool is_next = kind == KIND_SNAPSHOT || sequence == log->sequence + 1;
        if (sequence > log->sequence && !is_next) {
            return err_set(e, ERR_CORRUPT, "frame %" PRIu64 " follows %" PRIu64 " at byte %" PRId64,
                           sequence, log->sequence, at);
        }
        if (sequence > log->sequence) {
            code = apply_frame(state, commands, count, e);
            log->sequence = sequence;
        }
    }
    *out_end = (int64_t)content.len;
    return code;
}

static enum err_code open_snapshot(struct command_log *log, struct cluster_state *state,
                                   struct err *e)
{
    int fd = openat(log->directory_fd, "snapshot", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? ERR_OK : err_errno(e, errno, "open %s/snapshot", log->directory);
    }
    struct bytes content = bytes_null();
    enum err_code code = read_file(fd, &content, e);
    (void)close(fd);
    if (code == ERR_OK) {
        int64_t end = 0;
        code = replay(log, content, KIND_SNAPSHOT, state, &end, e);
        mem_free((void *)(uintptr_t)content.data);
    }
    if (code != ERR_OK) {
        (void)err_wrap(e, "%s/snapshot", log->directory);
    }
    return code;
}

static enum err_code create_log(struct command_log *log, struct err *e)
{
    struct buf head;
    buf_init(&head, FILE_HEAD_BYTES);
    append_head(&head, KIND_LOG);
    int fd = -1;
    enum err_code code = buf_check(&head, "command log", e);
    code = code != ERR_OK ? code : replace_file(log, "commands", buf_bytes(&head), &fd, e);
    buf_deinit(&head);
    if (code == ERR_OK) {
        if (log->fd >= 0) {
            (void)close(log->fd);
        }
        log->fd = fd;
        log->end = FILE_HEAD_BYTES;
    }
    return code;
}

static enum err_code cut_log(struct command_log *log, int64_t end, struct err *e)
{
    if (ftruncate(log->fd, (off_t)end) != 0 || fsync(log->fd) != 0) {
        return err_errno(e, errno, "cut %s/commands to %" PRId64 " bytes", log->directory, end);
    }
    return ERR_OK;
}

static enum err_code open_log(struct command_log *log, struct cluster_state *state,
                              int64_t *out_cut_bytes, struct err *e)
{
    log->fd = openat(log->directory_fd, "commands", O_RDWR | O_CLOEXEC);
    if (log->fd < 0 && errno == ENOENT) {
        return create_log(log, e);
    }
    if (log->fd < 0) {
        return err_errno(e, errno, "open %s/commands", log->directory);
    }
    struct bytes content = bytes_null();
    enum err_code code = read_file(log->fd, &content, e);
    if (code != ERR_OK) {
        (void)err_wrap(e, "%s/commands", log->directory);
        return code;
    }
    code = replay(log, content, KIND_LOG, state, &log->end, e);
    int64_t size = (int64_t)content.len;
    mem_free((void *)(uintptr_t)content.data);
    if (code != ERR_OK) {
        (void)err_wrap(e, "%s/commands", log->directory);
        return code;
    }
    *out_cut_bytes = size - log->end;
    return size == log->end ? ERR_OK : cut_log(log, log->end, e);
}

enum err_code command_log_open(struct command_log *log, const char *directory,
                               struct cluster_state *state, int64_t *out_cut_bytes, struct err *e)
{
    *log = (struct command_log){.fd = -1, .directory_fd = -1};
    buf_init(&log->frame, COMMAND_LOG_FRAME_MAX);
    *out_cut_bytes = 0;
    log->directory = mem_strdup(directory);
    if (log->directory == NULL) {
        return err_nomem(e, "command log");
    }
    if (mkdir(directory, 0755) != 0 && errno != EEXIST) {
        return err_errno(e, errno, "create %s", directory);
    }
    log->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->directory_fd < 0) {
        return err_errno(e, errno, "open %s", directory);
    }
    enum err_code code = open_snapshot(log, state, e);
    return code != ERR_OK ? code : open_log(log, state, out_cut_bytes, e);
}

void command_log_close(struct command_log *log)
{
    if (log->fd >= 0) {
        (void)close(log->fd); /* everything that counts is synced */
    }
    if (log->directory_fd >= 0) {
        (void)close(log->directory_fd);
    }
    buf_deinit(&log->frame);
    mem_free(log->directory);
    *log = (struct command_log){.fd = -1, .directory_fd = -1};
}

/* ---- writing ---- */

static void begin_frame(struct buf *out, uint64_t sequence)
{
    buf_append_be32(out, 0);
    buf_append_be32(out, 0);
    buf_append_be64(out, sequence);
    buf_append_be32(out, 0);
}

static void end_frame(struct buf *out, size_t start, uint32_t command_count)
{
    if (buf_failed(out)) {
        return;
    }
    buf_put_be32(out, start + FRAME_HEAD_BYTES - 4, command_count);
    size_t length = out->len - start - FRAME_UNCHECKED_BYTES;
    buf_put_be32(out, start, (uint32_t)length);
    buf_put_be32(out, start + 4, crc32c(0, out->data + start + FRAME_UNCHECKED_BYTES, length));
}

struct buf *command_log_begin(struct command_log *log)
{
    buf_clear(&log->frame);
    begin_frame(&log->frame, log->sequence + 1);
    return &log->frame;
}

enum err_code command_log_append(struct command_log *log, uint32_t command_count, struct err *e)
{
    CHECK(command_count > 0);
    if (log->failed) {
        return err_set(e, ERR_IO,
                       "%s/commands: stopped by an earlier write error; restart to "
                       "recover",
                       log->directory);
    }
    end_frame(&log->frame, 0, command_count);
    enum err_code code = buf_check(&log->frame, "command", e);
    if (code != ERR_OK) {
        return code;
    }
    code = write_all(log->fd, log->end, buf_bytes(&log->frame), e);
    if (code == ERR_OK) {
        code = file_io_sync(log->fd, "the controller's log", e);
    }
    if (code != ERR_OK) {
        /* What was refused must not come back at the next start. */
        log->failed = cut_log(log, log->end, NULL) != ERR_OK;
        (void)err_wrap(e, "%s/commands", log->directory);
        return code;
    }
    log->end += (int64_t)log->frame.len;
    log->sequence++;
    return ERR_OK;
}

struct snapshot_writer {
    struct buf buf;
    uint32_t count;
};

static enum err_code snapshot_emit(void *ctx, const struct cluster_command *command, struct err *e)
{
    struct snapshot_writer *w = ctx;
    cluster_command_encode(command, &w->buf);
    w->count++;
    return buf_check(&w->buf, "snapshot", e);
}

enum err_code command_log_snapshot(struct command_log *log, const struct cluster_state *state,
                                   struct err *e)
{
    struct snapshot_writer w = {.count = 0};
    buf_init(&w.buf, COMMAND_LOG_FRAME_MAX);
    append_head(&w.buf, KIND_SNAPSHOT);
    begin_frame(&w.buf, log->sequence);
    enum err_code code = cluster_state_dump(state, snapshot_emit, &w, e);
    int fd = -1;
    if (code == ERR_OK) {
        end_frame(&w.buf, FILE_HEAD_BYTES, w.count);
        code = buf_check(&w.buf, "snapshot", e);
    }
    code = code != ERR_OK ? code : replace_file(log, "snapshot", buf_bytes(&w.buf), &fd, e);
    buf_deinit(&w.buf);
    if (code != ERR_OK) {
        return code;
    }
    (void)close(fd);
    /* A crash here leaves frames that the snapshot holds already: their sequence says so. */
    return create_log(log, e);
}
