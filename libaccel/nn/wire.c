// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "wire.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../error.h"

/*
 * Lengths of messages that lost something are not known before their end. They are
 * written as five bytes, whatever their value, and filled in then.
 */
#define LENGTH_BYTES	5

enum wire_type { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };

struct walk {
	const char *what;
	const uint8_t *file;
	const ProtobufCMessageDescriptor *cut;
	const char *field;
	uint8_t *copy;
	size_t used, room;
	size_t memory;		/* that protobuf-c will take */
	unsigned int depth;
};

#define damaged(w, ...)	accel_fail(-EINVAL, (w)->what, "the file is damaged, or not of ONNX: copy or export it again", \
				   __VA_ARGS__)

static int emit(struct walk *w, const void *bytes, size_t size)
{
	uint8_t *more;
	size_t room;

	if (size > w->room - w->used) {
		room = w->room * 2 + size + 4096;
		more = realloc(w->copy, room);
		if (!more)
			return accel_fail_errno(-ENOMEM, w->what);
		w->copy = more;
		w->room = room;
	}
	if (size)
		memcpy(w->copy + w->used, bytes, size);
	w->used += size;
	return 0;
}

static int spend(struct walk *w, size_t memory)
{
	if (memory > NN_WIRE_MEMORY_MAX - w->memory)
		return accel_fail(-EFBIG, w->what,
				  "a model of this size must have its weights as raw or external data",
				  "its structure would take more than %zu MiB of memory",
				  NN_WIRE_MEMORY_MAX >> 20);
	w->memory += memory;
	return 0;
}

