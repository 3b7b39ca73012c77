/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_WIRE_H
#define NN_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

/*
 * A look at a protobuf file before protobuf-c sees it.
 *
 * protobuf-c copies all bytes of a message, nests as deep as the message does, and makes
 * objects of a hundred bytes from two. So it gets a copy of the file from which the weights
 * are cut out, and only if it is sound: no message ends beyond the one around it, nesting
 * and the memory that the objects will take have limits, strings have no zero bytes. Fields
 * that the schema does not know are dropped.
 *
 * What stands in the place of the contents of a field that is cut:
 */
struct nn_cut {
	uint64_t offset;	/* in the file */
	uint64_t size;
};

/* Deeper than models nest: a subgraph within a subgraph costs three levels. */
#define NN_WIRE_DEPTH_MAX	64
/* Memory for all objects of a file, without the contents that are cut. */
#define NN_WIRE_MEMORY_MAX	((size_t)2 << 30)

/*
 * Copy the file, a message of type `message`, without the contents of the bytes field `field`
 * of messages of type `cut`. Returns 0, -EINVAL (damaged), -EFBIG (beyond a limit) or -ENOMEM,
 * with the error said as one of `what`. The copy is the caller's to free().
 */
int nn_wire_cut(const char *what, const void *file, size_t size,
		const ProtobufCMessageDescriptor *message,
		const ProtobufCMessageDescriptor *cut, const char *field,
		uint8_t **copy, size_t *copy_size);

#endif /* NN_WIRE_H */
