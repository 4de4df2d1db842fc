/*
 * Keys of _schemas whose last record is not what counts: that of a registry which did not see
 * another's in time. While the log is whole every reader passes over it; compaction would keep just
 * that one. A settling record, marked by a header, tells under the same key what counts instead:
 * the version, or nothing (a tombstone). Readers that follow the topic do not change their minds
 * for it; if its writer knew less than they do, the key stays unsettled and is settled again.
 */
#pragma once

#include <stdint.h>

#include "common/bytes.h"

struct registry;

#define REGISTRY_SETTLE_HEADER "weir.settles"

/* The offset in the header's value, or REGISTRY_STORE_NOT_SETTLING. */
int64_t registry_settle_offset(struct bytes header);
/* Settles what is known to be unsettled; what fails is tried again after the next write. Writer
 * thread, with nobody waiting for its answer. */
void registry_settle_run(struct registry *r);
