#include "broker/controller/controller.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "broker/controller/controller_internal.h"
#include "broker/controller/node_config.h"
#include "broker/controller/topic_storage.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "protocol/kafka_error.h"

/* Operations that wait; a client has one request at a time under way. */
#define QUEUE_MAX 4096
#define SNAPSHOT_BYTES_DEFAULT ((size_t)1 << 20)

/* ---- static configs ---- */

static void statics_deinit(struct controller_statics *s)
{
    for (size_t i = 0; i < s->count; i++) {
        mem_free((void *)(uintptr_t)s->entries[i].key.data);
        mem_free((void *)(uintptr_t)s->entries[i].value.data);
    }
    mem_free(s->entries);
    *s = (struct controller_statics){NULL, 0};
}

static bool statics_has(const struct controller_statics *s, struct bytes key)
{
    for (size_t i = 0; i < s->count; i++) {
        if (bytes_equal(s->entries[i].key, key)) {
            return true;
        }
    }
    return false;
}

/* The array has room. */
static enum err_code statics_add(struct controller_statics *s, struct bytes key, struct bytes value,
                                 struct err *e)
{
    char *key_copy = mem_strndup((const char *)key.data, key.len);
    char *value_copy = mem_strndup((const char *)value.data, value.len);
    if (key_copy == NULL || value_copy == NULL) {
        mem_free(key_copy);
        mem_free(value_copy);
        return err_nomem(e, "broker configs");
    }
    s->entries[s->count++] =
        (struct controller_config){bytes_of(key_copy, key.len), bytes_of(value_copy, value.len)};
    return ERR_OK;
}

static enum err_code statics_check(const struct controller_config *config, struct err *e)
{
    const struct config_def *def = node_config_find(config->key);
    if (def == NULL) {
        return err_set(e, ERR_INVALID, "unknown broker config %.*s", (int)config->key.len,
                       (const char *)config->key.data);
    }
    char why[CONTROLLER_MESSAGE_MAX];
    if (bytes_is_null(config->value)) {
        return err_set(e, ERR_INVALID, "broker config %s has no value", def->key);
    }
    return config_def_check(def, config->value, why, sizeof why)
               ? ERR_OK
               : err_set(e, ERR_INVALID, "%s", why);
}

/* log.retention.hours=1 also gives log.retention.ms=3600000, where nothing finer does. */
static enum err_code statics_add_alternatives(struct controller_statics *s, struct err *e)
{
    static const char *const keys[] = {"log.retention.minutes", "log.retention.hours",
                                       "log.roll.hours", "log.roll.jitter.hours"};
    size_t given = s->count;
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        const char *of = NULL;
        int64_t unit = node_config_alternative(bytes_of_text(keys[k]), &of);
        for (size_t i = 0; i < given; i++) {
            if (!bytes_equal(s->entries[i].key, bytes_of_text(keys[k])) ||
                statics_has(s, bytes_of_text(of))) {
                continue;
            }
            int64_t number =
                config_def_number(node_config_find(bytes_of_text(keys[k])), s->entries[i].value);
            char text[24];
            (void)snprintf(text, sizeof text, "%" PRId64, number < 0 ? number : number * unit);
            if (statics_add(s, bytes_of_text(of), bytes_of_text(text), e) != ERR_OK) {
                return ERR_NOMEM;
            }
        }
    }
    return ERR_OK;
}

static enum err_code statics_init(struct controller_statics *s,
                                  const struct controller_settings *settings, struct err *e)
{
    size_t room = settings->static_config_count * 2 + 1;
    s->entries = mem_calloc(room, sizeof *s->entries);
    if (s->entries == NULL) {
        return err_nomem(e, "broker configs");
    }
    for (size_t i = 0; i < settings->static_config_count; i++) {
        const struct controller_config *config = &settings->static_configs[i];
        if (statics_check(config, e) != ERR_OK ||
            statics_add(s, config->key, config->value, e) != ERR_OK) {
            return e == NULL ? ERR_INVALID : e->code;
        }
    }
    return statics_add_alternatives(s, e);
}

