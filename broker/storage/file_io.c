#include "broker/storage/file_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"

/* Countdown and errno of the fault injection; 0 = off. */
/* NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): process-wide by contract */
static _Atomic uint64_t file_io_fault_at[FILE_IO_FAULT_COUNT];
static _Atomic int file_io_fault_errno[FILE_IO_FAULT_COUNT];
/* NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables) */

void file_io_test_fail_at(enum file_io_fault kind, uint64_t n, int errnum)
{
    atomic_store(&file_io_fault_errno[kind], errnum);
    atomic_store(&file_io_fault_at[kind], n);
}

static int file_io_injected(enum file_io_fault kind)
{
    uint64_t left = atomic_load_explicit(&file_io_fault_at[kind], memory_order_relaxed);
    if (__builtin_expect(left == 0, 1)) {
        return 0;
    }
    return atomic_fetch_sub(&file_io_fault_at[kind], 1) == 1
               ? atomic_load(&file_io_fault_errno[kind])
               : 0;
}

enum err_code file_io_open(const char *path, int extra_flags, int *out_fd, struct err *e)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | extra_flags, 0640);
    if (fd < 0) {
        return err_errno(e, errno, "open %s", path);
    }
    *out_fd = fd;
    return ERR_OK;
}

void file_io_close(int fd)
{
    if (fd >= 0) {
        (void)close(fd); /* what must be on disk was synced before */
    }
}

static enum err_code file_io_write_all(int fd, const uint8_t *data, size_t len, int64_t position,
                                       const char *path, struct err *e)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, position);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return err_errno(e, n < 0 ? errno : ENOSPC, "write %s at %" PRId64, path, position);
        }
        data += n;
        len -= (size_t)n;
        position += n;
    }
    return ERR_OK;
}

enum err_code file_io_write_at(int fd, const void *data, size_t len, int64_t position,
                               const char *path, struct err *e)
{
    int errnum = file_io_injected(FILE_IO_FAULT_WRITE);
    if (errnum != 0) {
        (void)file_io_write_all(fd, data, len / 2, position, path, NULL);
        return err_errno(e, errnum, "write %s at %" PRId64, path, position);
    }
    return file_io_write_all(fd, data, len, position, path, e);
}

enum err_code file_io_read_some(int fd, void *data, size_t len, int64_t position, size_t *out_len,
                                struct err *e)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, (uint8_t *)data + done, len - done, position + (int64_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_errno(e, errno, "read at %" PRId64, position);
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    *out_len = done;
    return ERR_OK;
}

enum err_code file_io_read_at(int fd, void *data, size_t len, int64_t position, const char *path,
                              struct err *e)
{
    size_t done = 0;
    enum err_code code = file_io_read_some(fd, data, len, position, &done, e);
    if (code != ERR_OK) {
        return e != NULL ? err_wrap(e, "%s", path) : code;
    }
    if (done < len) {
        return err_set(e, ERR_CORRUPT, "%s ends at %" PRId64 ", expected %zu bytes from %" PRId64,
                       path, position + (int64_t)done, len, position);
    }
    return ERR_OK;
}

enum err_code file_io_size(int fd, const char *path, int64_t *out_size, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_errno(e, errno, "stat %s", path);
    }
    *out_size = st.st_size;
    return ERR_OK;
}

enum err_code file_io_truncate(int fd, int64_t size, const char *path, struct err *e)
{
    while (ftruncate(fd, size) != 0) {
        if (errno != EINTR) {
            return err_errno(e, errno, "truncate %s to %" PRId64, path, size);
        }
    }
    return ERR_OK;
}

enum err_code file_io_sync(int fd, const char *path, struct err *e)
{
    int errnum = file_io_injected(FILE_IO_FAULT_SYNC);
    if (errnum == 0 && fdatasync(fd) != 0) {
        errnum = errno;
    }
    return errnum == 0 ? ERR_OK : err_errno(e, errnum, "fdatasync %s", path);
}

enum err_code file_io_sync_dir(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(e, errno, "open folder %s", path);
    }
    int errnum = fsync(fd) != 0 ? errno : 0;
    (void)close(fd);
    return errnum == 0 ? ERR_OK : err_errno(e, errnum, "fsync folder %s", path);
}

enum err_code file_io_rename(const char *from, const char *to, struct err *e)
{
    if (rename(from, to) != 0) {
        return err_errno(e, errno, "rename %s to %s", from, to);
    }
    return ERR_OK;
}

enum err_code file_io_remove(const char *path, struct err *e)
{
    if (unlink(path) != 0 && errno != ENOENT) {
        return err_errno(e, errno, "remove %s", path);
    }
    return ERR_OK;
}

enum err_code file_io_remove_dir(const char *path, struct err *e)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return errno == ENOENT ? ERR_OK : err_errno(e, errno, "open folder %s", path);
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            /* A file that stays is reported by the rmdir below. */
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    (void)closedir(dir);
    if (rmdir(path) != 0 && errno != ENOENT) {
        return err_errno(e, errno, "remove folder %s", path);
    }
    return ERR_OK;
}

enum err_code file_io_replace(const char *path, struct bytes content, struct err *e)
{
    char temporary[PATH_MAX];
    int n = snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof temporary) {
        return err_set(e, ERR_LIMIT, "path too long: %s", path);
    }
    int fd = -1;
    enum err_code code = file_io_open(temporary, O_CREAT | O_TRUNC, &fd, e);
    if (code != ERR_OK) {
        return code;
    }
    code = file_io_write_at(fd, content.data, content.len, 0, temporary, e);
    if (code == ERR_OK) {
        code = file_io_sync(fd, temporary, e);
    }
    file_io_close(fd);
    if (code == ERR_OK) {
        code = file_io_rename(temporary, path, e);
    }
    if (code != ERR_OK) {
        (void)file_io_remove(temporary, NULL); /* the first error is the one to tell */
    }
    return code;
}

enum err_code file_io_read_all(const char *path, struct buf *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(e, errno, "open %s", path);
    }
    int64_t size = 0;
    enum err_code code = file_io_size(fd, path, &size, e);
    if (code == ERR_OK) {
        uint8_t *to = buf_reserve(out, (size_t)size);
        if (to == NULL) {
            code = buf_check(out, path, e);
        } else {
            code = file_io_read_at(fd, to, (size_t)size, 0, path, e);
        }
    }
    if (code == ERR_OK) {
        buf_commit(out, (size_t)size);
    }
    (void)close(fd);
    return code;
}
