/* The texts of keys and values in _schemas: compact JSON with fixed field order, because compaction
 * works on key bytes and other registries read them. Pure. */
#pragma once

#include <stdbool.h>

struct buf;
struct registry_content;

/* version 0: key of a keytype without version (CONFIG, MODE, DELETE_SUBJECT, CLEAR_SUBJECT).
 * subject NULL: the global CONFIG or MODE. */
void registry_record_key(struct buf *b, const char *keytype, const char *subject, int version);
void registry_record_schema(struct buf *b, const char *subject, int version, int id,
                            const struct registry_content *content, bool deleted);
/* {"subject":S,"version":V} of DELETE_SUBJECT, {"subject":S} of CLEAR_SUBJECT (version 0); subject
 * NULL: of all. */
void registry_record_subject(struct buf *b, const char *subject, int version);
void registry_record_mode(struct buf *b, const char *subject, const char *mode);
