/* The coordinator thread, its life and its timers. */
#include "broker/group/groups.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "broker/group/groups_internal.h"
#include "broker/storage/partition.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "protocol/kafka_error.h"

/* As Kafka: a new member that waits longer for the end of its first rebalance has lost its client.
 */
#define NEW_MEMBER_TIMEOUT_MS 300000
#define ID_PREFIX_MAX 255

int64_t groups_now_ms(const struct groups *gs)
{
    return gs->wall_base_ms + clock_mono_ms(gs->clock);
}

const struct group_config *groups_group_config(const struct groups *gs)
{
    return &gs->group_config;
}

int64_t groups_max_metadata(const struct groups *gs)
{
    return gs->max_metadata;
}

size_t groups_published_count(const struct groups *gs)
{
    return atomic_load(&gs->published_count);
}

bool groups_loading(const struct groups *gs)
{
    return atomic_load(&gs->loading);
}

/* ---- what a group asks for ---- */

static void io_joined(void *ctx, void *token, const struct group *g,
                      const struct group_join_answer *answer)
{
    (void)ctx;
    struct groups_waiter *w = token;
    w->joined(w, g, answer);
}

static void io_synced(void *ctx, void *token, const struct group_sync_answer *answer)
{
    (void)ctx;
    struct groups_waiter *w = token;
    w->synced(w, answer);
}

struct persist {
    uint64_t change;
};

static void persist_done(void *ctx, struct groups *gs, struct groups_entry *entry, int16_t error,
                         int64_t base_offset)
{
    (void)base_offset;
    struct persist *p = ctx;
    group_persisted(entry->group, p->change, error, groups_now_ms(gs));
    mem_free(p);
    groups_changed(gs, entry);
}

/* The write could not even begin. */
static void persist_failed(struct groups *gs, struct groups_task *task)
{
    struct groups_entry *entry = task->ctx;
    task->ctx = NULL;
    group_persisted(entry->group, entry->group->change, KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE,
                    groups_now_ms(gs));
    groups_changed(gs, entry);
    groups_unref(gs, entry);
}

static void io_persist(void *ctx, struct group *g, uint64_t change)
{
    struct groups *gs = ctx;
    struct groups_entry *entry = g->owner_data;
    struct persist *p = mem_calloc(1, sizeof *p);
    struct groups_write *w = p == NULL ? NULL : groups_write_begin(gs, entry);
    if (w != NULL) {
        p->change = change;
        groups_write_group(w);
        groups_write_end(w, persist_done, p);
        return;
    }
    mem_free(p);
    logger_error(gs->logger, "group.persist_failed", "group=%.*s error=\"out of memory\"",
                 (int)g->id.len, (const char *)g->id.data);
    if (entry->failed.ctx == NULL) { /* else one is on its way already */
        entry->failed = (struct groups_task){.run = persist_failed, .ctx = entry};
        entry->references++;
        lock_acquire(&gs->lock);
        gs->writes++;
        lock_release(&gs->lock);
        groups_post_write(gs, &entry->failed);
    }
}

static size_t io_new_member_id(void *ctx, struct bytes prefix, char out_id[GROUP_MEMBER_ID_MAX])
{
    struct groups *gs = ctx;
    uint8_t b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b) {
        /* Only before the kernel's pool is ready; the clock and the count still make it unique. */
        int64_t now = clock_mono_ns(gs->clock);
        memset(b, 0, sizeof b);
        memcpy(b, &now, sizeof now);
        memcpy(b + 8, &gs->entry_count, 8);
    }
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    int len = prefix.len > ID_PREFIX_MAX ? ID_PREFIX_MAX : (int)prefix.len;
    int n =
        snprintf(out_id, GROUP_MEMBER_ID_MAX,
                 "%.*s-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", len,
                 prefix.data == NULL ? "" : (const char *)prefix.data, b[0], b[1], b[2], b[3], b[4],
                 b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    CHECK(n > 0 && n < GROUP_MEMBER_ID_MAX);
    return (size_t)n;
}

