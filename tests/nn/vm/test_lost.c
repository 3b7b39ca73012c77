// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * A card that is reset, or removed, while a model runs on it: the run says so, and the program
 * goes on, with the same job or with the card that comes back.
 */
#include <tests/libaccel/device.h>
#include <tests/libaccel/vm/lose.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <accel/nn.h>

#include <build.h>

#define SIDE	512
#define COUNT	(SIDE * SIDE)
#define BYTES	(COUNT * sizeof(float))
#define PRODUCTS 32

struct rig {
	struct accel_device_info info;
	struct accel_device *device;
	struct accel_context *context;
	struct accel_nn_model *model;
	struct accel_nn_job *job;
	float *x, *one;			/* some numbers, and the matrix of unity */
	int64_t time;			/* of a run, in ns */
};

/* x * one * one ...: long enough to be hit, and its result is x. */
static void load(struct rig *r)
{
	char inputs[32], output[16] = "x";
	struct build b;
	uint8_t *file;
	size_t size;

	build_init(&b, 17);
	build_input(&b, "x", ACCEL_NN_FLOAT32, "512 512");
	build_input(&b, "one", ACCEL_NN_FLOAT32, "512 512");
	for (int i = 0; i < PRODUCTS; i++) {
		snprintf(inputs, sizeof(inputs), "%s one", output);
		snprintf(output, sizeof(output), "y%d", i);
		build_node(&b, "MatMul", inputs, output);
	}
	build_output(&b, output);
	file = build_pack(&b, &size);
	build_release(&b);
	good(accel_nn_load_memory(file, size, &(struct accel_nn_load_options){
		.size = sizeof(struct accel_nn_load_options), .context = r->context,
		.device = r->device }, &r->model));
	free(file);
}

static void bind(struct rig *r, uint32_t index, float *data)
{
	good(accel_nn_bind_input(r->job, index, &(struct accel_nn_tensor){
		.size = sizeof(struct accel_nn_tensor), .type = ACCEL_NN_FLOAT32, .rank = 2,
		.dims = { SIDE, SIDE }, .data = data, .bytes = BYTES }));
}

static void begin_model(struct rig *r)
{
	good(accel_context_create(r->device, &r->context));
	load(r);
	good(accel_nn_job_create(r->model, &r->job));
	bind(r, 0, r->x);
	bind(r, 1, r->one);
}

static void end_model(struct rig *r)
{
	accel_nn_job_destroy(r->job);
	accel_nn_unload(r->model);
	accel_context_destroy(r->context);
}

static void run(struct rig *r)
{
	struct accel_nn_tensor result = { .size = sizeof(result) };
	int64_t before = accel_deadline(0);

	good(accel_nn_run(r->job, NULL));
	r->time = accel_deadline(0) - before;
	good(accel_nn_get_result(r->job, 0, &result));
	assert_memory_equal(result.data, r->x, BYTES);
}

static int make_rig(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	r->x = malloc(BYTES);
	r->one = calloc(1, BYTES);
	for (int i = 0; i < COUNT; i++)
		r->x[i] = (float)(i % 97) - 48;
	for (int i = 0; i < SIDE; i++)
		r->one[i * SIDE + i] = 1;
	r->info.size = sizeof(r->info);
	good(accel_device_open(NULL, &r->device));
	good(accel_device_get_info(r->device, &r->info));
	begin_model(r);
	run(r);
	/* The first one plans. */
	run(r);
	*state = r;
	return 0;
}

static int free_rig(void **state)
{
	struct rig *r = *state;

	end_model(r);
	accel_device_close(r->device);
	free(r->x);
	free(r->one);
	free(r);
	return 0;
}

/* A run that a reset hits. */
static void reset_in_run(struct rig *r)
{
	int attempt, ret = 0;

	/* Whenever the run was over before the reset: again, and earlier. */
	for (attempt = 0; attempt < 20 && !ret; attempt++) {
		good(accel_nn_start(r->job, NULL));
		usleep((useconds_t)(r->time / 1000 * (20 - attempt) / 40));
		reset_card(r->info.pci_address);
		ret = accel_nn_wait(r->job, SOON);
	}
	bad(ret, -ECANCELED, "a reset of the card");
}

static void test_reset(void **state)
{
	struct rig *r = *state;

	reset_in_run(r);
	/* Memory was not lost: the same job may simply be run again. */
	run(r);
	run(r);
}

static void expect_carried(struct rig *r)
{
	struct accel_nn_tensor found = { .size = sizeof(found) };

	good(accel_nn_get_carried(r->job, 0, &found));
	assert_int_equal(found.bytes, BYTES);
	assert_memory_equal(found.data, r->x, BYTES);
}

/* What is carried over is what it was before the run that was hit. */
static void test_reset_carried(void **state)
{
	struct rig *r = *state;

	good(accel_nn_bind_output_to_input(r->job, 0, 0, NULL));
	good(accel_nn_run(r->job, NULL));
	reset_in_run(r);
	expect_carried(r);
	good(accel_nn_run(r->job, NULL));
	expect_carried(r);
}

/* With the card, it is gone. */
static void test_removed_carried(void **state)
{
	struct accel_nn_tensor found = { .size = sizeof(found) };
	struct rig *r = *state;
	struct accel_nn_job *other;

	good(accel_nn_bind_output_to_input(r->job, 0, 0, NULL));
	good(accel_nn_run(r->job, NULL));
	good(accel_nn_job_create(r->model, &other));
	remove_card(r->info.pci_address);
	bad(accel_nn_get_carried(r->job, 0, &found), -ENODEV, "gone");
	bad(accel_nn_copy_carried(other, 0, r->job), -ENODEV, "gone");
	bad(accel_nn_run(r->job, NULL), -ENODEV, "gone");
	/* The program begins anew with what it has itself. */
	bind(r, 0, r->x);
	bad(accel_nn_run(r->job, NULL), -ENODEV, "gone");
	accel_nn_job_destroy(other);
	end_model(r);
	accel_device_close(r->device);

	r->device = open_again();
	begin_model(r);
	run(r);
}

static void test_removed(void **state)
{
	struct rig *r = *state;
	int ret;

	good(accel_nn_start(r->job, NULL));
	usleep((useconds_t)(r->time / 3000));
	remove_card(r->info.pci_address);
	ret = accel_nn_wait(r->job, SOON);
	if (!ret)
		ret = accel_nn_run(r->job, NULL);
	bad(ret, -ENODEV, "gone");
	bad(accel_nn_run(r->job, NULL), -ENODEV, "gone");
	end_model(r);
	accel_device_close(r->device);

	r->device = open_again();
	begin_model(r);
	run(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reset, make_rig, free_rig),
		cmocka_unit_test_setup_teardown(test_reset_carried, make_rig, free_rig),
		cmocka_unit_test_setup_teardown(test_removed, make_rig, free_rig),
		cmocka_unit_test_setup_teardown(test_removed_carried, make_rig, free_rig),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("nn-lost", tests, choose_device, NULL);
}
