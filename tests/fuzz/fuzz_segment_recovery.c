/*
 * A partition's folder after a crash. First byte: bit 0 = make every CRC right, so that what lies
 * behind it is reached; bit 1 = the second half is a later segment, or with bit 3 what compaction
 * left of the first and is about to replace it; bit 2 = the indexes' files hold the rest of the
 * input, and the stop was clean. Whatever is recovered must be readable to its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/storage/file_io.h"
#include "broker/storage/partition_internal.h"
#include "common/check.h"
#include "protocol/crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_put(const char *folder, const char *name, const uint8_t *data, size_t size)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL);
    (void)fwrite(data, 1, size, f);
    (void)fclose(f);
}

static void fuzz_fix_crcs(uint8_t *data, size_t size)
{
    struct batch_header h;
    for (size_t at = 0; size - at >= BATCH_HEADER_BYTES && batch_header_decode(data + at, &h) &&
                        (uint64_t)h.size_bytes <= size - at;
         at += (size_t)h.size_bytes) {
        uint32_t crc = crc32c(0, data + at + 21, (size_t)h.size_bytes - 21);
        for (size_t i = 0; i < 4; i++) {
            data[at + 17 + i] = (uint8_t)(crc >> (24 - 8 * i));
        }
    }
}

static void fuzz_read(struct partition *p)
{
    struct partition_offsets offsets;
    partition_get_offsets(p, &offsets);
    int64_t offset = offsets.log_start;
    while (offset < offsets.high_watermark) {
        struct partition_read_options options = {
            .offset = offset, .max_bytes = 100, .min_one_batch = true};
        struct partition_slice slice;
        enum err_code code = partition_read(p, &options, &slice, NULL);
        CHECK(code != ERR_OK || slice.length == 0 || slice.next_offset > offset);
        offset = slice.length > 0 ? slice.next_offset : offsets.high_watermark;
        partition_slice_release(&slice);
    }
    struct partition_found_offset found;
    (void)partition_offset_for_time(p, 1000, PARTITION_READ_UNCOMMITTED, &found, NULL);
}

static void fuzz_lay_out(const char *folder, uint8_t how, const uint8_t *data, size_t size)
{
    size_t half = (how & 6) != 0 ? size / 2 : size;
    fuzz_put(folder, "00000000000000000000.log", data, half);
    if ((how & 2) != 0) {
        bool swap = (how & 8) != 0;
        fuzz_put(folder, swap ? "00000000000000000000.log.swap" : "00000000000000000003.log",
                 data + half, size - half);
    }
    if ((how & 4) != 0) {
        size_t part = (size - half) / 2;
        fuzz_put(folder, "00000000000000000000.index", data + half, part / 8 * 8);
        fuzz_put(folder, "00000000000000000000.timeindex", data + half + part, part / 12 * 12);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    uint8_t *copy = malloc(size);
    CHECK(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    if ((data[0] & 1) != 0) {
        fuzz_fix_crcs(copy, size - 1);
    }
    char root[] = "/tmp/weir-fuzz-XXXXXX";
    char folder[sizeof root + 8];
    CHECK(mkdtemp(root) != NULL);
    (void)snprintf(folder, sizeof folder, "%s/fuzz-0", root);
    CHECK(mkdir(folder, 0700) == 0);
    fuzz_lay_out(folder, data[0], copy, size - 1);
    struct partition_env env = {.clock = clock_system(), .max_producers = 10};
    struct partition_id id = {.topic = "fuzz"};
    struct partition *p = NULL;
    struct err e;
    CHECK(partition_make(&env, &id, folder, &p, &e) == ERR_OK);
    struct partition_recovery how = {.clean = (data[0] & 4) != 0};
    if (partition_recover(p, &how, &e) == ERR_OK) {
        fuzz_read(p);
    }
    partition_shut(p);
    partition_unref(p);
    CHECK(file_io_remove_dir(folder, NULL) == ERR_OK);
    (void)rmdir(root);
    free(copy);
    return 0;
}