/* Read a varint at *at, which is moved behind it; false if it goes beyond `end` or is too long. */
static bool varint(const struct walk *w, size_t *at, size_t end, uint64_t *value)
{
	unsigned int shift;
	uint8_t byte;

	*value = 0;
	for (shift = 0; shift < 70 && *at < end; shift += 7) {
		byte = w->file[(*at)++];
		if (shift < 64)
			*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

static size_t put_varint(uint8_t *to, uint64_t value)
{
	size_t size = 0;

	for (; value >= 0x80; value >>= 7)
		to[size++] = (uint8_t)(value | 0x80);
	to[size++] = (uint8_t)value;
	return size;
}

static void put_length(uint8_t *to, size_t value)
{
	unsigned int i;

	for (i = 0; i < LENGTH_BYTES; i++)
		to[i] = (uint8_t)((value >> 7 * i & 0x7f) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
}

static int walk_message(struct walk *w, const ProtobufCMessageDescriptor *message, size_t at,
			size_t end);

static int walk_nested(struct walk *w, const ProtobufCMessageDescriptor *message, size_t at,
		       size_t end)
{
	static const uint8_t blank[LENGTH_BYTES];
	size_t place, size;
	int ret;

	if (++w->depth > NN_WIRE_DEPTH_MAX)
		return accel_fail(-EFBIG, w->what, NULL, "messages nest more than %d deep",
				  NN_WIRE_DEPTH_MAX);
	ret = emit(w, blank, sizeof(blank));
	place = w->used;
	if (!ret)
		ret = walk_message(w, message, at, end);
	if (ret)
		return ret;
	size = w->used - place;
	put_length(w->copy + place - LENGTH_BYTES, size);
	w->depth--;
	return 0;
}

static int emit_cut(struct walk *w, size_t at, size_t size)
{
	struct nn_cut cut = { .offset = at, .size = size };
	uint8_t length = sizeof(cut);
	int ret = emit(w, &length, 1);

	return ret ? ret : emit(w, &cut, sizeof(cut));
}

static int walk_bytes(struct walk *w, const ProtobufCMessageDescriptor *message,
		      const ProtobufCFieldDescriptor *field, size_t at, size_t size)
{
	uint8_t length[10];
	int ret;

	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return walk_nested(w, field->descriptor, at, at + size);
	if (field->type == PROTOBUF_C_TYPE_BYTES && message == w->cut &&
	    !strcmp(field->name, w->field))
		return emit_cut(w, at, size);
	if (field->type == PROTOBUF_C_TYPE_STRING && memchr(w->file + at, 0, size))
		return damaged(w, "field %s of a %s at byte %zu has a zero byte in its text",
			       field->name, message->short_name, at);
	/* Packed numbers of a byte each become numbers of eight. */
	ret = spend(w, field->type == PROTOBUF_C_TYPE_STRING ||
		       field->type == PROTOBUF_C_TYPE_BYTES ? size + 1 : size * 8);
	if (!ret)
		ret = emit(w, length, put_varint(length, size));
	return ret ? ret : emit(w, w->file + at, size);
}

static bool fits(const ProtobufCFieldDescriptor *field, enum wire_type wire)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
		return wire == LENGTH;
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return wire == FIXED32 || (wire == LENGTH && field->label == PROTOBUF_C_LABEL_REPEATED);
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return wire == FIXED64 || (wire == LENGTH && field->label == PROTOBUF_C_LABEL_REPEATED);
	default:
		return wire == VARINT || (wire == LENGTH && field->label == PROTOBUF_C_LABEL_REPEATED);
	}
}

static int walk_field(struct walk *w, const ProtobufCMessageDescriptor *message, size_t *at,
		      size_t end)
{
	const ProtobufCFieldDescriptor *field;
	size_t start = *at, contents;
	uint64_t key, value;
	int ret;

	if (!varint(w, at, end, &key) || key >> 3 == 0 || key >> 3 > 0x1fffffff)
		return damaged(w, "there is no field at byte %zu, in a %s", start,
			       message->short_name);
	contents = *at;
	field = protobuf_c_message_descriptor_get_field(message, (unsigned int)(key >> 3));
	switch ((enum wire_type)(key & 7)) {
	case VARINT:
		if (!varint(w, at, end, &value))
			return damaged(w, "a number at byte %zu has no end", contents);
		break;
	case FIXED64:
	case FIXED32:
		value = (key & 7) == FIXED64 ? 8 : 4;
		if (value > end - *at)
			return damaged(w, "it ends within a number at byte %zu", contents);
		*at += value;
		break;
	case LENGTH:
		if (!varint(w, at, end, &value) || value > end - *at)
			return damaged(w, "a field of a %s at byte %zu ends beyond what it is part of",
				       message->short_name, start);
		*at += value;
		break;
	default:
		return damaged(w, "a field of a %s at byte %zu is of the unknown kind %u",
			       message->short_name, start, (unsigned int)(key & 7));
	}
	if (!field)
		return 0;
	if (!fits(field, key & 7))
		return damaged(w, "field %s of a %s at byte %zu is of the wrong kind", field->name,
			       message->short_name, start);
	if ((key & 7) != LENGTH) {
		ret = spend(w, 8);
		return ret ? ret : emit(w, w->file + start, *at - start);
	}
	ret = emit(w, w->file + start, contents - start);
	return ret ? ret : walk_bytes(w, message, field, *at - value, value);
}

static int walk_message(struct walk *w, const ProtobufCMessageDescriptor *message, size_t at,
			size_t end)
{
	/* The object, a pointer to it, and what malloc() needs. */
	int ret = spend(w, message->sizeof_message + 32);

	while (!ret && at < end)
		ret = walk_field(w, message, &at, end);
	return ret;
}

int nn_wire_cut(const char *what, const void *file, size_t size,
		const ProtobufCMessageDescriptor *message,
		const ProtobufCMessageDescriptor *cut, const char *field,
		uint8_t **copy, size_t *copy_size)
{
	struct walk w = { .what = what, .file = file, .cut = cut, .field = field };
	int ret = walk_message(&w, message, 0, size);

	if (ret) {
		free(w.copy);
		return ret;
	}
	*copy = w.copy;
	*copy_size = w.used;
	return 0;
}
