// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * ONNX's TensorProto. The library reads it; it is written with four fields: sizes, type, name,
 * and the elements, which come last, so that they need not be copied.
 */
#include "accel-run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Field numbers of TensorProto, and the two kinds of fields. */
enum { DIMS = 1, DATA_TYPE = 2, NAME = 8, RAW_DATA = 9 };
enum { NUMBER = 0, BYTES = 2 };

enum status pb_read(struct arrays *arrays, const char *path)
{
	struct accel_nn_tensor tensor = { .size = sizeof(tensor) };
	struct array *array;
	bool added;

	if (accel_nn_load_tensor(path, &tensor)) {
		complain(accel_last_error()->advice, "%s", accel_last_error()->message);
		return STATUS_USAGE;
	}
	added = type_bits(tensor.type) && arrays_add(arrays, "", &tensor, &array);
	if (added && tensor.bytes)
		memcpy(array->tensor.data, tensor.data, tensor.bytes);
	else if (!added)
		complain(NULL, "%s holds elements of type %s, which is not supported", path,
			 accel_nn_type_name(tensor.type));
	accel_nn_free_tensor(&tensor);
	return added ? STATUS_OK : STATUS_UNSUPPORTED;
}

static uint8_t *put_varint(uint8_t *to, uint64_t value)
{
	for (; value >= 128; value >>= 7)
		*to++ = (uint8_t)(value | 128);
	*to++ = (uint8_t)value;
	return to;
}

static uint8_t *put_key(uint8_t *to, unsigned int field, unsigned int kind)
{
	return put_varint(to, field << 3 | kind);
}

uint8_t *pb_header(const struct array *array, size_t *size)
{
	const struct accel_nn_tensor *tensor = &array->tensor;
	size_t name = strlen(array->name);
	/* A key has one byte, a number at most ten. */
	uint8_t *header = malloc(11 * (tensor->rank + 3) + name), *to = header;
	uint32_t i;

	if (!header)
		return NULL;
	for (i = 0; i < tensor->rank; i++)
		to = put_varint(put_key(to, DIMS, NUMBER), (uint64_t)tensor->dims[i]);
	to = put_varint(put_key(to, DATA_TYPE, NUMBER), tensor->type);
	to = put_varint(put_key(to, NAME, BYTES), name);
	memcpy(to, array->name, name);
	to = put_varint(put_key(to + name, RAW_DATA, BYTES), tensor->bytes);
	*size = (size_t)(to - header);
	return header;
}