/* ---- the topic ---- */

bool groups_open_partitions(struct groups *gs)
{
    struct controller_view *view = controller_view_acquire(gs->controller);
    const struct topic *t = controller_view_topic(view, bytes_of_text(GROUPS_TOPIC));
    if (gs->partitions == NULL && t != NULL) {
        gs->partitions = mem_calloc((size_t)t->partition_count, sizeof(struct partition *));
        gs->partition_count = gs->partitions == NULL ? 0 : t->partition_count;
        for (int32_t i = 0; i < gs->partition_count; i++) {
            struct partition *p = topic_partition(t, i);
            gs->partitions[i] = p == NULL ? NULL : partition_ref(p);
        }
    }
    controller_view_release(view);
    return gs->partitions != NULL;
}

struct partition *groups_partition_of(struct groups *gs, struct bytes group_id)
{
    return gs->partitions == NULL
               ? NULL
               : gs->partitions[group_record_partition(group_id, gs->partition_count)];
}

static void answer_topic_waits(struct groups *gs, int16_t error)
{
    struct groups_topic_wait *wait = gs->topic_waits;
    gs->topic_waits = NULL;
    while (wait != NULL) {
        struct groups_topic_wait *next = wait->next;
        wait->done(wait->ctx, error);
        wait = next;
    }
}

static void topic_created(struct groups *gs, struct groups_task *task)
{
    (void)task;
    gs->topic_creating = false;
    int16_t error = gs->topic_request.error;
    bool open = groups_open_partitions(gs);
    if (!open) {
        logger_error(gs->logger, "groups.topic_failed", "topic=%s code=%d error=\"%s\"",
                     GROUPS_TOPIC, (int)error, gs->topic_request.message);
    }
    answer_topic_waits(gs, open ? KAFKA_ERROR_NONE : KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE);
}

/* Controller thread. */
static void topic_created_there(void *ctx)
{
    struct groups *gs = ctx;
    gs->topic_created.run = topic_created;
    groups_post_write(gs, &gs->topic_created);
}

static void create_topic(struct groups *gs)
{
    const struct controller_config configs[] = {
        {bytes_of_text("cleanup.policy"), bytes_of_text("compact")},
        {bytes_of_text("compression.type"), bytes_of_text("producer")},
        {bytes_of_text("segment.bytes"), bytes_of_text(gs->topic_segment_bytes)},
    };
    static_assert(sizeof configs == sizeof gs->topic_configs, "all of them");
    memcpy(gs->topic_configs, configs, sizeof configs);
    gs->topic_request = (struct controller_create_topic){
        .name = bytes_of_text(GROUPS_TOPIC),
        .partition_count = gs->topic_partitions,
        .replication_factor = -1,
        .configs = gs->topic_configs,
        .config_count = sizeof configs / sizeof configs[0],
    };
    lock_acquire(&gs->lock);
    gs->writes++;
    lock_release(&gs->lock);
    gs->topic_creating = true;
    if (controller_create_topics(gs->controller, &gs->topic_request, 1, false, topic_created_there,
                                 gs) != ERR_OK) {
        gs->topic_request.error = KAFKA_ERROR_REQUEST_TIMED_OUT;
        topic_created_there(gs);
    }
}

void groups_await_topic(struct groups *gs, struct groups_topic_wait *wait)
{
    if (groups_open_partitions(gs)) {
        wait->done(wait->ctx, KAFKA_ERROR_NONE);
        return;
    }
    wait->next = gs->topic_waits;
    gs->topic_waits = wait;
    if (!gs->topic_creating) {
        create_topic(gs);
    }
}

/* ---- a deleted topic ---- */

struct deleted_topic {
    struct groups_task task;
    struct bytes name;
};

static void drop_topic(struct groups *gs, struct groups_task *task)
{
    struct deleted_topic *deleted = task->ctx;
    groups_drop_topic(gs, deleted->name);
    group_member_free_bytes(&deleted->name);
    mem_free(deleted);
}

