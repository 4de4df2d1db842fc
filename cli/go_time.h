/* Times in UTC by a Go layout ("2006-01-02T15:04:05Z07:00") or by strftime. Pure. */
#pragma once

#include <stdint.h>

#include "common/buf.h"

void go_time_format(const char *layout, int64_t timestamp_ms, struct buf *out);
void go_time_strftime(const char *layout, int64_t timestamp_ms, struct buf *out);
