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

static bool parse_type(const char *header, uint32_t *type, char *name, size_t size)
{
	const char *at = find_key(header, "'descr'");
	size_t i;

	if (!at || *at != '\'' || !strchr(at + 1, '\''))
		return false;
	snprintf(name, size, "%.*s", (int)strcspn(at + 1, "'"), at + 1);
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

enum status npy_parse(struct arrays *arrays, const char *path, const char *name,
		      const uint8_t *data, size_t size)
{
	struct accel_nn_tensor tensor = { .size = sizeof(tensor) };
	char *header, type[16] = "?";
	const char *order;
	struct array *array;
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
	if (!understood)
		return refuse(path, name, "its elements are of the type '%s'", type);
	if (!arrays_add(arrays, name, &tensor, &array))
		return refuse(path, name, "it is too large");
	if (array->tensor.bytes != size - elements)
		return refuse(path, name, "it has %zu bytes of elements, its shape asks for %zu",
			      size - elements, array->tensor.bytes);
	memcpy(array->tensor.data, data + elements, array->tensor.bytes);
	return STATUS_OK;
}

uint8_t *npy_header(const struct accel_nn_tensor *tensor, size_t *size)
{
	char shape[SHAPE_TEXT] = "", *header;
	size_t i, used;

	for (i = 0; i < TYPES && types[i].type != tensor->type; i++)
		;
	if (i == TYPES)
		return NULL;
	header = check_memory(calloc(1, 512));
	for (used = 0; used < tensor->rank; used++)
		snprintf(shape + strlen(shape), sizeof(shape) - strlen(shape), "%lld, ",
			 (long long)tensor->dims[used]);
	used = (size_t)snprintf(header + 10, 500, "{'descr': '%s', 'fortran_order': False, "
				"'shape': (%s), }", types[i].name, shape);
	/* Elements begin at a multiple of 64, behind a line's end. */
	*size = (10 + used + 1 + 63) / 64 * 64;
	memset(header + 10 + used, ' ', *size - 10 - used);
	header[*size - 1] = '\n';
	memcpy(header, MAGIC "\x01\x00", MAGIC_SIZE + 2);
	header[8] = (char)((*size - 10) & 255);
	header[9] = (char)((*size - 10) >> 8);
	return (uint8_t *)header;
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

static bool add_entry(zip_t *zip, const struct array *array)
{
	size_t size, name_size = strlen(array->name) + 5;
	uint8_t *header = npy_header(&array->tensor, &size), *whole;
	char *name = check_memory(malloc(name_size));
	zip_source_t *source;
	zip_int64_t index = -1;

	snprintf(name, name_size, "%s.npy", array->name);
	whole = header ? realloc(header, size + array->tensor.bytes) : NULL;
	if (whole) {
		memcpy(whole + size, array->tensor.data, array->tensor.bytes);
		/* The memory is the source's from now on. */
		source = zip_source_buffer(zip, whole, size + array->tensor.bytes, 1);
		index = source ? zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) : -1;
		if (index < 0 && source)
			zip_source_free(source);
		/* As numpy.savez() does; and equal contents are equal files. */
		if (index >= 0) {
			zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0);
			zip_file_set_dostime(zip, (zip_uint64_t)index, 0, 0x21, 0);
		}
	}
	free(name);
	return index >= 0;
}

enum status npz_write(const char *path, const struct array *arrays, size_t count)
{
	bool good = true;
	zip_t *zip;
	size_t i;
	int code;

	zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
	if (!zip) {
		complain(NULL, "cannot write %s: %s", path, strerror(errno));
		return STATUS_FAILED;
	}
	for (i = 0; i < count && good; i++)
		good = add_entry(zip, &arrays[i]);
	if (!good) {
		complain(NULL, "cannot write %s: NumPy has no type %s", path,
			 accel_nn_type_name(arrays[i - 1].tensor.type));
		zip_discard(zip);
		return STATUS_FAILED;
	}
	if (zip_close(zip)) {
		complain(NULL, "cannot write %s: %s", path, zip_strerror(zip));
		zip_discard(zip);
		return STATUS_FAILED;
	}
	return STATUS_OK;
}
