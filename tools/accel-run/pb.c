// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * ONNX's TensorProto, and SequenceProto and OptionalProto, which hold them.
 *
 * The library reads tensors. They are written with four fields: sizes, type, name, and the
 * elements, which come last, so that they need not be copied.
 *
 * A file does not say which of the three it is: the model's declaration does. A plain tensor
 * instead is welcome; it has other fields, so it cannot be mistaken.
 */
#include "accel-run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Field numbers of TensorProto, and the two kinds of fields. */
enum { DIMS = 1, DATA_TYPE = 2, STRING_DATA = 6, NAME = 8, RAW_DATA = 9 };
enum { NUMBER = 0, BYTES = 2 };
/* Those of SequenceProto and OptionalProto. */
enum { LIST_NAME = 1, LIST_TYPE = 2, LIST_TENSOR = 3, LIST_SEQUENCE = 5 };

/* ---- Reading ---- */

static enum status keep(struct arrays *arrays, const char *path, struct accel_nn_tensor *tensor)
{
	struct array *array;
	bool added;

	if (tensor->type == ACCEL_NN_STRING) {
		added = texts_copy(arrays, "", tensor);
	} else {
		added = type_bits(tensor->type) && arrays_add(arrays, "", tensor, &array);
		if (added && tensor->bytes)
			memcpy(array->tensor.data, tensor->data, tensor->bytes);
	}
	if (!added)
		complain(NULL, "%s holds elements of type %s, which is not supported", path,
			 accel_nn_type_name(tensor->type));
	accel_nn_free_tensor(tensor);
	return added ? STATUS_OK : STATUS_UNSUPPORTED;
}

static enum status read_tensor(struct arrays *arrays, const char *path)
{
	struct accel_nn_tensor tensor = { .size = sizeof(tensor) };

	if (accel_nn_load_tensor(path, &tensor)) {
		complain(accel_last_error()->advice, "%s", accel_last_error()->message);
		return STATUS_USAGE;
	}
	return keep(arrays, path, &tensor);
}

/* A part of a message: a number, or bytes. */
struct field {
	unsigned int number, kind;
	uint64_t value;			/* the number, or how many bytes */
	const uint8_t *bytes;
};

static bool take_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
	unsigned int shift;

	*value = 0;
	for (shift = 0; shift < 64 && *at < end; shift += 7) {
		*value |= (uint64_t)(**at & 127) << shift;
		if (!(*(*at)++ & 128))
			return true;
	}
	return false;
}

static bool take_field(const uint8_t **at, const uint8_t *end, struct field *field)
{
	uint64_t key;

	if (!take_varint(at, end, &key) || key >> 3 > 15 || !take_varint(at, end, &field->value))
		return false;
	field->number = (unsigned int)(key >> 3);
	field->kind = key & 7;
	field->bytes = *at;
	if (field->kind == NUMBER)
		return true;
	if (field->kind != BYTES || field->value > (size_t)(end - *at))
		return false;
	*at += field->value;
	return true;
}

/* The next field that holds something; false at the end, and if it is none of a list's (*good). */
static bool next_item(const uint8_t **at, const uint8_t *end, struct field *field, bool *good)
{
	while (*at < end) {
		*good = take_field(at, end, field) &&
			(field->number == LIST_TYPE ? field->kind == NUMBER : field->kind == BYTES) &&
			(field->number <= LIST_TENSOR || field->number == LIST_SEQUENCE);
		if (!*good)
			return false;
		if (field->number >= LIST_TENSOR)
			return true;
	}
	return false;
}

/* Whether it is a message that can hold tensors; and if it is an optional, what there is. */
static bool look(const uint8_t *data, size_t size, bool optional, struct field *first)
{
	const uint8_t *at = data;
	struct field field;
	bool good = true;

	*first = (struct field){ 0 };
	while (next_item(&at, data + size, &field, &good)) {
		if (field.number == LIST_SEQUENCE && !optional)
			return false;
		if (optional && first->number)
			return false;
		*first = field;
	}
	return good;
}

static enum status read_item(struct arrays *arrays, const char *path, const struct field *field)
{
	struct accel_nn_tensor tensor = { .size = sizeof(tensor) };

	if (accel_nn_load_tensor_memory(field->bytes, field->value, &tensor)) {
		complain(accel_last_error()->advice, "%s: %s", path, accel_last_error()->message);
		return STATUS_USAGE;
	}
	return keep(arrays, path, &tensor);
}

static enum status read_sequence(struct arrays *arrays, const char *path, const uint8_t *data,
				 size_t size)
{
	const uint8_t *at = data;
	enum status status = STATUS_OK;
	struct field field;
	bool good;

	while (!status && next_item(&at, data + size, &field, &good))
		status = read_item(arrays, path, &field);
	return status;
}

static enum status read_list(struct arrays *arrays, const char *path, const uint8_t *data,
			     size_t size, const struct reading *how, enum holds *holds)
{
	struct field first;

	if (how->optional && look(data, size, true, &first)) {
		*holds = HOLDS_NOTHING;
		if (!first.number)
			return STATUS_OK;
		*holds = HOLDS_ARRAY;
		if (first.number == LIST_TENSOR)
			return read_item(arrays, path, &first);
		data = first.bytes;
		size = first.value;
		if (!look(data, size, false, &first)) {
			complain(NULL, "%s holds a sequence of something else than tensors", path);
			return STATUS_UNSUPPORTED;
		}
	} else if (how->kind != ACCEL_NN_SEQUENCE || !look(data, size, false, &first)) {
		*holds = HOLDS_ARRAY;
		return read_tensor(arrays, path);
	}
	*holds = HOLDS_SEQUENCE;
	return read_sequence(arrays, path, data, size);
}

enum status pb_read(struct arrays *arrays, const char *path, const struct reading *how,
		    enum holds *holds)
{
	enum status status;
	uint8_t *data;
	size_t size;

	*holds = HOLDS_ARRAY;
	if (how->kind != ACCEL_NN_SEQUENCE && !how->optional)
		return read_tensor(arrays, path);
	data = read_file(path, &size);
	if (!data)
		return STATUS_USAGE;
	status = read_list(arrays, path, data, size, how, holds);
	free(data);
	return status;
}

/* ---- Writing ---- */

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

static uint8_t *put_text(uint8_t *to, unsigned int field, const char *text)
{
	const size_t length = strlen(text);

	to = put_varint(put_key(to, field, BYTES), length);
	memcpy(to, text, length);
	return to + length;
}

/* A key has one byte, a number at most ten. */
#define FIELD_MAX	11

uint8_t *pb_header(const struct array *array, size_t *size)
{
	const struct accel_nn_tensor *tensor = &array->tensor;
	const bool texts = tensor->type == ACCEL_NN_STRING;
	size_t room = FIELD_MAX * (tensor->rank + 3) + strlen(array->name), i;
	const size_t count = texts ? count_elements(tensor) : 0;
	uint8_t *header, *to;

	for (i = 0; i < count; i++)
		room += FIELD_MAX + strlen(get_text(tensor, i));
	header = to = check_memory(malloc(room));
	for (i = 0; i < tensor->rank; i++)
		to = put_varint(put_key(to, DIMS, NUMBER), (uint64_t)tensor->dims[i]);
	to = put_varint(put_key(to, DATA_TYPE, NUMBER), tensor->type);
	to = put_text(to, NAME, array->name);
	if (!texts)
		to = put_varint(put_key(to, RAW_DATA, BYTES), tensor->bytes);
	for (i = 0; i < count; i++)
		to = put_text(to, STRING_DATA, get_text(tensor, i));
	*size = (size_t)(to - header);
	return header;
}
