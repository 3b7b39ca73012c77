// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The importer, with models that are sound, wrong in one place, cut off, or damaged: what is
 * wrong must be said, and the address sanitizer watches that nothing is read outside of
 * the file, or leaked.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <libaccel/error.h>
#include <libaccel/nn/infer.h>
#include <libaccel/nn/onnx.h>
#include <libaccel/nn/wire.h>

#include "build.h"

#define TYPE(name)	ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

static const int64_t shape[] = { 2, -1 };

/* x[N, 4] -> Relu -> Reshape to [2, -1] -> y */
static void build_sound(struct build *b)
{
	build_init(b, 13);
	build_input(b, "x", NN_F32, "N 4");
	build_ints(b, "shape", 2, shape);
	build_node(b, "Relu", "x", "h");
	build_node(b, "Reshape", "h shape", "y");
	build_output(b, "y");
}

/* Read what was built, and say how that ended; expects `error`, and `text` in the message. */
static struct nn_model *read_built(struct build *b, uint8_t **file, int error, const char *text)
{
	struct nn_model *model = NULL;
	size_t size;
	int ret;

	*file = build_pack(b, &size);
	ret = nn_onnx_read("cannot read the model", *file, size, -1, &model);
	if (ret != error || (error && !strstr(accel_last_error()->message, text)))
		print_error("%d: %s\n", ret, ret ? accel_last_error()->message : "fine");
	assert_int_equal(ret, error);
	if (error)
		assert_non_null(strstr(accel_last_error()->message, text));
	return model;
}

static void expect(struct build *b, int error, const char *text)
{
	uint8_t *file;
	struct nn_model *model = read_built(b, &file, error, text);

	nn_model_free(model);
	free(file);
	build_release(b);
}

static void test_sound(void **state)
{
	struct nn_model *model;
	struct build b;
	uint8_t *file;

	(void)state;
	build_sound(&b);
	model = read_built(&b, &file, 0, "");
	assert_int_equal(model->graph->node_count, 2);
	assert_int_equal(model->graph->input_count, 1);
	assert_string_equal(model->graph->inputs[0]->name, "x");
	assert_true(model->graph->inputs[0]->shape.dims[0] < 0);
	assert_string_equal(model->symbols[-model->graph->inputs[0]->shape.dims[0]], "N");
	assert_ptr_equal(model->graph->nodes[1]->inputs[0]->producer, model->graph->nodes[0]);
	/* The weights are not copied. */
	assert_in_range((uintptr_t)model->graph->nodes[1]->inputs[1]->constant->data,
			(uintptr_t)file, (uintptr_t)file + 1000);
	assert_null(nn_first_unsupported(model));
	nn_model_free(model);
	free(file);
	build_release(&b);
}

static void test_unsupported(void **state)
{
	struct nn_model *model;
	struct build b;
	uint8_t *file;

	(void)state;
	build_sound(&b);
	build_node(&b, "Frobnicate\033[2J", "y", "z");
	model = read_built(&b, &file, 0, "");
	assert_int_equal(nn_fail_unsupported(nn_first_unsupported(model)), -ENOTSUP);
	assert_string_equal(accel_last_error()->message,
			    "node 2, Frobnicate?[2J: the operator Frobnicate?[2J is not supported");
	nn_model_free(model);
	free(file);
	build_release(&b);
}

static void test_names(void **state)
{
	struct build b;

	(void)state;
	build_sound(&b);
	build_node(&b, "Relu", "nowhere", "z");
	expect(&b, -EINVAL, "node 2, Relu: its input 0, 'nowhere', is no input");
	build_sound(&b);
	build_node(&b, "Relu", "x", "h");
	expect(&b, -EINVAL, "'h' has the name of another value");
	build_sound(&b);
	build_node(&b, "Relu", "x", "x");
	expect(&b, -EINVAL, "'x' has the name of another value");
	build_sound(&b);
	build_output(&b, "nothing");
	expect(&b, -EINVAL, "nothing computes output 'nothing'");
}

static void test_nodes(void **state)
{
	struct build b;

	(void)state;
	build_sound(&b);
	build_int(&b, b.nodes[0], "alpha", 1);
	expect(&b, -EINVAL, "node 0, Relu: in version 13 of its operators it has no attribute alpha");
	build_sound(&b);
	build_attr(&b, build_node(&b, "Softmax", "x", "s"), "axis", TYPE(FLOAT));
	expect(&b, -EINVAL, "its attribute axis is a number, where it should be an integer");
	build_sound(&b);
	build_node(&b, "Concat", "x", "c");
	expect(&b, -EINVAL, "its attribute axis is missing");
	build_sound(&b);
	build_node(&b, "Add", "x", "c");
	expect(&b, -EINVAL, "node 2, Add: its input B is missing");
	build_sound(&b);
	build_node(&b, "Add", "- x", "c");
	expect(&b, -EINVAL, "node 2, Add: its input A is missing");
	build_sound(&b);
	build_node(&b, "Relu", "x x", "c");
	expect(&b, -EINVAL, "it has 2 inputs, more than 1");
}

