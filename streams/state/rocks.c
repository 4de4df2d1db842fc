#include "streams/state/rocks.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <rocksdb/c.h>

#include "common/check.h"
#include "common/mem.h"

#define ROCKS_PATH_MAX 4096
#define ROCKS_WRITE_BUFFER_BYTES ((size_t)16 * 1024 * 1024)
#define ROCKS_ARENA_BLOCK_BYTES ((size_t)64 * 1024)
#define ROCKS_BLOCK_CACHE_BYTES ((size_t)50 * 1024 * 1024)
#define ROCKS_OPEN_FILES_MAX 128
#define ROCKS_BLOOM_BITS 10
/* Eight bytes each, made with the memtable, before its first record: what an idle store costs. */
#define ROCKS_MEMTABLE_BUCKETS ((size_t)32 * 1024)
/* A batch is written when it has so many entries or bytes: what one write costs is spread, and the
 * batch still lies in the processor's cache. */
#define ROCKS_BATCH_ENTRIES 512
#define ROCKS_BATCH_BYTES ((size_t)256 * 1024)

struct rocks_kv {
    struct kv kv;
    struct rocks *rocks;
    rocksdb_column_family_handle_t *family;
    size_t pending; /* entries in the batch */
    size_t pending_bytes;
    rocksdb_writebatch_t *batch;
};

struct rocks {
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_options_t *empty; /* of the default family */
    rocksdb_writeoptions_t *write;
    rocksdb_readoptions_t *read;
    rocksdb_flushoptions_t *flush;
    struct rocks_kv *stores; /* [0] is the default family, which holds nothing */
    const char **names;
    size_t count;
};

/* One block cache for all databases of the process: memory must not grow with partitions. Made
 * once, never freed. */
static rocksdb_cache_t *rocks_block_cache(void)
{
    static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
    static rocksdb_cache_t *cache; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */
    (void)pthread_mutex_lock(&once);
    if (cache == NULL) {
        cache = rocksdb_cache_create_lru(ROCKS_BLOCK_CACHE_BYTES);
    }
    rocksdb_cache_t *c = cache;
    (void)pthread_mutex_unlock(&once);
    return c;
}

/* Takes the text of RocksDB. */
static enum err_code rocks_error(char *take_text, const char *what, struct err *e)
{
    enum err_code code = ERR_IO;
    if (strstr(take_text, "No space left") != NULL) {
        code = ERR_NOSPACE;
    } else if (strstr(take_text, "lock") != NULL && strstr(take_text, "LOCK") != NULL) {
        code = ERR_UNAVAILABLE;
    } else if (strncmp(take_text, "Corruption", 10) == 0 ||
               strstr(take_text, "No such file or directory") != NULL ||
               strstr(take_text, "Column families not opened") != NULL) {
        code = ERR_CORRUPT; /* or of another topology: no use either way */
    }
    (void)err_set(e, code, "%s: %s", what, take_text);
    rocksdb_free(take_text);
    return code;
}

static enum err_code rocks_kv_apply(struct kv *kv, struct err *e)
{
    struct rocks_kv *s = (struct rocks_kv *)kv;
    if (s->pending == 0) {
        return ERR_OK;
    }
    char *failure = NULL;
    rocksdb_write(s->rocks->db, s->rocks->write, s->batch, &failure);
    rocksdb_writebatch_clear(s->batch);
    s->pending = 0;
    s->pending_bytes = 0;
    return failure != NULL ? rocks_error(failure, "rocksdb write", e) : ERR_OK;
}

static enum err_code rocks_kv_put_later(struct kv *kv, struct bytes key, struct bytes value,
                                        struct err *e)
{
    struct rocks_kv *s = (struct rocks_kv *)kv;
    if (s->batch == NULL) {
        s->batch = rocksdb_writebatch_create();
    }
    if (bytes_is_null(value)) {
        rocksdb_writebatch_delete_cf(s->batch, s->family, (const char *)key.data, key.len);
    } else {
        rocksdb_writebatch_put_cf(s->batch, s->family, (const char *)key.data, key.len,
                                  (const char *)value.data, value.len);
    }
    s->pending++;
    s->pending_bytes += key.len + value.len;
    return s->pending >= ROCKS_BATCH_ENTRIES || s->pending_bytes >= ROCKS_BATCH_BYTES
               ? rocks_kv_apply(kv, e)
               : ERR_OK;
}

