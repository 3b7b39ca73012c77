// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * NumPy's files. A .npy file is a magic, a version, the length of a header, the header, which is
 * a Python dictionary in text, and the elements; a .npz file is a zip archive of them.
 */
#include "accel-run.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#define MAGIC		"\x93NUMPY"
#define MAGIC_SIZE	6

/* NumPy's names of types. It has no bfloat16. */
static const struct {
	const char *name;
	uint32_t type;
} types[] = {
	{ "|b1", ACCEL_NN_BOOL }, { "|u1", ACCEL_NN_UINT8 }, { "|i1", ACCEL_NN_INT8 },
	{ "<u2", ACCEL_NN_UINT16 }, { "<i2", ACCEL_NN_INT16 }, { "<u4", ACCEL_NN_UINT32 },
	{ "<i4", ACCEL_NN_INT32 }, { "<u8", ACCEL_NN_UINT64 }, { "<i8", ACCEL_NN_INT64 },
	{ "<f2", ACCEL_NN_FLOAT16 }, { "<f4", ACCEL_NN_FLOAT32 }, { "<f8", ACCEL_NN_FLOAT64 },
};

#define TYPES (sizeof(types) / sizeof(types[0]))

/* Longer texts are not read: how long one is may be any number in the file. */
#define TEXT_MAX	((size_t)1 << 28)

