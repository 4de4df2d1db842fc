/*
 * io.confluent.connect.avro.AvroConverter: 0x00, the schema's id, Avro binary. The Avro schema of a
 * Connect schema is made and registered once; from then on values are encoded straight from the
 * struct's array into the message.
 */
#pragma once

#include "connect/include/connect_plugin.h"

extern const struct connect_plugin avro_converter_plugin;
