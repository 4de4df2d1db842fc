/* What a data directory holds, at open: every partition's folder is recovered. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/storage/checkpoint.h"
#include "broker/storage/file_io.h"
#include "broker/storage/log_dir_internal.h"

struct log_dir_scan {
    struct log_dir *dir;
    struct checkpoint recovery_points;
    struct checkpoint log_starts;
    struct checkpoint cleaned;
    bool clean;
};

/* "<topic>-<index>" as we write it: no leading zeroes, no sign. */
static bool log_dir_parse_name(const char *name, struct partition_id *out_id)
{
    const char *dash = strrchr(name, '-');
    size_t topic_len = dash != NULL ? (size_t)(dash - name) : 0;
    if (topic_len == 0 || topic_len > PARTITION_TOPIC_MAX || dash[1] < '0' || dash[1] > '9') {
        return false;
    }
    char *end = NULL;
    long index = strtol(dash + 1, &end, 10);
    if (*end != '\0' || index < 0 || index > INT32_MAX) {
        return false;
    }
    *out_id = (struct partition_id){.index = (int32_t)index};
    memcpy(out_id->topic, name, topic_len);
    char key[LOG_DIR_KEY_MAX];
    log_dir_key(key, out_id->topic, out_id->index);
    return strcmp(key, name) == 0;
}

static bool log_dir_is_deleted(const char *name)
{
    size_t len = strlen(name);
    size_t suffix = sizeof LOG_DIR_DELETED_SUFFIX - 1;
    return len > suffix && strchr(name, '.') != NULL &&
           strcmp(name + len - suffix, LOG_DIR_DELETED_SUFFIX) == 0;
}

static enum err_code log_dir_open_partition(struct log_dir_scan *scan,
                                            const struct partition_id *id, const char *path,
                                            struct err *e)
{
    struct log_dir *dir = scan->dir;
    struct partition *p = NULL;
    enum err_code code = partition_make(&dir->env, id, path, &p, e);
    if (code != ERR_OK) {
        return code;
    }
    struct partition_recovery how = {
        .recovery_point = checkpoint_get(&scan->recovery_points, id->topic, id->index, 0),
        .log_start = checkpoint_get(&scan->log_starts, id->topic, id->index, 0),
        .cleaned_to = checkpoint_get(&scan->cleaned, id->topic, id->index, 0),
        .clean = scan->clean,
    };
    bool broken = false;
    code = partition_recover(p, &how, e);
    if (code == ERR_CORRUPT) {
        /* One damaged partition does not keep the others from working. */
        logger_error(dir->env.logger, "partition.broken",
                     "dir=%s reason=\"%s\" remedy=\"restore the folder, or delete the topic\"",
                     path, e->text);
        broken = true;
        code = ERR_OK;
    }
    if (code == ERR_OK) {
        code = log_dir_add_entry(dir, p, broken, e);
    }
    if (code == ERR_OK && broken) {
        struct log_dir_entry *entry = log_dir_find_entry(dir, id->topic, id->index);
        entry->broken_recovery_point = how.recovery_point;
        entry->broken_log_start = how.log_start;
    }
    if (code != ERR_OK) {
        partition_unref(p);
    }
    return code;
}

static enum err_code log_dir_scan_entry(struct log_dir_scan *scan, const char *name, struct err *e)
{
    char path[PATH_MAX];
    enum err_code code = log_dir_path(scan->dir, name, path, sizeof path, e);
    struct stat st;
    if (code != ERR_OK || stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return code;
    }
    if (log_dir_is_deleted(name)) {
        return file_io_remove_dir(path, e);
    }
    struct partition_id id;
    if (!log_dir_parse_name(name, &id)) {
        return ERR_OK; /* somebody else's */
    }
    return log_dir_open_partition(scan, &id, path, e);
}

static enum err_code log_dir_load_checkpoints(struct log_dir_scan *scan, struct err *e)
{
    char path[PATH_MAX];
    enum err_code code = log_dir_path(scan->dir, LOG_DIR_RECOVERY_POINTS, path, sizeof path, e);
    if (code == ERR_OK) {
        code = checkpoint_load(&scan->recovery_points, path, e);
    }
    if (code == ERR_OK) {
        code = log_dir_path(scan->dir, LOG_DIR_LOG_STARTS, path, sizeof path, e);
    }
    if (code == ERR_OK) {
        code = checkpoint_load(&scan->log_starts, path, e);
    }
    if (code == ERR_OK) {
        code = log_dir_path(scan->dir, LOG_DIR_CLEANED, path, sizeof path, e);
    }
    if (code == ERR_OK && checkpoint_load(&scan->cleaned, path, e) != ERR_OK) {
        logger_warn(scan->dir->env.logger, "compaction.forgotten",
                    "reason=\"%s\" next=\"logs are compacted from their start\"", e->text);
        checkpoint_deinit(&scan->cleaned);
    }
    return code;
}

static bool log_dir_names_missing(struct log_dir *dir, const struct checkpoint *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (log_dir_find_entry(dir, c->entries[i].topic, c->entries[i].index) == NULL) {
            return true;
        }
    }
    return false;
}

static enum err_code log_dir_scan_all(struct log_dir_scan *scan, struct err *e)
{
    DIR *stream = opendir(scan->dir->path);
    if (stream == NULL) {
        return err_errno(e, errno, "open folder %s", scan->dir->path);
    }
    enum err_code code = ERR_OK;
    for (struct dirent *entry = readdir(stream); code == ERR_OK && entry != NULL;
         entry = readdir(stream)) {
        if (entry->d_name[0] != '.') {
            code = log_dir_scan_entry(scan, entry->d_name, e);
        }
    }
    (void)closedir(stream);
    return code;
}

enum err_code log_dir_scan(struct log_dir *dir, bool clean, struct err *e)
{
    struct log_dir_scan scan = {.dir = dir, .clean = clean};
    checkpoint_init(&scan.recovery_points);
    checkpoint_init(&scan.log_starts);
    checkpoint_init(&scan.cleaned);
    int64_t start_ns = clock_mono_ns(dir->env.clock);
    enum err_code code = log_dir_load_checkpoints(&scan, e);
    if (code == ERR_OK) {
        code = log_dir_scan_all(&scan, e);
    }
    /* Before anybody can create one of that name. */
    if (code == ERR_OK && (log_dir_names_missing(dir, &scan.recovery_points) ||
                           log_dir_names_missing(dir, &scan.log_starts) ||
                           log_dir_names_missing(dir, &scan.cleaned))) {
        code = log_dir_store_checkpoints(dir, e);
    }
    checkpoint_deinit(&scan.recovery_points);
    checkpoint_deinit(&scan.log_starts);
    checkpoint_deinit(&scan.cleaned);
    if (code == ERR_OK) {
        logger_info(dir->env.logger, "log_dir.opened",
                    "dir=%s partitions=%u clean=%s took_ms=%" PRId64, dir->path,
                    HASH_COUNT(dir->entries), clean ? "yes" : "no",
                    (clock_mono_ns(dir->env.clock) - start_ns) / 1000000);
    }
    return code;
}
