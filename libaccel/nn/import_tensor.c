// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Tensors in a model's file: their contents may be raw bytes, lists of numbers of five kinds,
 * or lie in another file. Bytes stay where they are; lists are made to bytes, so that what
 * comes after the importer knows one form only.
 */
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../error.h"
#include "mapping.h"
#include "wire.h"

struct reading {
	struct nn_import *im;
	const char *owner;
	const Onnx__TensorProto *from;
	struct nn_constant *to;
};

#define refuse(r, error, format, ...) \
	nn_import_fail((r)->im, error, "%s: " format, (r)->owner, ##__VA_ARGS__)

static int read_shape(struct reading *r)
{
	const Onnx__TensorProto *from = r->from;
	struct nn_constant *to = r->to;
	size_t i;

	if (!nn_type_bits((enum nn_type)from->data_type))
		return refuse(r, -EINVAL, "its elements are of type %" PRId32 ", which ONNX does not have",
			      from->data_type);
	to->type = (enum nn_type)from->data_type;
	if (from->n_dims > NN_RANK_MAX)
		return refuse(r, -ENOTSUP, "it has %zu dimensions, more than %d", from->n_dims,
			      NN_RANK_MAX);
	to->shape.rank = (int)from->n_dims;
	for (i = 0; i < from->n_dims; i++) {
		if (from->dims[i] < 0)
			return refuse(r, -EINVAL, "dimension %zu is %" PRId64, i, from->dims[i]);
		to->shape.dims[i] = from->dims[i];
	}
	if (!nn_shape_count(&to->shape, &to->count))
		return refuse(r, -EFBIG, "its size does not fit any memory");
	return 0;
}

/* Which list of numbers holds elements of a type. */
enum list { NO_LIST, FLOATS, INT32S, INT64S, DOUBLES, UINT64S };

static enum list list_of(enum nn_type type)
{
	switch (type) {
	case NN_F32:
	case NN_C64: return FLOATS;
	case NN_I64: return INT64S;
	case NN_F64:
	case NN_C128: return DOUBLES;
	case NN_U32:
	case NN_U64: return UINT64S;
	case NN_STRING:
	case NN_UNDEFINED: return NO_LIST;
	default: return INT32S;
	}
}

/* The list's numbers are wider than the elements: the low bytes, in little-endian order. */
static void narrow(uint8_t *to, const void *from, size_t wide, size_t bytes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		memcpy(to + i * bytes, (const uint8_t *)from + i * wide, bytes);
}

static int read_list(struct reading *r)
{
	const Onnx__TensorProto *from = r->from;
	const struct { const void *data; size_t count, size; } lists[] = {
		[FLOATS] = { from->float_data, from->n_float_data, sizeof(float) },
		[INT32S] = { from->int32_data, from->n_int32_data, sizeof(int32_t) },
		[INT64S] = { from->int64_data, from->n_int64_data, sizeof(int64_t) },
		[DOUBLES] = { from->double_data, from->n_double_data, sizeof(double) },
		[UINT64S] = { from->uint64_data, from->n_uint64_data, sizeof(uint64_t) },
	};
	enum list list = list_of(r->to->type);
	unsigned int bits = nn_type_bits(r->to->type);
	/* Elements of less than a byte come as packed bytes; a complex one is two numbers. */
	size_t bytes = bits < 8 ? 1 : bits / 8, wanted = r->to->count;
	uint8_t *to;

	if (bits < 8)
		wanted = nn_bytes(r->to->type, wanted);
	if (bytes > lists[list].size) {
		wanted *= bytes / lists[list].size;
		bytes = lists[list].size;
	}
	if (lists[list].count != wanted)
		return refuse(r, -EINVAL, "it has %zu numbers, where its shape asks for %zu",
			      lists[list].count, wanted);
	to = nn_alloc_array(&r->im->model->arena, wanted, bytes);
	if (!to)
		return nn_import_nomem(r->im);
	narrow(to, lists[list].data, lists[list].size, bytes, wanted);
	r->to->data = to;
	return 0;
}

static int read_texts(struct reading *r)
{
	const Onnx__TensorProto *from = r->from;
	const char **texts;
	size_t i;

	if (from->has_raw_data || (from->has_data_location &&
	    from->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL))
		return refuse(r, -EINVAL, "its texts are given as bytes");
	if (from->n_string_data != r->to->count)
		return refuse(r, -EINVAL, "it has %zu texts, where its shape asks for %zu",
			      from->n_string_data, r->to->count);
	texts = nn_alloc_array(&r->im->model->arena, r->to->count, sizeof(*texts));
	if (!texts)
		return nn_import_nomem(r->im);
	for (i = 0; i < r->to->count; i++) {
		char *text = nn_alloc(&r->im->model->arena, from->string_data[i].len + 1);

		if (!text)
			return nn_import_nomem(r->im);
		if (from->string_data[i].len)
			memcpy(text, from->string_data[i].data, from->string_data[i].len);
		texts[i] = text;
	}
	r->to->data = texts;
	return 0;
}

static int read_raw(struct reading *r)
{
	size_t bytes = nn_bytes(r->to->type, r->to->count);
	struct nn_cut cut;

	/* It was written by nn_wire_cut(), which knows that it lies in the file. */
	memcpy(&cut, r->from->raw_data.data, sizeof(cut));
	if (cut.size != bytes)
		return refuse(r, -EINVAL, "it has %" PRIu64 " bytes, where its shape asks for %zu",
			      cut.size, bytes);
	r->to->data = r->im->file + cut.offset;
	return 0;
}

/* Paths lead into the model's folder, or below. Links in there are the user's own. */
static bool path_escapes(const char *path)
{
	const char *at;

	if (path[0] == '/')
		return true;
	for (at = path; at; at = strchr(at, '/')) {
		at += at[0] == '/';
		if (!strncmp(at, "..", 2) && (at[2] == '/' || !at[2]))
			return true;
	}
	return false;
}

static int read_number(struct reading *r, const char *key, const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] < '0' || text[0] > '9')
		return refuse(r, -EINVAL, "the %s of its external data is not a number", key);
	return 0;
}

