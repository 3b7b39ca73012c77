// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "list_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <list.pb-c.h>

#include <libaccel/error.h>
#include <libaccel/nn/onnx.h>

#define WHAT	"cannot read a file of the test case"

static int take_tensor(const ProtobufCBinaryData *bytes, struct nn_tensor *tensor)
{
	return nn_onnx_read_tensor(WHAT, bytes->data, bytes->len, tensor);
}

static int take_sequence(const List__Sequence *from, struct content *content)
{
	struct nn_tensor tensor;
	size_t i;
	int ret;

	content->list = nn_list_new(from->n_tensors);
	if (!content->list)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < from->n_tensors; i++) {
		ret = take_tensor(&from->tensors[i], &tensor);
		if (ret)
			return ret;
		content->list->items[i] = calloc(1, sizeof(struct nn_held));
		if (!content->list->items[i]) {
			nn_tensor_release(&tensor);
			return accel_fail_errno(-ENOMEM, WHAT);
		}
		*content->list->items[i] = (struct nn_held){ 1, tensor };
	}
	return 0;
}

static int take_optional(const uint8_t *bytes, size_t size, struct content *content)
{
	List__Optional *from = list__optional__unpack(NULL, size, bytes);
	int ret = from ? 0 : accel_fail(-EINVAL, WHAT, NULL, "it is damaged");

	if (!ret && from->has_tensor)
		ret = take_tensor(&from->tensor, &content->tensor);
	else if (!ret && from->sequence)
		ret = take_sequence(from->sequence, content);
	if (from)
		list__optional__free_unpacked(from, NULL);
	return ret;
}

static int take_list(const uint8_t *bytes, size_t size, struct content *content)
{
	List__Sequence *from = list__sequence__unpack(NULL, size, bytes);
	int ret = from ? take_sequence(from, content) : accel_fail(-EINVAL, WHAT, NULL, "it is damaged");

	if (from)
		list__sequence__free_unpacked(from, NULL);
	return ret;
}

/* These files are small. */
static uint8_t *read_file(const char *path, size_t *size)
{
	enum { LARGEST = 1 << 20 };
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = file ? malloc(LARGEST) : NULL;

	*size = bytes ? fread(bytes, 1, LARGEST, file) : 0;
	if (file)
		fclose(file);
	return bytes;
}

int content_load(const char *path, const struct nn_value *value, struct content *content)
{
	uint8_t *bytes;
	size_t size;
	int ret;

	*content = (struct content){ .list = NULL };
	if (nn_value_is_tensor(value))
		return nn_onnx_load_tensor(path, &content->tensor);
	bytes = read_file(path, &size);
	if (!bytes)
		return accel_fail(-EIO, WHAT, NULL, "%s cannot be read", path);
	ret = value->optional ? take_optional(bytes, size, content) : take_list(bytes, size, content);
	free(bytes);
	if (ret)
		content_release(content);
	return ret;
}

void content_release(struct content *content)
{
	nn_tensor_release(&content->tensor);
	nn_list_free(content->list);
	content->list = NULL;
}