/* ---- thread and queue ---- */

static struct controller_op *next_op(struct controller *c)
{
    lock_acquire(&c->lock);
    while (c->first == NULL && !c->closing) {
        cond_wait(&c->changed, &c->lock);
    }
    struct controller_op *op = c->first;
    if (op != NULL) {
        c->first = op->next;
        c->queued--;
        if (c->first == NULL) {
            c->last = &c->first;
        }
    }
    lock_release(&c->lock);
    return op;
}

static void *controller_main(void *arg)
{
    struct controller *c = arg;
    for (struct controller_op *op = next_op(c); op != NULL; op = next_op(c)) {
        controller_ops_run(c, op);
        op->done(op->ctx);
        mem_free(op);
    }
    return NULL;
}

static enum err_code submit(struct controller *c, const struct controller_op *op)
{
    CHECK(op->done != NULL);
    struct controller_op *copy = mem_dup(op, sizeof *op);
    if (copy == NULL) {
        return ERR_UNAVAILABLE;
    }
    lock_acquire(&c->lock);
    bool accepted = !c->closing && c->queued < QUEUE_MAX;
    if (accepted) {
        copy->next = NULL;
        *c->last = copy;
        c->last = &copy->next;
        c->queued++;
        cond_signal(&c->changed);
    }
    lock_release(&c->lock);
    if (!accepted) {
        mem_free(copy);
    }
    return accepted ? ERR_OK : ERR_UNAVAILABLE;
}

/* ---- open and close ---- */

static enum err_code random_cluster_id(char out_id[CLUSTER_ID_LEN + 1], struct err *e)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[CLUSTER_ID_LEN];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return err_set(e, ERR_IO, "no random bytes for a cluster id");
    }
    /* In the form of a UUID of version 4 as clients print it: digit 8 begins with the version, the
     * last digit has two bits only; the first must not look like an option. */
    for (size_t i = 0; i < CLUSTER_ID_LEN; i++) {
        out_id[i] = digits[bytes[i] & 63];
    }
    out_id[0] = digits[bytes[0] & 31];
    out_id[8] = digits[16 + (bytes[8] & 3)];
    out_id[CLUSTER_ID_LEN - 1] = digits[(bytes[CLUSTER_ID_LEN - 1] & 3) << 4];
    out_id[CLUSTER_ID_LEN] = '\0';
    return ERR_OK;
}

static enum err_code check_identity(const struct controller *c,
                                    const struct controller_settings *settings, struct err *e)
{
    if (c->state.node_id != settings->node_id) {
        return err_set(e, ERR_STATE,
                       "%s belongs to node %" PRId32 ", but this node's id is %" PRId32,
                       settings->data_dir, c->state.node_id, settings->node_id);
    }
    if (settings->cluster_id != NULL && strcmp(settings->cluster_id, c->state.cluster_id) != 0) {
        return err_set(e, ERR_STATE, "%s belongs to cluster %s, but the cluster id given is %s",
                       settings->data_dir, c->state.cluster_id, settings->cluster_id);
    }
    return ERR_OK;
}

static enum err_code first_start(struct controller *c, const struct controller_settings *settings,
                                 struct err *e)
{
    size_t partitions = 0;
    if (settings->log_dir != NULL &&
        topic_storage_count(settings->log_dir, &partitions, e) != ERR_OK) {
        return e->code;
    }
    if (partitions > 0) {
        /* Going on would delete them all as strays. */
        return err_set(e, ERR_STATE,
                       "%s holds %zu partitions but no controller state: bring back "
                       "%s/controller, or move the partitions away",
                       settings->data_dir, partitions, settings->data_dir);
    }
    char id[CLUSTER_ID_LEN + 1];
    if (settings->cluster_id != NULL && strlen(settings->cluster_id) != CLUSTER_ID_LEN) {
        return err_set(e, ERR_INVALID, "cluster id '%s' has not %d characters",
                       settings->cluster_id, CLUSTER_ID_LEN);
    }
    if (settings->cluster_id != NULL) {
        memcpy(id, settings->cluster_id, sizeof id);
    } else if (random_cluster_id(id, e) != ERR_OK) {
        return e->code;
    }
    struct cluster_command identity = {.type = CLUSTER_COMMAND_IDENTITY,
                                       .name = bytes_of(id, CLUSTER_ID_LEN),
                                       .node_id = settings->node_id};
    return controller_ops_commit(c, &identity, 1, e);
}

