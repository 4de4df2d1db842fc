/* Shared by the files of one group: group.c (members, time), group_join.c (joining and rebalances)
 * and group_sync.c (assignments, and what is answered at once). */
#pragma once

#include "broker/group/group.h"

/* The one place where the state changes; illegal moves are our bug. */
void group_enter(struct group *g, enum group_state state, int64_t now_ms);
/* Takes m over; the first one gives the group its protocol type and leader. False = no memory, m is
 * still the caller's. */
bool group_add_member(struct group *g, struct group_member *m, struct bytes protocol_type);
/* Answers what waits in it (25), removes it; the next member leads if it led. */
void group_remove_member(struct group *g, struct group_member *m);
/* What else follows from a member's going: rebalance, or the end of one. */
void group_member_gone(struct group *g, int64_t now_ms);
bool group_set_leader(struct group *g, struct bytes id);
bool group_add_pending(struct group *g, struct bytes id, int64_t deadline_ms);
/* False when it was not pending. */
bool group_remove_pending(struct group *g, struct bytes id);
void group_touch(struct group_member *m, int64_t now_ms);
/* 0, or 25 or 82: is this (still) a member? */
int16_t group_check_member(const struct group *g, struct bytes id, struct bytes instance_id);

/* Ends the waiting of a member's request, if there is one. */
void group_answer_join(struct group *g, struct group_member *m,
                       const struct group_join_answer *answer);
void group_answer_sync(struct group *g, struct group_member *m, int16_t error);
struct group_join_answer group_join_error(int16_t error, struct bytes member_id);

/* Starts a rebalance unless one is under way. */
void group_rebalance(struct group *g, int64_t now_ms);
/* Ends the PREPARING state if all have come. */
void group_try_complete_join(struct group *g, int64_t now_ms);
/* Ends it because the time is up. */
void group_join_expired(struct group *g, int64_t now_ms);
/* Asks the owner to make the group durable. */
void group_persist(struct group *g, enum group_persisting what);
void group_drop_next_assignments(struct group *g);
/* The protocol that the members vote for; null when none is common. */
struct bytes group_select_protocol(const struct group *g);
/* PERSISTING_STATIC is done. */
void group_static_persisted(struct group *g, int16_t error, int64_t now_ms);