static enum err_code rocks_kv_get(struct kv *kv, struct bytes key, struct buf *out, bool *out_found,
                                  struct err *e)
{
    struct rocks_kv *s = (struct rocks_kv *)kv;
    char *failure = NULL;
    enum err_code code = rocks_kv_apply(kv, e);
    if (code != ERR_OK) {
        return code;
    }
    rocksdb_pinnableslice_t *slice = rocksdb_get_pinned_cf(
        s->rocks->db, s->rocks->read, s->family, (const char *)key.data, key.len, &failure);
    if (failure != NULL) {
        return rocks_error(failure, "rocksdb get", e);
    }
    buf_clear(out);
    *out_found = slice != NULL;
    if (slice != NULL) {
        size_t len = 0;
        const char *data = rocksdb_pinnableslice_value(slice, &len);
        buf_append(out, data, len);
        rocksdb_pinnableslice_destroy(slice);
    }
    return buf_failed(out) ? buf_check(out, "store value", e) : ERR_OK;
}

static enum err_code rocks_kv_put(struct kv *kv, struct bytes key, struct bytes value,
                                  struct err *e)
{
    enum err_code code = rocks_kv_put_later(kv, key, value, e);
    return code == ERR_OK ? rocks_kv_apply(kv, e) : code;
}

/* Whole files go at once; one range tombstone covers what shares a file with live keys. */
static enum err_code rocks_kv_drop_below(struct kv *kv, struct bytes key, struct err *e)
{
    struct rocks_kv *s = (struct rocks_kv *)kv;
    char *failure = NULL;
    enum err_code code = rocks_kv_apply(kv, e);
    if (code != ERR_OK) {
        return code;
    }
    rocksdb_delete_file_in_range_cf(s->rocks->db, s->family, "", 0, (const char *)key.data, key.len,
                                    &failure);
    if (failure != NULL) {
        return rocks_error(failure, "rocksdb drop files", e);
    }
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writebatch_delete_range_cf(batch, s->family, "", 0, (const char *)key.data, key.len);
    rocksdb_write(s->rocks->db, s->rocks->write, batch, &failure);
    rocksdb_writebatch_destroy(batch);
    return failure != NULL ? rocks_error(failure, "rocksdb delete range", e) : ERR_OK;
}

static enum err_code rocks_kv_sync(struct kv *kv, struct err *e)
{
    struct rocks_kv *s = (struct rocks_kv *)kv;
    char *failure = NULL;
    enum err_code code = rocks_kv_apply(kv, e);
    if (code != ERR_OK) {
        return code;
    }
    rocksdb_flush_cf(s->rocks->db, s->rocks->flush, s->family, &failure);
    return failure != NULL ? rocks_error(failure, "rocksdb flush", e) : ERR_OK;
}

static void rocks_kv_close(struct kv *kv)
{
    (void)kv; /* the family closes with its database */
}

enum err_code rocks_make_directories(const char *path, struct err *e)
{
    char part[ROCKS_PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        return err_set(e, ERR_INVALID, "a path of %zu characters", len);
    }
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0') {
            continue;
        }
        char at = part[i];
        part[i] = '\0';
        if (mkdir(part, 0750) != 0 && errno != EEXIST) {
            return err_errno(e, errno, "make directory %s", part);
        }
        part[i] = at;
    }
    return ERR_OK;
}

static rocksdb_options_t *rocks_make_options(void)
{
    rocksdb_options_t *o = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(o, 1);
    rocksdb_options_set_create_missing_column_families(o, 1);
    rocksdb_options_set_compaction_style(o, rocksdb_universal_compaction);
    rocksdb_options_set_compression(o, rocksdb_no_compression);
    rocksdb_options_set_write_buffer_size(o, ROCKS_WRITE_BUFFER_BYTES);
    rocksdb_options_set_arena_block_size(o, ROCKS_ARENA_BLOCK_BYTES);
    rocksdb_options_set_max_write_buffer_number(o, 3);
    rocksdb_options_set_allow_concurrent_memtable_write(o, 0); /* one owner thread */
    rocksdb_options_set_max_open_files(o, ROCKS_OPEN_FILES_MAX);
    rocksdb_options_set_info_log_level(o, 4); /* fatal: the log belongs to ours */
    rocksdb_options_set_keep_log_file_num(o, 1);
    rocksdb_options_set_optimize_filters_for_hits(o, 1);
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, rocks_block_cache());
    rocksdb_block_based_options_set_filter_policy(
        table, rocksdb_filterpolicy_create_bloom_full(ROCKS_BLOOM_BITS));
    rocksdb_block_based_options_set_whole_key_filtering(table, 0); /* by the prefix: the same */
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_options_set_block_based_table_factory(o, table);
    rocksdb_block_based_options_destroy(table);
    return o;
}

/*
 * Stores are read and written by whole keys only, never in order: the memtable is a hash table,
 * with the whole key for its prefix, and a value that is no longer than the one before takes its
 * place. That is sound because nobody takes snapshots, and what was dropped by range (old segments)
 * is never written again while the memtable lives.
 */
