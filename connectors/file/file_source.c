#include "connectors/file/file_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "connect/include/source_connector.h"

#define LINE_BYTES_MAX ((size_t)16 << 20)
#define CHUNK_BYTES ((size_t)65536)
#define LOOK_AGAIN_MS 100

static const struct connect_config_key keys[] = {
    {.name = "file",
     .type = CONNECT_CONFIG_STRING,
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "Source filename. If not specified, the standard input will be used"},
    {.name = "topic",
     .type = CONNECT_CONFIG_STRING,
     .required = true,
     .non_empty = true,
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "The topic to publish data to"},
    {.name = "batch.size",
     .type = CONNECT_CONFIG_INT,
     .default_value = "2000",
     .importance = CONNECT_CONFIG_LOW,
     .doc = "The maximum number of records the source task can read from the file each time it is "
            "polled"},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

static enum err_code connector_start(const struct connect_config *config,
                                     struct source_context *ctx, void **out_connector,
                                     struct err *e)
{
    (void)ctx;
    enum err_code code = connect_config_check(config, keys, KEY_COUNT, e);
    if (code == ERR_OK) {
        *out_connector = (void *)(uintptr_t)config;
    }
    return code;
}

static enum err_code connector_task_configs(void *connector, int max_tasks,
                                            struct connect_config_set *out_set, struct err *e)
{
    (void)max_tasks; /* a file has one reader */
    const struct connect_config *config = connector;
    struct connect_config *task = connect_config_set_add(out_set);
    return task != NULL ? connect_config_merge(task, config, e) : err_nomem(e, "task config");
}

static void connector_stop(void *connector)
{
    (void)connector;
}

struct file_task {
    struct source_context *ctx;
    const char *file; /* NULL: standard input */
    const char *topic;
    size_t batch_size;
    char *partition; /* {"filename":"/a"} */
    int fd;          /* -1: not open yet */
    int64_t position;
    struct buf pending; /* read, but no whole line yet */
};

static void task_destroy(void *task)
{
    struct file_task *t = task;
    if (t->fd > STDIN_FILENO) {
        (void)close(t->fd);
    }
    buf_deinit(&t->pending);
    mem_free(t->partition);
    mem_free(t);
}

static enum err_code read_position(struct file_task *t, struct err *e)
{
    struct arena a;
    struct connect_value offset = connect_value_null();
    arena_init(&a, 1 << 20);
    enum err_code code = source_context_offset(t->ctx, t->partition, &a, &offset, e);
    if (code == ERR_OK && offset.kind == CONNECT_MAP) {
        const struct connect_value *position = connect_value_map_get(&offset, "position");
        if (position == NULL || position->kind != CONNECT_INT64 || position->integer < 0) {
            code = connect_error_set(e, ERR_CORRUPT, CONNECT_EXCEPTION,
                                     "Offset position is the incorrect type");
        } else {
            t->position = position->integer;
        }
    }
    arena_deinit(&a);
    return code;
}

static enum err_code task_create(const struct connect_config *config, struct source_context *ctx,
                                 void **out_task, struct err *e)
{
    const struct connect_config_reader r = {config, keys, KEY_COUNT};
    struct file_task *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "create file task");
    }
    t->ctx = ctx;
    t->fd = -1;
    buf_init(&t->pending, LINE_BYTES_MAX);
    t->file = connect_config_read_text(&r, "file");
    t->topic = connect_config_read_text(&r, "topic");
    int64_t size = connect_config_read_integer(&r, "batch.size");
    t->batch_size = size > 0 ? (size_t)size : 1;
    enum err_code code = connect_config_check(config, keys, KEY_COUNT, e);
    if (code == ERR_OK && t->file == NULL) {
        t->fd = STDIN_FILENO;
    } else if (code == ERR_OK) {
        struct buf partition;
        buf_init(&partition, 1 << 16);
        buf_append_text(&partition, "{\"filename\":");
        json_write_text(&partition, t->file, strlen(t->file));
        buf_append_char(&partition, '}');
        t->partition = buf_take_text(&partition);
        buf_deinit(&partition);
        code = t->partition != NULL ? read_position(t, e) : err_nomem(e, "create file task");
    }
    if (code != ERR_OK) {
        task_destroy(t);
        return code;
    }
    *out_task = t;
    return ERR_OK;
}

/* ERR_NOT_FOUND while the file does not exist. A pipe is opened whether anybody writes to it or
 * not, and has no position. */
static enum err_code open_file(struct file_task *t, struct err *e)
{
    int fd = open(t->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return err_errno(e, errno, "open %s", t->file);
    }
    if (lseek(fd, t->position, SEEK_SET) < 0 && errno != ESPIPE) {
        int failed = errno;
        (void)close(fd);
        return err_errno(e, failed, "seek in %s", t->file);
    }
    t->fd = fd;
    return ERR_OK;
}

