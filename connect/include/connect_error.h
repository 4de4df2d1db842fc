/*
 * Errors as dashboards and scripts of the originals read them: the text of a struct err is the head
 * of a Java trace, "class: message" and one "Caused by: class: message" line per cause, outermost
 * first. The code still says what to do: retriable codes (err_code_retriable) are retried by the
 * worker, the others fail the task.
 */
#pragma once

#include "common/err.h"

#define CONNECT_EXCEPTION "org.apache.kafka.connect.errors.ConnectException"
#define CONNECT_DATA_EXCEPTION "org.apache.kafka.connect.errors.DataException"
#define CONNECT_RETRIABLE_EXCEPTION "org.apache.kafka.connect.errors.RetriableException"
#define CONNECT_CONFIG_EXCEPTION "org.apache.kafka.common.config.ConfigException"
#define CONNECT_SERIALIZATION_EXCEPTION "org.apache.kafka.common.errors.SerializationException"

/* "class: message". Returns the code. */
enum err_code connect_error_set(struct err *e, enum err_code code, const char *class_name,
                                const char *fmt, ...) ERR_PRINTF(4, 5);
/* Puts "class: message\nCaused by: " in front of the text and keeps the code, which it returns. A
 * text that names no exception class first gets ConnectException. */
enum err_code connect_error_wrap(struct err *e, const char *class_name, const char *fmt, ...)
    ERR_PRINTF(3, 4);
/* Gives a text that names no class the class ConnectException: for errors of common code that are
 * about to become a trace. Returns the code. */
enum err_code connect_error_name(struct err *e);