/* Controller thread. */
static void topic_deleted(void *ctx, struct bytes name)
{
    struct groups *gs = ctx;
    struct deleted_topic *deleted = mem_calloc(1, sizeof *deleted);
    struct bytes copy = group_member_copy_bytes(name);
    if (deleted == NULL || bytes_is_null(copy)) {
        group_member_free_bytes(&copy);
        mem_free(deleted);
        logger_warn(gs->logger, "groups.offsets_kept",
                    "error=\"out of memory\" next=\"they expire with their group\"");
        return;
    }
    deleted->name = copy;
    deleted->task = (struct groups_task){.run = drop_topic, .ctx = deleted};
    if (!groups_post(gs, &deleted->task)) {
        group_member_free_bytes(&deleted->name);
        mem_free(deleted);
    }
}

/* ---- the thread ---- */

static void push(struct groups *gs, struct groups_task *task)
{
    task->next = NULL;
    *gs->last = task;
    gs->last = &task->next;
    cond_signal(&gs->changed);
}

bool groups_post(struct groups *gs, struct groups_task *task)
{
    lock_acquire(&gs->lock);
    bool open = !gs->closing;
    if (open) {
        push(gs, task);
    }
    lock_release(&gs->lock);
    return open;
}

void groups_post_write(struct groups *gs, struct groups_task *task)
{
    lock_acquire(&gs->lock);
    CHECK(gs->writes > 0);
    gs->writes--;
    push(gs, task);
    lock_release(&gs->lock);
}

static int64_t next_deadline(const struct groups *gs)
{
    int64_t next = gs->next_expiry_ms;
    if (gs->entry_count > 0 && gs->timers[0]->deadline_ms < next) {
        next = gs->timers[0]->deadline_ms;
    }
    return next;
}

/* The next task, NULL when a deadline has come, or when all is done (*out_end). */
static struct groups_task *next_task(struct groups *gs, bool *out_end)
{
    int64_t deadline_ms = next_deadline(gs);
    int64_t wait_ns = (deadline_ms - gs->wall_base_ms) * 1000000;
    lock_acquire(&gs->lock);
    bool in_time = true;
    while (gs->first == NULL && in_time && !(gs->closing && gs->writes == 0)) {
        if (gs->closing) {
            cond_wait(&gs->changed, &gs->lock);
        } else {
            in_time = cond_wait_until(&gs->changed, &gs->lock, wait_ns) ||
                      groups_now_ms(gs) < deadline_ms;
        }
    }
    struct groups_task *task = gs->first;
    if (task != NULL) {
        gs->first = task->next;
        if (gs->first == NULL) {
            gs->last = &gs->first;
        }
    }
    *out_end = task == NULL && gs->closing && gs->writes == 0;
    lock_release(&gs->lock);
    return task;
}

static void run_timers(struct groups *gs)
{
    int64_t now = groups_now_ms(gs);
    /* Every group at most once: one whose deadline stays in the past must not hold up the rest. */
    for (size_t n = gs->entry_count; n > 0 && gs->entry_count > 0; n--) {
        struct groups_entry *entry = gs->timers[0];
        if (entry->deadline_ms > now) {
            break;
        }
        group_tick(entry->group, now);
        groups_changed(gs, entry);
    }
    if (gs->next_expiry_ms <= now) {
        gs->next_expiry_ms = now + gs->expiry_interval_ms;
        groups_expire(gs);
    }
}

static void *groups_main(void *arg)
{
    struct groups *gs = arg;
    groups_load(gs);
    atomic_store(&gs->loading, false);
    bool end = false;
    while (!end) {
        struct groups_task *task = next_task(gs, &end);
        if (task != NULL) {
            task->run(gs, task);
        }
        if (next_deadline(gs) <= groups_now_ms(gs)) {
            run_timers(gs);
        }
    }
    return NULL;
}

