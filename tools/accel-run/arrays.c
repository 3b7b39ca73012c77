// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "prepare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- In memory ---- */

/* Bytes of a tensor; false if they do not fit any memory. */
static bool tensor_bytes(const struct accel_nn_tensor *tensor, size_t *bytes)
{
	bool empty = false;
	uint32_t i;

	*bytes = type_bits(tensor->type) / 8;
	for (i = 0; i < tensor->rank; i++) {
		if (tensor->dims[i] < 0)
			return false;
		if (!tensor->dims[i])
			empty = true;
		else if (__builtin_mul_overflow(*bytes, (size_t)tensor->dims[i], bytes) ||
			 *bytes > PTRDIFF_MAX)
			return false;
	}
	if (empty)
		*bytes = 0;
	return true;
}

bool arrays_add_texts(struct arrays *arrays, const char *name, const struct accel_nn_tensor *like,
		      size_t room, struct array **added, char **texts)
{
	struct array *array;
	size_t bytes, all;
	void *data;

	if (!tensor_bytes(like, &bytes) || __builtin_add_overflow(bytes, room, &all))
		return false;
	data = calloc(1, all ? all : 1);
	if (!data)
		return false;
	arrays->list = check_memory(reallocarray(arrays->list, arrays->count + 1,
						 sizeof(*arrays->list)));
	array = &arrays->list[arrays->count++];
	*array = (struct array){ .name = check_memory(strdup(name)), .tensor = *like };
	array->tensor.size = sizeof(array->tensor);
	array->tensor.data = data;
	array->tensor.bytes = bytes;
	*texts = (char *)data + bytes;
	*added = array;
	return true;
}

bool arrays_add(struct arrays *arrays, const char *name, const struct accel_nn_tensor *like,
		struct array **added)
{
	char *none;

	return arrays_add_texts(arrays, name, like, 0, added, &none);
}

void arrays_free(struct arrays *arrays)
{
	size_t i;

	for (i = 0; i < arrays->count; i++) {
		free(arrays->list[i].name);
		free(arrays->list[i].tensor.data);
	}
	free(arrays->list);
	*arrays = (struct arrays){ 0 };
}

/* ---- Files ---- */

static bool ends_with(const char *path, const char *end)
{
	size_t length = strlen(path);

	return length > strlen(end) && !strcasecmp(path + length - strlen(end), end);
}

uint8_t *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL, *more;
	size_t room = 0, got;
	struct stat st;

	*size = 0;
	/* Such as /dev/zero, which has no end. */
	if (file && !fstat(fileno(file), &st) && S_ISCHR(st.st_mode)) {
		complain("give a file, or a pipe", "cannot read %s: it is a device", path);
		fclose(file);
		return NULL;
	}
	while (file) {
		if (*size == room) {
			room = room * 2 + 65536;
			more = realloc(data, room);
			if (!more) {
				errno = ENOMEM;
				break;
			}
			data = more;
		}
		errno = 0;
		got = fread(data + *size, 1, room - *size, file);
		*size += got;
		if (!got && !ferror(file)) {
			fclose(file);
			return data;
		}
		if (!got)
			break;
	}
	complain(NULL, "cannot read %s: %s", path, strerror(errno));
	if (file)
		fclose(file);
	free(data);
	return NULL;
}

/* A size that is open follows from the file's. */
static enum status close_shape(const char *path, struct accel_nn_tensor *tensor, size_t size)
{
	size_t each = type_bits(tensor->type) / 8;
	uint32_t i, open = 0, count = 0;

	for (i = 0; i < tensor->rank; i++) {
		if (tensor->dims[i] >= 0) {
			if (__builtin_mul_overflow(each, (size_t)tensor->dims[i], &each))
				each = 0;
		} else {
			open = i;
			count++;
		}
	}
	if (count > 1 || (count && !each)) {
		complain("give its sizes with --shape NAME=1x3x48x320",
			 "cannot tell the shape of the plain numbers in %s", path);
		return STATUS_USAGE;
	}
	if (count && size % each == 0)
		tensor->dims[open] = (int64_t)(size / each);
	else if (count)
		tensor->dims[open] = 0;
	return STATUS_OK;
}