static enum err_code open_state(struct controller *c, const struct controller_settings *settings,
                                struct err *e)
{
    char directory[4096];
    int n = snprintf(directory, sizeof directory, "%s/controller", settings->data_dir);
    if (n < 0 || (size_t)n >= sizeof directory) {
        return err_set(e, ERR_LIMIT, "the path of the data directory is too long");
    }
    int64_t cut_bytes = 0;
    if (command_log_open(&c->log, directory, &c->state, &cut_bytes, e) != ERR_OK) {
        return e->code;
    }
    if (cut_bytes > 0) {
        logger_warn(c->logger, "controller.log_cut",
                    "bytes=%" PRId64 " reason=\"a change was being written at the last stop; it "
                    "was never acknowledged\"",
                    cut_bytes);
    }
    enum err_code code = c->state.cluster_id[0] == '\0' ? first_start(c, settings, e)
                                                        : check_identity(c, settings, e);
    if (code == ERR_OK) {
        memcpy(c->cluster_id, c->state.cluster_id, sizeof c->cluster_id);
        c->node_id = settings->node_id;
    }
    return code;
}

/* Each topic as readers see it, with its partitions open. */
static enum err_code open_topics(struct controller *c, struct err *e)
{
    if (c->log_dir != NULL &&
        topic_storage_remove_strays(c->log_dir, &c->state, c->logger, e) != ERR_OK) {
        return err_wrap(e, "remove what no topic owns");
    }
    for (size_t i = 0; i < c->state.topic_count; i++) {
        struct cluster_topic *t = c->state.topics[i];
        struct topic *shown = controller_view_create_topic(t);
        if (shown == NULL) {
            return err_nomem(e, "topic");
        }
        t->owner_data = shown;
        topic_storage_open(c->log_dir, c->view, shown, c->logger);
    }
    return controller_ops_publish(c, e);
}

static enum err_code open_all(struct controller *c, const struct controller_settings *settings,
                              struct err *e)
{
    enum err_code code = statics_init(&c->statics, settings, e);
    code = code != ERR_OK ? code : open_state(c, settings, e);
    if (code != ERR_OK) {
        return code;
    }
    /* The configs of the broker, for those of the topics, which come with the next view. */
    code = controller_ops_publish(c, e);
    code = code != ERR_OK ? code : open_topics(c, e);
    if (code != ERR_OK) {
        return code;
    }
    int rc = pthread_create(&c->thread, NULL, controller_main, c);
    if (rc != 0) {
        return err_errno(e, rc, "start the controller thread");
    }
    c->thread_started = true;
    return ERR_OK;
}

enum err_code controller_open(const struct controller_settings *settings,
                              struct controller **out_controller, struct err *e)
{
    CHECK(settings->data_dir != NULL);
    struct controller *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return err_nomem(e, "controller");
    }
    c->log_dir = settings->log_dir;
    c->clock = settings->clock;
    c->logger = settings->logger;
    c->snapshot_bytes =
        settings->snapshot_bytes == 0 ? SNAPSHOT_BYTES_DEFAULT : settings->snapshot_bytes;
    c->log = (struct command_log){.fd = -1, .directory_fd = -1};
    c->last = &c->first;
    cluster_state_init(&c->state);
    lock_init(&c->lock);
    cond_init(&c->changed);
    struct err local;
    struct err *error = e != NULL ? e : &local;
    enum err_code code = open_all(c, settings, error);
    if (code != ERR_OK) {
        controller_close(c);
        return err_wrap(error, "open the controller");
    }
    *out_controller = c;
    return ERR_OK;
}

