/* A running application: the state directory, the shared registry client, and its threads. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/check.h"
#include "common/logger.h"
#include "common/mem.h"
#include "serde/registry_client.h"
#include "streams/runtime/stream_thread.h"
#include "streams/runtime/streams_config.h"
#include "streams/runtime/streams_internal.h"
#include "streams/state/rocks.h"

#define STREAMS_PATH_MAX 4096
#define STREAMS_UUID_TEXT 37

struct weir_streams {
    struct weir_topology *topology;
    struct weir_config *config;
    struct logger *logger;
    struct metrics *metrics;
    bool logger_owned;
    struct registry_client *registry;
    int lock_fd;
    bool started;
    bool closing;
    char state_dir[STREAMS_PATH_MAX];
    char (*client_ids)[512];
    struct stream_thread **threads;
    size_t thread_count;
};

static bool streams_error(struct weir_error *error, const struct err *e)
{
    if (error != NULL) {
        (void)snprintf(error->text, sizeof error->text, "%s", e->text);
    }
    return false;
}

static enum err_code streams_check(const struct weir_config *c, struct err *e)
{
    static const char *const required[] = {"application.id", "bootstrap.servers"};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        const char *value = weir_config_get(c, required[i]);
        if (value == NULL || value[0] == '\0') {
            return err_set(e, ERR_INVALID, "%s is not set", required[i]);
        }
    }
    const char *id = weir_config_get(c, "application.id");
    if (strlen(id) > 200 || strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789._-") != strlen(id)) {
        return err_set(e, ERR_INVALID,
                       "application.id %s: up to 200 letters, digits, '.', '_' and '-'", id);
    }
    return ERR_OK;
}

/* One process per directory. */
static enum err_code streams_lock(struct weir_streams *s, struct err *e)
{
    char path[STREAMS_PATH_MAX + 8];
    (void)snprintf(path, sizeof path, "%s/.lock", s->state_dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (s->lock_fd < 0) {
        return err_errno(e, errno, "open %s", path);
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return err_set(e, ERR_CONFLICT,
                       "another process runs this application on %s: give this one a state.dir of "
                       "its own",
                       s->state_dir);
    }
    return ERR_OK;
}

/* The process id of the original's metadata file, which stays the same over restarts. */
static enum err_code streams_process_id(struct weir_streams *s, char out[STREAMS_UUID_TEXT],
                                        struct err *e)
{
    char path[STREAMS_PATH_MAX + 64];
    char text[128] = "";
    (void)snprintf(path, sizeof path, "%s/kafka-streams-process-metadata", s->state_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        return err_errno(e, errno, "open %s", path);
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    const char *id = n > 0 ? strstr(text, "\"processId\":\"") : NULL;
    if (id != NULL && strlen(id) >= 13 + STREAMS_UUID_TEXT - 1) {
        memcpy(out, id + 13, STREAMS_UUID_TEXT - 1);
        out[STREAMS_UUID_TEXT - 1] = '\0';
        (void)close(fd); /* only read */
        return ERR_OK;
    }
    int random = open("/proc/sys/kernel/random/uuid", O_RDONLY | O_CLOEXEC);
    n = random >= 0 ? read(random, out, STREAMS_UUID_TEXT - 1) : -1;
    if (random >= 0) {
        (void)close(random); /* only read */
    }
    if (n != STREAMS_UUID_TEXT - 1) {
        (void)close(fd); /* nothing written */
        return err_set(e, ERR_IO, "no random process id");
    }
    out[STREAMS_UUID_TEXT - 1] = '\0';
    int len = snprintf(text, sizeof text, "{\"processId\":\"%s\",\"version\":1}\n", out);
    bool written = pwrite(fd, text, (size_t)len, 0) == len;
    int failure = errno;
    if (close(fd) != 0 || !written) {
        return err_errno(e, failure, "write %s", path);
    }
    return ERR_OK;
}

static enum err_code streams_open_registry(struct weir_streams *s, struct err *e)
{
    const char *urls = weir_config_get(s->config, "schema.registry.url");
    if (urls == NULL) {
        return ERR_OK;
    }
    struct registry_client_config c = {
        .urls = urls,
        .user_info = weir_config_get(s->config, "schema.registry.basic.auth.user.info"),
        .timeout_ms = 5000};
    return registry_client_create(&c, &s->registry, e);
}

static enum err_code streams_make_threads(struct weir_streams *s, struct err *e)
{
    char process_id[STREAMS_UUID_TEXT];
    enum err_code code = streams_process_id(s, process_id, e);
    size_t count = (size_t)streams_config_number(s->config, "num.stream.threads");
    s->threads = (struct stream_thread **)mem_calloc(count, sizeof *s->threads);
    s->client_ids = mem_calloc(count, sizeof *s->client_ids);
    if (code == ERR_OK && (s->threads == NULL || s->client_ids == NULL)) {
        code = err_nomem(e, "stream threads");
    }
    const char *client_id = weir_config_get(s->config, "client.id");
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (client_id[0] != '\0') {
            (void)snprintf(s->client_ids[i], sizeof s->client_ids[i], "%s-StreamThread-%zu",
                           client_id, i + 1);
        } else {
            (void)snprintf(s->client_ids[i], sizeof s->client_ids[i], "%s-%s-StreamThread-%zu",
                           weir_config_get(s->config, "application.id"), process_id, i + 1);
        }
        struct stream_thread_config c = {.topology = s->topology,
                                         .config = s->config,
                                         .client_id = s->client_ids[i],
                                         .state_dir = s->state_dir,
                                         .registry = s->registry,
                                         .logger = s->logger,
                                         .metrics = s->metrics,
                                         .number = i + 1};
        code = stream_thread_create(&c, &s->threads[i], e);
        s->thread_count += code == ERR_OK ? 1 : 0;
    }
    return code;
}

static enum err_code streams_open(struct weir_streams *s, struct err *e)
{
    const char *key = weir_config_get(s->config, "default.key.serde");
    const char *value = weir_config_get(s->config, "default.value.serde");
    enum err_code code =
        topology_default_serdes(s->topology, key != NULL ? stream_serde_by_name(key) : NULL,
                                value != NULL ? stream_serde_by_name(value) : NULL, e);
    (void)snprintf(s->state_dir, sizeof s->state_dir, "%s/%s",
                   weir_config_get(s->config, "state.dir"),
                   weir_config_get(s->config, "application.id"));
    if (code == ERR_OK) {
        code = rocks_make_directories(s->state_dir, e);
    }
    if (code == ERR_OK) {
        code = streams_lock(s, e);
    }
    if (code == ERR_OK) {
        code = streams_open_registry(s, e);
    }
    return code == ERR_OK ? streams_make_threads(s, e) : code;
}

enum err_code streams_create(struct weir_topology *t, const struct weir_config *config,
                             struct logger *lg, struct metrics *metrics,
                             struct weir_streams **out_streams, struct err *e)
{
    enum err_code code = streams_check(config, e);
    if (code != ERR_OK) {
        return code;
    }
    struct weir_streams *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "streams application");
    }
    s->lock_fd = -1;
    s->logger = lg;
    s->metrics = metrics;
    s->topology = t;
    s->config = streams_config_copy(config);
    code = s->config != NULL ? streams_open(s, e) : err_nomem(e, "streams application");
    if (code != ERR_OK) {
        s->topology = NULL; /* stays the caller's */
        weir_streams_destroy(s);
        return code;
    }
    *out_streams = s;
    return ERR_OK;
}

