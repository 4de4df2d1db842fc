/*
 * org.apache.kafka.connect.file.FileStreamSourceConnector: the lines of a file, as they are added.
 * One task; it waits until the file exists, holds back a last line that has no end yet, and resumes
 * at the byte position of its last committed offset.
 */
#pragma once

#include "connect/include/connect_plugin.h"

extern const struct connect_plugin file_source_plugin;