/* ---- open and close ---- */

static void read_configs(struct groups *gs)
{
    struct controller_view *view = controller_view_acquire(gs->controller);
    gs->group_config = (struct group_config){
        .min_session_timeout_ms =
            (int32_t)controller_view_node_number(view, "group.min.session.timeout.ms"),
        .max_session_timeout_ms =
            (int32_t)controller_view_node_number(view, "group.max.session.timeout.ms"),
        .max_size = (int32_t)controller_view_node_number(view, "group.max.size"),
        .initial_rebalance_delay_ms =
            (int32_t)controller_view_node_number(view, "group.initial.rebalance.delay.ms"),
        .new_member_timeout_ms = NEW_MEMBER_TIMEOUT_MS,
    };
    gs->max_metadata = controller_view_node_number(view, "offset.metadata.max.bytes");
    gs->retention_ms = controller_view_node_number(view, "offsets.retention.minutes") * 60000;
    gs->expiry_interval_ms =
        controller_view_node_number(view, "offsets.retention.check.interval.ms");
    gs->topic_partitions =
        (int32_t)controller_view_node_number(view, "offsets.topic.num.partitions");
    (void)snprintf(gs->topic_segment_bytes, sizeof gs->topic_segment_bytes, "%" PRId64,
                   controller_view_node_number(view, "offsets.topic.segment.bytes"));
    controller_view_release(view);
}

enum err_code groups_open(const struct groups_settings *settings, struct groups **out_groups,
                          struct err *e)
{
    struct groups *gs = mem_calloc(1, sizeof *gs);
    if (gs == NULL) {
        return err_nomem(e, "group coordinator");
    }
    gs->controller = settings->controller;
    gs->clock = settings->clock;
    gs->logger = settings->logger;
    gs->wall_base_ms = clock_wall_ms(gs->clock) - clock_mono_ms(gs->clock);
    gs->io = (struct group_io){.ctx = gs,
                               .joined = io_joined,
                               .synced = io_synced,
                               .persist = io_persist,
                               .new_member_id = io_new_member_id};
    gs->last = &gs->first;
    gs->loading = true;
    lock_init(&gs->lock);
    cond_init(&gs->changed);
    read_configs(gs);
    gs->next_expiry_ms = groups_now_ms(gs) + gs->expiry_interval_ms;
    int rc = pthread_create(&gs->thread, NULL, groups_main, gs);
    if (rc != 0) {
        groups_close(gs);
        return err_errno(e, rc, "start the coordinator thread");
    }
    gs->thread_started = true;
    controller_on_topic_deleted(gs->controller, topic_deleted, gs);
    *out_groups = gs;
    return ERR_OK;
}

/* The members stay members: they come back after the restart. Only their requests end. */
static void answer_all(struct groups *gs, struct groups_task *task)
{
    (void)task;
    answer_topic_waits(gs, KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE);
    while (gs->entry_count > 0) {
        struct groups_entry *entry = gs->entries[gs->entry_count - 1];
        group_kill(entry->group, KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE, groups_now_ms(gs));
        groups_remove(gs, entry);
    }
}

void groups_close(struct groups *gs)
{
    if (gs == NULL) {
        return;
    }
    struct groups_task last = {.run = answer_all};
    if (gs->thread_started) {
        controller_on_topic_deleted(gs->controller, NULL, NULL);
        lock_acquire(&gs->lock);
        push(gs, &last);
        gs->closing = true;
        lock_release(&gs->lock);
        CHECK(pthread_join(gs->thread, NULL) == 0);
    }
    for (int32_t i = 0; i < gs->partition_count; i++) {
        partition_unref(gs->partitions[i]);
    }
    mem_free(gs->partitions);
    mem_free(gs->entries);
    mem_free(gs->timers);
    mem_free(gs->slots);
    cond_deinit(&gs->changed);
    lock_deinit(&gs->lock);
    mem_free(gs);
}