static void rocks_set_memtable(rocksdb_options_t *o)
{
    rocksdb_options_set_prefix_extractor(o, rocksdb_slicetransform_create_noop());
    rocksdb_options_set_hash_link_list_rep(o, ROCKS_MEMTABLE_BUCKETS);
    rocksdb_options_set_inplace_update_support(o, 1);
    rocksdb_options_set_inplace_update_num_locks(o, 1); /* one owner thread */
}

static enum err_code rocks_open_families(struct rocks *r, const char *path, struct err *e)
{
    const rocksdb_options_t **options =
        (const rocksdb_options_t **)mem_calloc(r->count, sizeof *options);
    rocksdb_column_family_handle_t **families =
        (rocksdb_column_family_handle_t **)mem_calloc(r->count, sizeof *families);
    if (options == NULL || families == NULL) {
        mem_free((void *)options);
        mem_free((void *)families);
        return err_nomem(e, "open store");
    }
    for (size_t i = 0; i < r->count; i++) {
        options[i] = i == 0 ? r->empty : r->options;
    }
    char *failure = NULL;
    r->db = rocksdb_open_column_families(r->options, path, (int)r->count, r->names, options,
                                         families, &failure);
    for (size_t i = 0; r->db != NULL && i < r->count; i++) {
        r->stores[i].family = families[i];
    }
    mem_free((void *)options);
    mem_free((void *)families);
    return r->db != NULL ? ERR_OK : rocks_error(failure, path, e);
}

enum err_code rocks_open(const char *path, const struct weir_topology *t, int sub,
                         struct rocks **out_rocks, struct err *e)
{
    static const struct kv_ops ops = {rocks_kv_get,   rocks_kv_put,        rocks_kv_put_later,
                                      rocks_kv_apply, rocks_kv_drop_below, rocks_kv_sync,
                                      rocks_kv_close};
    struct rocks *r = mem_calloc(1, sizeof *r);
    if (r == NULL) {
        return err_nomem(e, "open store");
    }
    r->stores = mem_calloc(t->store_count + 1, sizeof *r->stores);
    r->names = (const char **)mem_calloc(t->store_count + 1, sizeof *r->names);
    if (r->stores == NULL || r->names == NULL) {
        rocks_close(r);
        return err_nomem(e, "open store");
    }
    r->names[r->count++] = "default";
    for (const struct topology_store *s = t->stores; s != NULL; s = s->next) {
        if (s->sub == sub && !s->in_memory) {
            r->stores[r->count].kv.ops = &ops;
            r->stores[r->count].rocks = r;
            r->names[r->count++] = s->name;
        }
    }
    if (r->count == 1) {
        *out_rocks = r; /* no stores: no database */
        return ERR_OK;
    }
    r->options = rocks_make_options();
    r->empty = rocksdb_options_create_copy(r->options);
    rocks_set_memtable(r->options);
    r->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(r->write, 1);
    r->read = rocksdb_readoptions_create();
    r->flush = rocksdb_flushoptions_create();
    enum err_code code = rocks_make_directories(path, e);
    if (code == ERR_OK) {
        code = rocks_open_families(r, path, e);
    }
    if (code != ERR_OK) {
        rocks_close(r);
        return code;
    }
    *out_rocks = r;
    return ERR_OK;
}

enum err_code rocks_open_kv(struct rocks *r, const char *store, struct kv **out_kv, struct err *e)
{
    for (size_t i = 1; i < r->count; i++) {
        if (strcmp(r->names[i], store) == 0) {
            *out_kv = &r->stores[i].kv;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_NOT_FOUND, "the task has no store %s", store);
}

static void rocks_close_stores(struct rocks *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->stores[i].batch != NULL) {
            rocksdb_writebatch_destroy(r->stores[i].batch);
        }
        if (r->db != NULL) {
            rocksdb_column_family_handle_destroy(r->stores[i].family);
        }
    }
    mem_free(r->stores);
}

void rocks_close(struct rocks *r)
{
    if (r == NULL) {
        return;
    }
    if (r->stores != NULL) {
        rocks_close_stores(r);
    }
    if (r->db != NULL) {
        rocksdb_close(r->db);
    }
    if (r->options != NULL) {
        rocksdb_options_destroy(r->options);
        rocksdb_options_destroy(r->empty);
        rocksdb_writeoptions_destroy(r->write);
        rocksdb_readoptions_destroy(r->read);
        rocksdb_flushoptions_destroy(r->flush);
    }
    mem_free((void *)r->names);
    mem_free(r);
}

static int rocks_remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

enum err_code rocks_remove(const char *path, struct err *e)
{
    if (nftw(path, rocks_remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        return err_errno(e, errno, "remove %s", path);
    }
    return ERR_OK;
}
