/*
 * The system calls of storage, each one whole (short writes and EINTR are dealt with) and with an
 * error that names the file. Tests make the n-th write or sync fail. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"

/* Opens read-write and close-on-exec with extra flags (O_CREAT, O_EXCL, O_TRUNC). */
enum err_code file_io_open(const char *path, int extra_flags, int *out_fd, struct err *e);
void file_io_close(int fd); /* -1 is fine */
/* All or an error; on an error any prefix may have been written. `path` is for the text. */
enum err_code file_io_write_at(int fd, const void *data, size_t len, int64_t position,
                               const char *path, struct err *e);
/* Exactly len bytes; ERR_CORRUPT when the file ends before. */
enum err_code file_io_read_at(int fd, void *data, size_t len, int64_t position, const char *path,
                              struct err *e);
/* Up to len bytes: fewer only at the end of the file. */
enum err_code file_io_read_some(int fd, void *data, size_t len, int64_t position, size_t *out_len,
                                struct err *e);
enum err_code file_io_size(int fd, const char *path, int64_t *out_size, struct err *e);
enum err_code file_io_truncate(int fd, int64_t size, const char *path, struct err *e);
/* fdatasync. A failure is final: the kernel may have dropped the pages, asking again proves
 * nothing. */
enum err_code file_io_sync(int fd, const char *path, struct err *e);
enum err_code file_io_sync_dir(const char *path, struct err *e);
enum err_code file_io_rename(const char *from, const char *to, struct err *e);
/* A file that is not there is fine. */
enum err_code file_io_remove(const char *path, struct err *e);
/* Removes a folder and the files in it (no folders below). What cannot be removed stays: the error
 * is of the last. */
enum err_code file_io_remove_dir(const char *path, struct err *e);

/* Replaces the file's content as a whole: temporary file, fdatasync, rename. The folder is not
 * synced: file_io_sync_dir when the name is new or the order matters. */
enum err_code file_io_replace(const char *path, struct bytes content, struct err *e);
/* Appends the whole file to out; ERR_NOT_FOUND when absent, ERR_LIMIT when larger than out may be.
 */
enum err_code file_io_read_all(const char *path, struct buf *out, struct err *e);

enum file_io_fault { FILE_IO_FAULT_WRITE, FILE_IO_FAULT_SYNC, FILE_IO_FAULT_COUNT };
/* Test only: the n-th call from now (1 = next) of that kind fails with errnum, once; a write has
 * then written half. 0 switches it off. Process-wide. */
void file_io_test_fail_at(enum file_io_fault kind, uint64_t n, int errnum);
