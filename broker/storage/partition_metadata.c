/* partition.metadata: "version: 0" and "topic_id: <base64url>", as Kafka has it. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "broker/storage/file_io.h"
#include "broker/storage/partition_internal.h"
#include "common/check.h"

#define PARTITION_METADATA_NAME "partition.metadata"
#define PARTITION_METADATA_ID_CHARS 22
#define PARTITION_METADATA_BYTES_MAX 1024

static const char partition_metadata_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void partition_metadata_encode_id(const uint8_t *id, char *out_text)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (size_t i = 0; i < PARTITION_TOPIC_ID_BYTES; i++) {
        bits = bits << 8 | id[i];
        have += 8;
        while (have >= 6) {
            have -= 6;
            out_text[n++] = partition_metadata_digits[bits >> have & 0x3f];
        }
    }
    out_text[n++] = partition_metadata_digits[bits << (6 - have) & 0x3f];
    out_text[n] = '\0';
}

static bool partition_metadata_decode_id(const char *text, uint8_t *out_id)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (size_t i = 0; i < PARTITION_METADATA_ID_CHARS; i++) {
        const char *digit = text[i] != '\0' ? strchr(partition_metadata_digits, text[i]) : NULL;
        if (digit == NULL) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(digit - partition_metadata_digits);
        have += 6;
        if (have >= 8 && n < PARTITION_TOPIC_ID_BYTES) {
            have -= 8;
            out_id[n++] = (uint8_t)(bits >> have);
        }
    }
    return true;
}

static enum err_code partition_metadata_path(const struct partition *p, char *out_path, size_t size,
                                             struct err *e)
{
    int n = snprintf(out_path, size, "%s/" PARTITION_METADATA_NAME, p->path);
    if (n < 0 || (size_t)n >= size) {
        return err_set(e, ERR_LIMIT, "path too long: %s", p->path);
    }
    return ERR_OK;
}

enum err_code partition_metadata_store(const struct partition *p, struct err *e)
{
    char path[PATH_MAX];
    enum err_code code = partition_metadata_path(p, path, sizeof path, e);
    if (code != ERR_OK) {
        return code;
    }
    char id[PARTITION_METADATA_ID_CHARS + 1];
    partition_metadata_encode_id(p->id.topic_id, id);
    char text[128];
    int n = snprintf(text, sizeof text, "version: 0\ntopic_id: %s\n", id);
    int fd = -1;
    code = file_io_open(path, O_CREAT | O_TRUNC, &fd, e);
    if (code == ERR_OK) {
        code = file_io_write_at(fd, text, (size_t)n, 0, path, e);
        file_io_close(fd);
    }
    return code;
}

enum err_code partition_metadata_sync(const struct partition *p, struct err *e)
{
    char path[PATH_MAX];
    enum err_code code = partition_metadata_path(p, path, sizeof path, e);
    int fd = -1;
    if (code == ERR_OK) {
        code = file_io_open(path, 0, &fd, e);
    }
    if (code == ERR_OK) {
        code = file_io_sync(fd, path, e);
        file_io_close(fd);
    }
    return code;
}

enum err_code partition_metadata_load(struct partition *p, struct err *e)
{
    char path[PATH_MAX];
    enum err_code code = partition_metadata_path(p, path, sizeof path, e);
    if (code != ERR_OK) {
        return code;
    }
    struct buf text;
    buf_init(&text, PARTITION_METADATA_BYTES_MAX);
    struct err local;
    code = file_io_read_all(path, &text, &local);
    memset(p->id.topic_id, 0, sizeof p->id.topic_id);
    if (code == ERR_OK) {
        static const char key[] = "topic_id: ";
        const char *content = buf_text(&text);
        const char *at = content != NULL ? strstr(content, key) : NULL;
        uint8_t id[PARTITION_TOPIC_ID_BYTES] = {0};
        if (at != NULL && partition_metadata_decode_id(at + sizeof key - 1, id)) {
            memcpy(p->id.topic_id, id, sizeof id);
        }
    } else if (code == ERR_NOT_FOUND) {
        code = ERR_OK;
    } else {
        code = err_set(e, code, "%s", local.text);
    }
    buf_deinit(&text);
    return code;
}

enum err_code partition_sync_parent(const struct partition *p, struct err *e)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(p->path, '/');
    CHECK(slash != NULL);
    size_t len = (size_t)(slash - p->path);
    CHECK(len < sizeof parent);
    memcpy(parent, p->path, len);
    parent[len] = '\0';
    return file_io_sync_dir(parent, e);
}