static enum status refuse(const char *path, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static enum status refuse(const char *path, const char *name, const char *format, ...)
{
	char why[200];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	complain("save it again with numpy.save()", "cannot read %s%s%s: %s", path,
		 name[0] ? ", array " : "", name, why);
	return STATUS_USAGE;
}

/* The value of a key of the dictionary, behind blanks; NULL if there is none. */
static const char *find_key(const char *header, const char *key)
{
	const char *at = strstr(header, key);

	if (!at)
		return NULL;
	for (at += strlen(key); *at == ' ' || *at == ':'; at++)
		;
	return at;
}

/* How many characters an element of texts has: the name's last part. */
static size_t text_width(const char *name)
{
	return isdigit((unsigned char)name[2]) ? strtoul(name + 2, NULL, 10) : SIZE_MAX;
}

static bool is_points(const char *name)
{
	return !strncmp(name, "<U", 2);
}

static bool parse_type(const char *header, uint32_t *type, char *name, size_t size)
{
	const char *at = find_key(header, "'descr'");
	size_t i;

	if (!at || *at != '\'' || !strchr(at + 1, '\''))
		return false;
	snprintf(name, size, "%.*s", (int)strcspn(at + 1, "'"), at + 1);
	*type = ACCEL_NN_STRING;
	if (is_points(name) || !strncmp(name, "|S", 2))
		return text_width(name) <= TEXT_MAX;
	for (i = 0; i < TYPES; i++) {
		/* A byte has no order, whatever is written there. */
		if (strcmp(types[i].name, name) &&
		    (types[i].name[0] != '|' || strcmp(types[i].name + 1, name + 1)))
			continue;
		*type = types[i].type;
		return true;
	}
	return false;
}

static bool parse_shape(const char *header, struct accel_nn_tensor *tensor)
{
	const char *at = find_key(header, "'shape'");
	char *end;

	if (!at || *at++ != '(')
		return false;
	for (;;) {
		while (*at == ' ' || *at == ',')
			at++;
		if (*at == ')')
			return true;
		if (!isdigit((unsigned char)*at) || tensor->rank == ACCEL_NN_RANK_MAX)
			return false;
		errno = 0;
		tensor->dims[tensor->rank++] = strtoll(at, &end, 10);
		if (errno)
			return false;
		at = end;
	}
}

/* The header's text, to be freed, and where the elements begin. */
static char *cut_header(const uint8_t *data, size_t size, size_t *elements)
{
	size_t begin = 10, length;

	if (size < 12 || memcmp(data, MAGIC, MAGIC_SIZE) || data[6] < 1 || data[6] > 3)
		return NULL;
	length = data[8] | (size_t)data[9] << 8;
	if (data[6] > 1) {
		length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
		begin = 12;
	}
	if (length > size - begin)
		return NULL;
	*elements = begin + length;
	return strndup((const char *)data + begin, length);
}

/* Elements that are texts: NULL, or why not. */
static const char *take_texts(struct arrays *arrays, const char *name, const char *type,
			      const struct accel_nn_tensor *like, const uint8_t *data, size_t size)
{
	const size_t width = text_width(type), each = is_points(type) ? width * 4 : width;
	size_t bytes = each;
	uint32_t i;

	for (i = 0; i < like->rank; i++)
		if (__builtin_mul_overflow(bytes, (size_t)like->dims[i], &bytes))
			return "it is too large";
	if (bytes != size)
		return "its texts are cut off, or there are more than its shape asks for";
	return is_points(type) ? texts_from_points(arrays, name, like, data, width) :
				 texts_from_bytes(arrays, name, like, data, width);
}

/* Elements that are numbers: they are as they are in memory. */
static enum status take_numbers(struct arrays *arrays, const char *path, const char *name,
				const struct accel_nn_tensor *like, const uint8_t *data, size_t size)
{
	struct array *array;

	if (!arrays_add(arrays, name, like, &array))
		return refuse(path, name, "it is too large");
	if (array->tensor.bytes != size)
		return refuse(path, name, "it has %zu bytes of elements, its shape asks for %zu", size,
			      array->tensor.bytes);
	memcpy(array->tensor.data, data, size);
	return STATUS_OK;
}

enum status npy_parse(struct arrays *arrays, const char *path, const char *name,
		      const uint8_t *data, size_t size)
{
	struct accel_nn_tensor tensor = { .size = sizeof(tensor) };
	char *header, type[16] = "?";
	const char *order, *why;
	size_t elements;
	bool understood;

	header = cut_header(data, size, &elements);
	if (!header)
		return refuse(path, name, "it is not a NumPy file, or it is cut off");
	order = find_key(header, "'fortran_order'");
	if (!order || !strncmp(order, "True", 4)) {
		free(header);
		return refuse(path, name, "its elements are in Fortran's order");
	}
	understood = parse_type(header, &tensor.type, type, sizeof(type));
	if (understood && !parse_shape(header, &tensor)) {
		free(header);
		return refuse(path, name, "its shape makes no sense, or has more than %d dimensions",
			      ACCEL_NN_RANK_MAX);
	}
	free(header);
	if (!understood) {
		complain("convert it with NumPy's astype(), such as to '<f4' or '<U8'",
			 "cannot read %s%s%s: its elements are of the type '%s'", path,
			 name[0] ? ", array " : "", name, type);
		return STATUS_USAGE;
	}
	if (tensor.type != ACCEL_NN_STRING)
		return take_numbers(arrays, path, name, &tensor, data + elements, size - elements);
	why = take_texts(arrays, name, type, &tensor, data + elements, size - elements);
	return why ? refuse(path, name, "%s", why) : STATUS_OK;
}

/* NumPy's name of a tensor's type. */
static enum status name_type(const char *path, const struct accel_nn_tensor *tensor, char name[32],
			     size_t *width)
{
	size_t i;

	for (i = 0; i < TYPES && types[i].type != tensor->type; i++)
		;
	if (i < TYPES) {
		strcpy(name, types[i].name);
		return STATUS_OK;
	}
	if (tensor->type != ACCEL_NN_STRING) {
		complain("use a .pb file, or plain numbers", "cannot write %s: NumPy has no type %s",
			 path, accel_nn_type_name(tensor->type));
		return STATUS_USAGE;
	}
	if (!texts_width(tensor, width)) {
		complain("use a .pb file", "cannot write %s: a text is not UTF-8", path);
		return STATUS_FAILED;
	}
	snprintf(name, 32, "<U%zu", *width);
	return STATUS_OK;
}

enum status npy_header(const char *path, const struct accel_nn_tensor *tensor, uint8_t **start,
		       size_t *size)
{
	char shape[SHAPE_TEXT] = "", type[32], *header;
	size_t used, width = 0, bytes = 0;
	enum status status = name_type(path, tensor, type, &width);

	if (status)
		return status;
	if (__builtin_mul_overflow(count_elements(tensor), width * sizeof(uint32_t), &bytes))
		return STATUS_FAILED;
	header = check_memory(calloc(1, bytes + 512));
	for (used = 0; used < tensor->rank; used++)
		snprintf(shape + strlen(shape), sizeof(shape) - strlen(shape), "%lld, ",
			 (long long)tensor->dims[used]);
	used = (size_t)snprintf(header + 10, 500, "{'descr': '%s', 'fortran_order': False, "
				"'shape': (%s), }", type, shape);
	/* Elements begin at a multiple of 64, behind a line's end. */
	*size = (10 + used + 1 + 63) / 64 * 64;
	memset(header + 10 + used, ' ', *size - 10 - used);
	header[*size - 1] = '\n';
	memcpy(header, MAGIC "\x01\x00", MAGIC_SIZE + 2);
	header[8] = (char)((*size - 10) & 255);
	header[9] = (char)((*size - 10) >> 8);
	*start = (uint8_t *)header;
	if (width)
		texts_to_points(tensor, width, *start + *size);
	*size += bytes;
	return STATUS_OK;
}

/* ---- Archives ---- */

/* A larger array in an archive is not read: its size is what the archive says of itself. */
#define ENTRY_MAX	((zip_uint64_t)16 << 30)

static enum status read_entry(struct arrays *arrays, const char *path, zip_t *zip, zip_uint64_t i)
{
	enum status status;
	zip_file_t *file;
	zip_int64_t got;
	uint8_t *data;
	zip_stat_t st;
	char *name;

	if (zip_stat_index(zip, i, 0, &st) || !(st.valid & ZIP_STAT_SIZE) || st.size > ENTRY_MAX)
		return refuse(path, "", "it is damaged");
	data = malloc(st.size + 1);
	file = data ? zip_fopen_index(zip, i, 0) : NULL;
	got = file ? zip_fread(file, data, st.size) : -1;
	if (file)
		zip_fclose(file);
	if (got < 0 || (zip_uint64_t)got != st.size) {
		free(data);
		return refuse(path, st.name, "it is damaged");
	}
	name = check_memory(strdup(st.name));
	if (strlen(name) > 4 && !strcmp(name + strlen(name) - 4, ".npy"))
		name[strlen(name) - 4] = '\0';
	status = npy_parse(arrays, path, name, data, st.size);
	free(name);
	free(data);
	return status;
}

enum status npz_read(struct arrays *arrays, const char *path)
{
	enum status status = STATUS_OK;
	zip_error_t error;
	zip_int64_t i;
	zip_t *zip;
	int code;

	zip = zip_open(path, ZIP_RDONLY, &code);
	if (!zip) {
		zip_error_init_with_code(&error, code);
		complain(NULL, "cannot read %s: %s", path, zip_error_strerror(&error));
		zip_error_fini(&error);
		return STATUS_USAGE;
	}
	for (i = 0; i < zip_get_num_entries(zip, 0) && !status; i++)
		status = read_entry(arrays, path, zip, (zip_uint64_t)i);
	zip_discard(zip);
	return status;
}

static enum status add_entry(const char *path, zip_t *zip, const struct array *array)
{
	const size_t more = array->tensor.type == ACCEL_NN_STRING ? 0 : array->tensor.bytes;
	size_t size, name_size = strlen(array->name) + 5;
	zip_source_t *source;
	zip_int64_t index;
	uint8_t *whole;
	enum status status = npy_header(path, &array->tensor, &whole, &size);
	char *name;

	if (status)
		return status;
	whole = check_memory(realloc(whole, size + more));
	memcpy(whole + size, array->tensor.data, more);
	name = check_memory(malloc(name_size));
	snprintf(name, name_size, "%s.npy", array->name);
	/* The memory is the source's from now on. */
	source = zip_source_buffer(zip, whole, size + more, 1);
	index = source ? zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) : -1;
	free(name);
	if (index < 0) {
		complain(NULL, "cannot write %s: %s", path, zip_strerror(zip));
		if (source)
			zip_source_free(source);
		else
			free(whole);
		return STATUS_FAILED;
	}
	/* As numpy.savez() does; and equal contents are equal files. */
	zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0);
	zip_file_set_dostime(zip, (zip_uint64_t)index, 0, 0x21, 0);
	return STATUS_OK;
}

enum status npz_write(const char *path, const struct array *arrays, size_t count)
{
	enum status status = STATUS_OK;
	zip_t *zip;
	size_t i;
	int code;

	zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
	if (!zip) {
		complain(NULL, "cannot write %s: %s", path, strerror(errno));
		return STATUS_FAILED;
	}
	for (i = 0; i < count && !status; i++)
		status = add_entry(path, zip, &arrays[i]);
	if (!status && zip_close(zip)) {
		complain(NULL, "cannot write %s: %s", path, zip_strerror(zip));
		status = STATUS_FAILED;
	}
	if (status)
		zip_discard(zip);
	return status;
}