static void test_versions(void **state)
{
	struct build b;

	(void)state;
	build_sound(&b);
	b.opset.version = 0;
	expect(&b, -ENOTSUP, "version 0 of ONNX's operators; versions 1 to");
	build_sound(&b);
	b.opset.version = INT64_MAX;
	expect(&b, -ENOTSUP, "of ONNX's operators");
	build_sound(&b);
	b.model.n_opset_import = 0;
	expect(&b, -EINVAL, "names no version");
	build_sound(&b);
	b.model.graph = NULL;
	expect(&b, -EINVAL, "it has no graph");
}

/* Nodes in the wrong order are put right, and circles found. */
static void test_order(void **state)
{
	struct nn_model *model;
	struct build b;
	uint8_t *file;

	(void)state;
	build_init(&b, 13);
	build_input(&b, "x", NN_F32, "4");
	build_node(&b, "Relu", "b", "c");
	build_node(&b, "Relu", "a", "b");
	build_node(&b, "Relu", "x", "a");
	build_output(&b, "c");
	model = read_built(&b, &file, 0, "");
	assert_string_equal(model->graph->nodes[0]->outputs[0]->name, "a");
	assert_string_equal(model->graph->nodes[2]->outputs[0]->name, "c");
	nn_model_free(model);
	free(file);
	build_release(&b);

	build_init(&b, 13);
	build_node(&b, "Relu", "c", "a");
	build_node(&b, "Relu", "a", "b");
	build_node(&b, "Relu", "b", "c");
	expect(&b, -ELOOP, "(3 nodes in a circle)");
	build_init(&b, 13);
	build_node(&b, "Relu", "a", "a");
	expect(&b, -ELOOP, "node 0, Relu: it depends on its own result");
}

/* A subgraph sees the names around it, and its node depends on those that it uses. */
static void test_subgraph(void **state)
{
	Onnx__GraphProto inner = ONNX__GRAPH_PROTO__INIT;
	Onnx__NodeProto *node;
	struct nn_model *model;
	struct build b, in;
	uint8_t *file;
	const struct nn_graph *graph;

	(void)state;
	build_init(&in, 13);
	build_node(&in, "Relu", "late", "inner");
	build_output(&in, "inner");
	inner = in.graph;

	build_init(&b, 13);
	build_input(&b, "x", NN_F32, "4");
	build_input(&b, "c", NN_BOOL, "");
	node = build_node(&b, "If", "c", "y");
	build_graph_attr(&b, node, "then_branch", &inner);
	build_graph_attr(&b, node, "else_branch", &inner);
	build_node(&b, "Relu", "x", "late");
	build_output(&b, "y");
	model = read_built(&b, &file, 0, "");
	assert_string_equal(model->graph->nodes[0]->type, "Relu");
	graph = nn_attr_find(model->graph->nodes[1], "then_branch")->graph;
	assert_int_equal(graph->capture_count, 1);
	assert_string_equal(graph->captures[0]->name, "late");
	nn_model_free(model);
	free(file);
	build_release(&b);
	build_release(&in);
}

static void test_tensors(void **state)
{
	struct build b;

	(void)state;
	build_sound(&b);
	b.tensors[0]->dims[0] = 3;
	expect(&b, -EINVAL, "initializer 'shape': it has 16 bytes, where its shape asks for 24");
	build_sound(&b);
	b.tensors[0]->dims[0] = INT64_MAX;
	expect(&b, -EFBIG, "initializer 'shape': its size does not fit any memory");
	build_sound(&b);
	b.tensors[0]->dims[0] = -1;
	expect(&b, -EINVAL, "dimension 0 is -1");
	build_sound(&b);
	b.tensors[0]->data_type = 99;
	expect(&b, -EINVAL, "its elements are of type 99");
	build_sound(&b);
	b.tensors[0]->has_raw_data = 0;
	b.tensors[0]->n_int64_data = 1;
	b.tensors[0]->int64_data = (int64_t *)shape;
	expect(&b, -EINVAL, "it has 1 numbers, where its shape asks for 2");
	build_sound(&b);
	b.tensors[0]->n_dims = 9;
	b.tensors[0]->dims = (int64_t[9]){ 0 };
	expect(&b, -ENOTSUP, "it has 9 dimensions");
}

/* ---- External data ---- */

struct folder {
	char path[64];
	char model[96], data[96];
};

static int make_folder(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	strcpy(f->path, "/tmp/nn-test-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	snprintf(f->model, sizeof(f->model), "%s/model.onnx", f->path);
	snprintf(f->data, sizeof(f->data), "%s/weights", f->path);
	*state = f;
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *f = *state;

	unlink(f->model);
	unlink(f->data);
	rmdir(f->path);
	free(f);
	return 0;
}

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	fclose(f);
}

