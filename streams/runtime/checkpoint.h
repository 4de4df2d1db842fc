/*
 * The checkpoint file of a task: how much of each changelog its stores hold, in the original's
 * text. Line "0", the number of entries, then "topic partition offset" each, where offset is that
 * of the last record applied.
 */
#pragma once

#include "common/err.h"
#include "streams/task/task.h"

/* Sets restored_offset (the next to apply) of each store that the file names. A missing file is
 * none; one that cannot be read counts as missing too, after *out_bad is set. */
enum err_code checkpoint_read(const char *path, struct task *t, bool *out_bad, struct err *e);
/* Writes beside it, syncs and renames. Removes the file when no store has an offset. */
enum err_code checkpoint_write(const char *path, struct task *t, struct err *e);
