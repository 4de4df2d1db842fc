/*
 * The threads that call fdatasync: group commit. A partition is queued at most once; whatever is
 * appended to it while it waits or is being flushed is served by the next call. Several threads, so
 * that partitions do not wait for each other's disk time.
 *
 *   IDLE -kick-> QUEUED -thread-> FLUSHING -done-> IDLE
 *                                 FLUSHING -kick-> FLUSHING_AGAIN -done-> QUEUED
 */
#pragma once

#include <stddef.h>

#include "common/err.h"

struct log_flusher;
struct partition;

enum err_code log_flusher_create(size_t threads, struct log_flusher **out_flusher, struct err *e);
/* Any thread, cheap. Holds a reference on p until it was flushed. */
void log_flusher_kick(struct log_flusher *f, struct partition *p);
/* Finishes what is queued, ends the threads. No kick may come after. NULL is fine. */
void log_flusher_destroy(struct log_flusher *f);