static void try_external(struct folder *f, const char *location, const char *offset, int error,
			 const char *text)
{
	const char *const pairs[][2] = { { "location", location }, { "offset", offset } };
	Onnx__StringStringEntryProto entries[2], *list[2];
	struct nn_model *model = NULL;
	struct build b;
	uint8_t *file;
	size_t size;
	int i, ret;

	build_sound(&b);
	for (i = 0; i < 2; i++) {
		onnx__string_string_entry_proto__init(&entries[i]);
		entries[i].key = (char *)pairs[i][0];
		entries[i].value = (char *)pairs[i][1];
		list[i] = &entries[i];
	}
	b.tensors[0]->has_raw_data = 0;
	b.tensors[0]->has_data_location = 1;
	b.tensors[0]->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
	b.tensors[0]->n_external_data = 2;
	b.tensors[0]->external_data = list;
	file = build_pack(&b, &size);
	write_file(f->model, file, size);
	ret = nn_onnx_load(f->model, &model);
	assert_int_equal(ret, error);
	if (error)
		assert_non_null(strstr(accel_last_error()->message, text));
	else
		assert_memory_equal(model->graph->nodes[1]->inputs[1]->constant->data, shape,
				    sizeof(shape));
	nn_model_free(model);
	free(file);
	build_release(&b);
}

static void test_external(void **state)
{
	struct folder *f = *state;
	char data[1 + sizeof(shape)] = { 0 };

	/* Not aligned, on purpose. */
	memcpy(data + 1, shape, sizeof(shape));
	write_file(f->data, data, sizeof(data));
	try_external(f, "weights", "1", 0, "");
	try_external(f, "./weights", "1", 0, "");
	try_external(f, "weights", "2", -EINVAL, "ends after 17 of 18 bytes");
	try_external(f, "weights", "18446744073709551615", -EINVAL, "ends after 17");
	try_external(f, "weights", "-1", -EINVAL, "is not a number");
	try_external(f, "missing", "0", -ENOENT, "the file missing: No such file");
	try_external(f, "../weights", "0", -EINVAL, "not below the model's folder");
	try_external(f, "a/../../weights", "0", -EINVAL, "not below the model's folder");
	try_external(f, "/etc/passwd", "0", -EINVAL, "not below the model's folder");
	try_external(f, ".", "0", -EISDIR, "Is a directory");
	try_external(f, "", "0", -EINVAL, "which is not named");
}

/* ---- Damage ---- */

static int read_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct nn_model *model = NULL;
	int ret;

	memcpy(copy, data, size);
	ret = nn_onnx_read("cannot read the model", copy, size, -1, &model);
	if (ret)
		assert_true(accel_last_error()->message[0]);
	nn_model_free(model);
	free(copy);
	return ret;
}

static void test_truncated(void **state)
{
	struct build b;
	uint8_t *file;
	size_t size, i, sound = 0;

	(void)state;
	build_sound(&b);
	file = build_pack(&b, &size);
	for (i = 0; i < size; i++)
		sound += !read_copy(file, i);
	/* The graph is one field, which must be whole; the versions come after it. */
	assert_int_equal(sound, 0);
	assert_int_equal(read_copy(file, size), 0);
	free(file);
	build_release(&b);
}

static void test_damaged(void **state)
{
	struct build b;
	uint8_t *file, old;
	size_t size, i;
	unsigned int value, refused = 0;

	(void)state;
	build_sound(&b);
	file = build_pack(&b, &size);
	for (i = 0; i < size; i++) {
		old = file[i];
		for (value = 0; value < 256; value += 5) {
			file[i] = (uint8_t)value;
			refused += read_copy(file, size) != 0;
		}
		file[i] = old;
	}
	assert_true(refused > size);
	free(file);
	build_release(&b);
}

/* Graphs in graphs in graphs: deeper than any stack, if nobody counted. */
static void test_nested(void **state)
{
	const ProtobufCMessageDescriptor *type = &onnx__model_proto__descriptor;
	size_t size = 0, copy_size, i;
	uint8_t *file = NULL, *copy;

	(void)state;
	/* From the inside: an attribute's graph (6), a graph's node (1), a node's attribute (5). */
	for (i = 0; i < 3000; i++) {
		static const uint8_t keys[] = { 6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2 };
		uint8_t head[4] = { keys[i % 3], (uint8_t)(size | 0x80), (uint8_t)(size >> 7 | 0x80),
				    (uint8_t)(size >> 14) };
		uint8_t *more = malloc(size + 4);

		memcpy(more, head, 4);
		if (size)
			memcpy(more + 4, file, size);
		free(file);
		file = more;
		size += 4;
	}
	/* As a graph, of the model's field 7. */
	file = realloc(file, size + 4);
	memmove(file + 4, file, size);
	memcpy(file, (uint8_t[]){ 7 << 3 | 2, (uint8_t)(size | 0x80), (uint8_t)(size >> 7 | 0x80),
				  (uint8_t)(size >> 14) }, 4);
	size += 4;
	assert_int_equal(nn_wire_cut("it", file, size, type, &onnx__tensor_proto__descriptor,
				     "raw_data", &copy, &copy_size), -EFBIG);
	assert_non_null(strstr(accel_last_error()->message, "nest more than 64 deep"));
	assert_int_equal(read_copy(file, size), -EFBIG);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_subgraph),
		cmocka_unit_test(test_tensors),
		cmocka_unit_test_setup_teardown(test_external, make_folder, remove_folder),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_nested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