/* Appends what is there to the pending bytes; *out_any = whether there was anything. Standard input
 * is not ours to make non-blocking: it is read when it has something. */
static enum err_code read_more(struct file_task *t, bool *out_any, struct err *e)
{
    uint8_t *to = buf_reserve(&t->pending, CHUNK_BYTES);
    if (to == NULL) {
        return err_set(e, ERR_LIMIT, "a line of %s is longer than %zu bytes", t->partition,
                       LINE_BYTES_MAX);
    }
    struct pollfd ready = {.fd = t->fd, .events = POLLIN};
    ssize_t n = poll(&ready, 1, 0) > 0 ? read(t->fd, to, CHUNK_BYTES) : 0;
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        return err_errno(e, errno, "read %s", t->file != NULL ? t->file : "standard input");
    }
    *out_any = n > 0;
    buf_commit(&t->pending, n > 0 ? (size_t)n : 0);
    return ERR_OK;
}

/* The length of the first whole line, and of its ending (\n, \r\n or \r); false when there is none.
 * A \r at the very end may be half of \r\n. */
static bool find_line(struct bytes data, size_t *out_len, size_t *out_end)
{
    for (size_t i = 0; i < data.len; i++) {
        if (data.data[i] == '\n') {
            *out_len = i;
            *out_end = 1;
            return true;
        }
        if (data.data[i] == '\r' && i + 1 < data.len) {
            *out_len = i;
            *out_end = data.data[i + 1] == '\n' ? 2 : 1;
            return true;
        }
    }
    return false;
}

static enum err_code add_line(struct file_task *t, struct connect_batch *batch, struct bytes line,
                              struct err *e)
{
    struct connect_record *r = connect_batch_add(batch);
    const char *copy = arena_strndup(&batch->scope.arena, (const char *)line.data, line.len);
    if (r == NULL || copy == NULL) {
        return err_nomem(e, "read line");
    }
    r->topic = t->topic;
    r->value_schema = connect_schema_primitive(CONNECT_TYPE_STRING, false);
    r->value = connect_value_string(copy, line.len);
    r->timestamp_ms = clock_wall_ms(t->ctx->clock);
    if (t->partition != NULL) {
        r->source_partition = t->partition;
        r->source_offset = connect_batch_offset(batch, "position", t->position);
    }
    return ERR_OK;
}

static enum err_code take_lines(struct file_task *t, struct connect_batch *batch, struct err *e)
{
    size_t used = 0;
    size_t len = 0;
    size_t end = 0;
    size_t room = batch->capacity < t->batch_size ? batch->capacity : t->batch_size;
    enum err_code code = ERR_OK;
    while (code == ERR_OK && batch->count < room &&
           find_line(bytes_of(t->pending.data + used, t->pending.len - used), &len, &end)) {
        t->position += (int64_t)(len + end);
        code = add_line(t, batch, bytes_of(t->pending.data + used, len), e);
        used += len + end;
    }
    if (used > 0) {
        memmove(t->pending.data, t->pending.data + used, t->pending.len - used);
        buf_truncate(&t->pending, t->pending.len - used);
    }
    return code;
}

static enum err_code task_poll(void *task, struct connect_batch *batch, int64_t timeout_ms,
                               struct err *e)
{
    struct file_task *t = task;
    if (t->fd < 0) {
        enum err_code code = open_file(t, e);
        if (code == ERR_NOT_FOUND) {
            (void)source_context_wait(t->ctx, timeout_ms);
            return ERR_OK;
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    bool any = true;
    enum err_code code = take_lines(t, batch, e);
    while (code == ERR_OK && any && batch->count == 0) {
        code = read_more(t, &any, e);
        if (code == ERR_OK) {
            code = take_lines(t, batch, e);
        }
    }
    if (code == ERR_OK && batch->count == 0) {
        (void)source_context_wait(t->ctx, timeout_ms < LOOK_AGAIN_MS ? timeout_ms : LOOK_AGAIN_MS);
    }
    return code;
}

static const struct source_connector_ops ops = {
    .task_class = "org.apache.kafka.connect.file.FileStreamSourceTask",
    .start = connector_start,
    .task_configs = connector_task_configs,
    .stop = connector_stop,
    .task_create = task_create,
    .task_poll = task_poll,
    .task_destroy = task_destroy,
};

const struct connect_plugin file_source_plugin = {
    .type = CONNECT_PLUGIN_SOURCE,
    .class_name = "org.apache.kafka.connect.file.FileStreamSourceConnector",
    .version = WEIR_VERSION,
    .keys = keys,
    .key_count = KEY_COUNT,
    .source = &ops,
};