struct weir_streams *weir_streams_create(struct weir_topology *t, const struct weir_config *config,
                                         struct weir_error *error)
{
    struct err e;
    struct weir_streams *s = NULL;
    struct logger *lg = logger_create("streams", LOGGER_INFO, NULL, NULL);
    if (lg == NULL) {
        (void)err_nomem(&e, "logger");
        (void)streams_error(error, &e);
        return NULL;
    }
    if (streams_create(t, config, lg, NULL, &s, &e) != ERR_OK) {
        logger_destroy(lg);
        (void)streams_error(error, &e);
        return NULL;
    }
    CHECK(s != NULL);
    s->logger_owned = true;
    return s;
}

bool weir_streams_start(struct weir_streams *s, struct weir_error *error)
{
    struct err e;
    if (s->started || s->closing) {
        (void)err_set(&e, ERR_STATE, "the application was started before");
        return streams_error(error, &e);
    }
    s->started = true;
    for (size_t i = 0; i < s->thread_count; i++) {
        if (stream_thread_start(s->threads[i], &e) != ERR_OK) {
            return streams_error(error, &e);
        }
    }
    return true;
}

enum weir_state weir_streams_state(struct weir_streams *s)
{
    if (!s->started) {
        return s->closing ? WEIR_STATE_NOT_RUNNING : WEIR_STATE_CREATED;
    }
    bool running = true;
    bool ended = true;
    for (size_t i = 0; i < s->thread_count; i++) {
        enum weir_state state = stream_thread_state(s->threads[i]);
        if (state == WEIR_STATE_ERROR) {
            return WEIR_STATE_ERROR;
        }
        running = running && state == WEIR_STATE_RUNNING;
        ended = ended && state == WEIR_STATE_NOT_RUNNING;
    }
    if (s->closing) {
        return ended ? WEIR_STATE_NOT_RUNNING : WEIR_STATE_PENDING_SHUTDOWN;
    }
    return running ? WEIR_STATE_RUNNING : WEIR_STATE_REBALANCING;
}