void controller_close(struct controller *c)
{
    if (c == NULL) {
        return;
    }
    lock_acquire(&c->lock);
    c->closing = true;
    cond_signal(&c->changed);
    lock_release(&c->lock);
    if (c->thread_started) {
        CHECK(pthread_join(c->thread, NULL) == 0);
    }
    CHECK(c->first == NULL);
    controller_view_release(c->view);
    for (size_t i = 0; i < c->state.topic_count; i++) {
        controller_view_unref_topic(c->state.topics[i]->owner_data);
        c->state.topics[i]->owner_data = NULL;
    }
    cluster_state_deinit(&c->state);
    command_log_close(&c->log);
    statics_deinit(&c->statics);
    cond_deinit(&c->changed);
    lock_deinit(&c->lock);
    mem_free(c);
}

const char *controller_cluster_id(const struct controller *c)
{
    return c->cluster_id;
}

int32_t controller_node_id(const struct controller *c)
{
    return c->node_id;
}

struct controller_view *controller_view_acquire(struct controller *c)
{
    lock_acquire(&c->lock);
    struct controller_view *view = c->view;
    controller_view_ref(view);
    lock_release(&c->lock);
    return view;
}

/* ---- changes ---- */

enum err_code controller_create_topics(struct controller *c, struct controller_create_topic *topics,
                                       size_t count, bool validate_only, controller_done_fn done,
                                       void *ctx)
{
    return submit(c, &(struct controller_op){.kind = CONTROLLER_OP_CREATE_TOPICS,
                                             .items = topics,
                                             .count = count,
                                             .validate_only = validate_only,
                                             .done = done,
                                             .ctx = ctx});
}

enum err_code controller_delete_topics(struct controller *c, struct controller_delete_topic *topics,
                                       size_t count, controller_done_fn done, void *ctx)
{
    return submit(c, &(struct controller_op){.kind = CONTROLLER_OP_DELETE_TOPICS,
                                             .items = topics,
                                             .count = count,
                                             .done = done,
                                             .ctx = ctx});
}

enum err_code controller_create_partitions(struct controller *c,
                                           struct controller_create_partitions *topics,
                                           size_t count, bool validate_only,
                                           controller_done_fn done, void *ctx)
{
    return submit(c, &(struct controller_op){.kind = CONTROLLER_OP_CREATE_PARTITIONS,
                                             .items = topics,
                                             .count = count,
                                             .validate_only = validate_only,
                                             .done = done,
                                             .ctx = ctx});
}

enum err_code controller_alter_configs(struct controller *c,
                                       struct controller_alter_configs *resources, size_t count,
                                       bool validate_only, controller_done_fn done, void *ctx)
{
    return submit(c, &(struct controller_op){.kind = CONTROLLER_OP_ALTER_CONFIGS,
                                             .items = resources,
                                             .count = count,
                                             .validate_only = validate_only,
                                             .done = done,
                                             .ctx = ctx});
}

enum err_code controller_next_producer_id(struct controller *c,
                                          struct controller_producer_id *out_id,
                                          controller_done_fn done, void *ctx)
{
    lock_acquire(&c->lock);
    bool at_hand = c->producer_id_next < c->producer_id_end;
    if (at_hand) {
        *out_id = (struct controller_producer_id){.id = c->producer_id_next++};
    }
    lock_release(&c->lock);
    if (at_hand) {
        done(ctx);
        return ERR_OK;
    }
    return submit(c, &(struct controller_op){.kind = CONTROLLER_OP_PRODUCER_ID,
                                             .items = out_id,
                                             .count = 1,
                                             .done = done,
                                             .ctx = ctx});
}

void controller_on_topic_deleted(struct controller *c, controller_topic_deleted_fn fn, void *ctx)
{
    lock_acquire(&c->lock);
    c->topic_deleted = fn;
    c->topic_deleted_ctx = ctx;
    lock_release(&c->lock);
}