static enum status parse_raw(struct arrays *arrays, const char *path, const uint8_t *data,
			     size_t size, const struct accel_nn_tensor *raw)
{
	struct accel_nn_tensor tensor;
	char shape[SHAPE_TEXT];
	struct array *array;
	enum status status;

	if (!raw || !type_bits(raw->type)) {
		complain("use a .npy, .npz or .pb file", "%s has plain numbers, and no type", path);
		return STATUS_USAGE;
	}
	if (raw->type == ACCEL_NN_STRING) {
		complain("use a .npy, .npz or .pb file", "%s has plain numbers, and no texts", path);
		return STATUS_USAGE;
	}
	tensor = *raw;
	status = close_shape(path, &tensor, size);
	if (status)
		return status;
	if (!arrays_add(arrays, "", &tensor, &array)) {
		complain(NULL, "the shape for %s is too large", path);
		return STATUS_USAGE;
	}
	if (array->tensor.bytes != size) {
		complain("is it plain numbers, in the right type?",
			 "%s has %zu bytes, a tensor %s %s needs %zu", path, size,
			 accel_nn_type_name(tensor.type),
			 format_shape(shape, tensor.dims, (int)tensor.rank, NULL),
			 array->tensor.bytes);
		return STATUS_USAGE;
	}
	memcpy(array->tensor.data, data, size);
	return STATUS_OK;
}

/* Pictures and sounds; false if it is neither. */
static bool read_media(struct arrays *arrays, const char *path, const struct reading *how,
		       enum status *status)
{
	const bool jpeg = ends_with(path, ".jpg") || ends_with(path, ".jpeg");

	if (!jpeg && !ends_with(path, ".png") && !ends_with(path, ".wav"))
		return false;
	if (!how->like) {
		complain("use a .npy, .npz or .pb file", "%s cannot be compared with", path);
		*status = STATUS_USAGE;
	} else if (ends_with(path, ".wav")) {
		*status = sound_read(arrays, path, how->like, how->sound);
	} else {
		*status = picture_read(arrays, path, jpeg, how->like, how->picture);
	}
	return true;
}

enum status arrays_read(struct arrays *arrays, const char *path, const struct reading *how,
			enum holds *holds)
{
	enum status status;
	uint8_t *data;
	size_t size;

	*holds = HOLDS_ARRAY;
	if (ends_with(path, ".npz")) {
		*holds = HOLDS_ARCHIVE;
		return npz_read(arrays, path);
	}
	if (ends_with(path, ".pb"))
		return pb_read(arrays, path, how, holds);
	if (read_media(arrays, path, how, &status))
		return status;
	data = read_file(path, &size);
	if (!data)
		return STATUS_USAGE;
	if (ends_with(path, ".npy"))
		status = npy_parse(arrays, path, "", data, size);
	else
		status = parse_raw(arrays, path, data, size, how->like);
	free(data);
	return status;
}

FILE *open_output(const char *path)
{
	FILE *file = fopen(path, "wb");

	if (!file)
		complain(NULL, "cannot write %s: %s", path, strerror(errno));
	return file;
}

enum status close_output(FILE *file, const char *path)
{
	struct stat st;
	const bool regular = !fstat(fileno(file), &st) && S_ISREG(st.st_mode);
	bool failed = ferror(file);

	failed = fclose(file) || failed;
	if (!failed)
		return STATUS_OK;
	complain(NULL, "cannot write %s: %s", path, strerror(errno));
	/* Half a file is worse than none. A device, such as /dev/stdout is, stays. */
	if (regular)
		unlink(path);
	return STATUS_FAILED;
}

static enum status write_file(const char *path, const uint8_t *header, size_t header_size,
			      const struct accel_nn_tensor *tensor)
{
	FILE *file = open_output(path);

	if (!file)
		return STATUS_FAILED;
	fwrite(header, 1, header_size, file);
	if (tensor->type != ACCEL_NN_STRING)
		fwrite(tensor->data, 1, tensor->bytes, file);
	return close_output(file, path);
}

enum status arrays_write(const char *path, const struct array *arrays, size_t count)
{
	uint8_t *header = NULL;
	enum status status;
	size_t size = 0;

	if (ends_with(path, ".npz"))
		return npz_write(path, arrays, count);
	if (count != 1) {
		complain("use a .npz file, or -o NAME=FILE for each",
			 "%s cannot hold %zu outputs", path, count);
		return STATUS_USAGE;
	}
	if (ends_with(path, ".pb")) {
		header = pb_header(arrays, &size);
	} else if (ends_with(path, ".npy")) {
		status = npy_header(path, &arrays->tensor, &header, &size);
		if (status)
			return status;
	} else if (arrays->tensor.type == ACCEL_NN_STRING) {
		complain("use a .npy, .npz or .pb file", "%s is for plain numbers, and '%s' holds texts",
			 path, arrays->name);
		return STATUS_USAGE;
	}
	status = write_file(path, header, size, &arrays->tensor);
	free(header);
	return status;
}
