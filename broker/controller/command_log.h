/*
 * The controller's files: the command log and the snapshot (docs/on-disk-format.md, "Controller").
 * A frame is what becomes durable together: all commands of one change, or none. Not thread-safe:
 * the controller thread owns it after open.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct cluster_state;

/* More than the largest change: 100 MiB of request. */
#define COMMAND_LOG_FRAME_MAX ((size_t)256 << 20)

struct command_log {
    char *directory;
    int fd;            /* of the log */
    int directory_fd;  /* -1 = closed */
    int64_t end;       /* where the next frame goes */
    uint64_t sequence; /* of the newest frame */
    bool failed; /* the file could not be brought back to `end`: nothing is written any more */
    struct buf frame;
};

/* Creates directory and files when absent, and applies snapshot and log to the (empty) state. A
 * torn last frame was never acknowledged and is cut off; out_cut_bytes says how much. Anything else
 * that is wrong is CORRUPT, naming file and position: the caller must not start. */
ERR_MUST_CHECK enum err_code command_log_open(struct command_log *log, const char *directory,
                                              struct cluster_state *state, int64_t *out_cut_bytes,
                                              struct err *e);
void command_log_close(struct command_log *log);

/* One frame, in three steps: begin, cluster_command_encode for each command into the buffer that
 * begin returned, append. After ERR_OK from append the frame is on disk. After an error it is not
 * part of the log, or the log is failed. */
struct buf *command_log_begin(struct command_log *log);
ERR_MUST_CHECK enum err_code command_log_append(struct command_log *log, uint32_t command_count,
                                                struct err *e);

/* Writes the state as the new snapshot and empties the log. An error leaves both as they were, or
 * the log longer than needed. */
ERR_MUST_CHECK enum err_code command_log_snapshot(struct command_log *log,
                                                  const struct cluster_state *state, struct err *e);
