/* The commands of `weir topic`, one file each. */
#pragma once

struct command;

extern const struct command topic_create_command;   /* topic.c */
extern const struct command topic_delete_command;   /* topic.c */
extern const struct command topic_list_command;     /* topic_list.c */
extern const struct command topic_describe_command; /* topic_describe.c */
extern const struct command topic_produce_command;  /* topic_produce.c */
extern const struct command topic_consume_command;  /* topic_consume.c */