static int read_place(struct reading *r, const char **location, uint64_t *offset,
		      uint64_t *length)
{
	size_t i;
	int ret;

	for (i = 0; i < r->from->n_external_data; i++) {
		const Onnx__StringStringEntryProto *entry = r->from->external_data[i];
		const char *value = entry->value ? entry->value : "";

		ret = 0;
		if (!entry->key)
			continue;
		if (!strcmp(entry->key, "location"))
			*location = value;
		else if (!strcmp(entry->key, "offset"))
			ret = read_number(r, "offset", value, offset);
		else if (!strcmp(entry->key, "length"))
			ret = read_number(r, "length", value, length);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_external(struct reading *r)
{
	size_t bytes = nn_bytes(r->to->type, r->to->count);
	const struct nn_mapping *mapping;
	const char *location = NULL;
	uint64_t offset = 0, length = bytes;
	char name[120];
	int ret = read_place(r, &location, &offset, &length);

	if (ret)
		return ret;
	if (!location || !location[0])
		return refuse(r, -EINVAL, "its data is in another file, which is not named");
	nn_clean(name, sizeof(name), location);
	if (r->im->folder == -1)
		return refuse(r, -ENOTSUP,
			      "its data is in the file %s, but the model was given as bytes in memory",
			      name);
	if (path_escapes(location))
		return refuse(r, -EINVAL, "its data is in %s, which is not below the model's folder",
			      name);
	if (length != bytes)
		return refuse(r, -EINVAL, "it has %" PRIu64 " bytes of external data, where its shape asks for %zu",
			      length, bytes);
	ret = nn_mapping_open(&r->im->model->mappings, r->im->folder, location, &mapping);
	if (ret)
		return accel_fail(ret, r->im->what, "copy the files that belong to the model, too",
				  "%s: its data is in the file %s: %s", r->owner, name,
				  strerror(-ret));
	if (offset > mapping->size || length > mapping->size - offset)
		return accel_fail(-EINVAL, r->im->what, "copy the file again",
				  "%s: the file %s ends after %zu of %" PRIu64 " bytes", r->owner, name,
				  mapping->size, offset + length);
	r->to->data = (const uint8_t *)mapping->data + offset;
	return 0;
}

int nn_import_tensor(struct nn_import *im, const char *owner, const Onnx__TensorProto *tensor,
		     const struct nn_constant **constant)
{
	struct reading r = { .im = im, .owner = owner, .from = tensor };
	int ret;

	r.to = nn_alloc(&im->model->arena, sizeof(*r.to));
	if (!r.to)
		return nn_import_nomem(im);
	ret = read_shape(&r);
	if (ret)
		return ret;
	*constant = r.to;
	if (tensor->segment)
		return refuse(&r, -ENOTSUP, "it is one of several parts of a tensor");
	if (r.to->type == NN_STRING)
		return read_texts(&r);
	if (tensor->has_data_location &&
	    tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
		return read_external(&r);
	if (tensor->has_raw_data)
		return read_raw(&r);
	return read_list(&r);
}