const char *weir_state_name(enum weir_state state)
{
    static const char *const names[] = {"CREATED",          "REBALANCING", "RUNNING",
                                        "PENDING_SHUTDOWN", "NOT_RUNNING", "ERROR"};
    CHECK((size_t)state < sizeof names / sizeof names[0]);
    return names[state];
}

bool weir_streams_error(struct weir_streams *s, struct weir_error *out)
{
    for (size_t i = 0; i < s->thread_count; i++) {
        if (stream_thread_state(s->threads[i]) == WEIR_STATE_ERROR) {
            (void)streams_error(out, stream_thread_error(s->threads[i]));
            return true;
        }
    }
    return false;
}

int64_t weir_streams_processed_total(struct weir_streams *s)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->thread_count; i++) {
        sum += atomic_load(&stream_thread_counters(s->threads[i])->processed);
    }
    return sum;
}

int64_t weir_streams_dropped_total(struct weir_streams *s)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->thread_count; i++) {
        sum += atomic_load(&stream_thread_counters(s->threads[i])->dropped);
    }
    return sum;
}

void weir_streams_close(struct weir_streams *s)
{
    s->closing = true;
    for (size_t i = 0; i < s->thread_count; i++) {
        stream_thread_stop(s->threads[i]);
    }
    for (size_t i = 0; i < s->thread_count; i++) {
        stream_thread_join(s->threads[i]);
    }
}

void weir_streams_destroy(struct weir_streams *s)
{
    if (s == NULL) {
        return;
    }
    weir_streams_close(s);
    for (size_t i = 0; i < s->thread_count; i++) {
        stream_thread_destroy(s->threads[i]);
    }
    mem_free((void *)s->threads);
    mem_free(s->client_ids);
    registry_client_destroy(s->registry);
    if (s->lock_fd >= 0) {
        (void)close(s->lock_fd); /* releases the lock */
    }
    weir_config_destroy(s->config);
    weir_topology_destroy(s->topology);
    if (s->logger_owned) {
        logger_destroy(s->logger);
    }
    mem_free(s);
}
