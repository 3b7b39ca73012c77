// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Plans that a model keeps for the sizes that come again, shared by its jobs. */
#include "case.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <accel/nn.h>

#define COLUMNS	16
#define ROWS_MAX 64

/* y = x + x, with any number of rows, in jobs that each have memory of their own. */
struct rig {
	struct card *card;
	uint8_t *file;
	size_t size;
	struct accel_nn_model *model;
};

struct user {
	struct accel_nn_job *job;
	float x[ROWS_MAX * COLUMNS];
};

static void load(struct rig *r, int32_t kept, uint64_t bytes)
{
	struct accel_nn_load_options options = {
		.size = sizeof(options), .context = r->card->context, .device = r->card->device,
		.kept_plans = kept, .kept_plan_bytes = bytes,
	};

	assert_int_equal(accel_nn_load_memory(r->file, r->size, &options, &r->model), 0);
}

static void begin(struct rig *r, struct card *card, int32_t kept, uint64_t bytes)
{
	struct build b;

	r->card = card;
	build_init(&b, 17);
	build_input(&b, "x", ACCEL_NN_FLOAT32, "N 16");
	build_node(&b, "Add", "x x", "y");
	build_output(&b, "y");
	r->file = build_pack(&b, &r->size);
	build_release(&b);
	load(r, kept, bytes);
}

static void end(struct rig *r)
{
	accel_nn_unload(r->model);
	free(r->file);
}

static struct user *make_user(struct rig *r)
{
	struct user *u = calloc(1, sizeof(*u));
	size_t i;

	assert_int_equal(accel_nn_job_create(r->model, &u->job), 0);
	for (i = 0; i < ROWS_MAX * COLUMNS; i++)
		u->x[i] = (float)i;
	return u;
}

static void free_user(struct user *u)
{
	accel_nn_job_destroy(u->job);
	free(u);
}

static int bind(struct user *u, int64_t rows)
{
	struct accel_nn_tensor x = {
		.size = sizeof(x), .type = ACCEL_NN_FLOAT32, .rank = 2, .dims = { rows, COLUMNS },
		.data = u->x, .bytes = (size_t)rows * COLUMNS * sizeof(float),
	};

	return accel_nn_bind_input(u->job, 0, &x);
}

/* 0, or what went wrong: it is also for threads, in which nothing may be asserted. */
static int run(struct user *u, int64_t rows)
{
	struct accel_nn_tensor y = { .size = sizeof(y) };
	size_t i, count = (size_t)rows * COLUMNS;
	int ret = bind(u, rows);

	if (!ret)
		ret = accel_nn_run(u->job, NULL);
	if (!ret)
		ret = accel_nn_get_result(u->job, 0, &y);
	if (ret)
		return ret;
	if (y.bytes != count * sizeof(float))
		return -ERANGE;
	for (i = 0; i < count; i++)
		if (((float *)y.data)[i] != 2 * u->x[i])
			return -EDOM;
	return 0;
}

static void expect_plans(struct user *u, uint32_t made, uint32_t reused)
{
	struct accel_nn_job_info info = { .size = sizeof(info) };

	assert_int_equal(accel_nn_get_job_info(u->job, &info), 0);
	assert_int_equal(info.plans_made, made);
	assert_int_equal(info.plans_reused, reused);
}

static void test_again(void **state)
{
	struct user *u;
	struct rig r;
	int i;

	begin(&r, *state, 0, 0);
	u = make_user(&r);
	assert_int_equal(run(u, 3), 0);
	expect_plans(u, 1, 0);
	/* Bound again, of the same size. */
	assert_int_equal(run(u, 3), 0);
	expect_plans(u, 1, 1);
	/* Not bound again: there is nothing to look for. */
	assert_int_equal(accel_nn_run(u->job, NULL), 0);
	expect_plans(u, 1, 1);
	/* To and fro. */
	for (i = 0; i < 6; i++)
		assert_int_equal(run(u, i & 1 ? 3 : 4), 0);
	expect_plans(u, 2, 6);
	free_user(u);
	/* The model keeps them longer than the job. */
	u = make_user(&r);
	assert_int_equal(run(u, 4), 0);
	expect_plans(u, 0, 1);
	free_user(u);
	end(&r);
}

static void test_oldest_goes(void **state)
{
	struct user *u;
	struct rig r;

	begin(&r, *state, 2, 0);
	u = make_user(&r);
	/* The job has one, the model keeps two. */
	assert_int_equal(run(u, 1), 0);
	assert_int_equal(run(u, 2), 0);
	assert_int_equal(run(u, 3), 0);
	assert_int_equal(run(u, 1), 0);
	expect_plans(u, 3, 1);
	/* 2 and 3 are kept, 2 was used before 3: it goes when 1 is given back. */
	assert_int_equal(run(u, 4), 0);
	expect_plans(u, 4, 1);
	assert_int_equal(run(u, 3), 0);
	assert_int_equal(run(u, 1), 0);
	assert_int_equal(run(u, 4), 0);
	expect_plans(u, 4, 4);
	assert_int_equal(run(u, 2), 0);
	expect_plans(u, 5, 4);
	free_user(u);
	end(&r);
}

static uint64_t memory_used(struct rig *r)
{
	struct accel_memory_info info = { .size = sizeof(info) };

	assert_int_equal(accel_device_get_memory(r->card->device, &info), 0);
	return info.used;
}

static void expect_nothing_kept(struct card *card, int32_t kept, uint64_t bytes)
{
	uint64_t before;
	struct user *u;
	struct rig r;

	begin(&r, card, kept, bytes);
	u = make_user(&r);
	assert_int_equal(run(u, 1), 0);
	before = memory_used(&r);
	assert_int_equal(run(u, 2), 0);
	assert_int_equal(run(u, 1), 0);
	expect_plans(u, 3, 0);
	assert_int_equal(memory_used(&r), before);
	/* What the job has, it keeps all the same. */
	assert_int_equal(run(u, 1), 0);
	free_user(u);
	end(&r);
}

static void test_none_kept(void **state)
{
	expect_nothing_kept(*state, -1, 0);
}

static void test_no_memory_kept(void **state)
{
	expect_nothing_kept(*state, 8, 1);
}

/* So much memory that there is room for some, but not for all. */
static void test_bounded_memory(void **state)
{
	struct accel_nn_job_info info = { .size = sizeof(info) };
	struct user *u;
	struct rig r;

	begin(&r, *state, 0, 0);
	u = make_user(&r);
	assert_int_equal(run(u, 8), 0);
	assert_int_equal(accel_nn_get_job_info(u->job, &info), 0);
	free_user(u);
	accel_nn_unload(r.model);

	load(&r, 0, 2 * (info.memory + info.constants));
	u = make_user(&r);
	assert_int_equal(run(u, 8), 0);
	assert_int_equal(run(u, 7), 0);
	assert_int_equal(run(u, 6), 0);
	assert_int_equal(run(u, 5), 0);
	expect_plans(u, 4, 0);
	assert_int_equal(run(u, 6), 0);
	expect_plans(u, 4, 1);
	assert_int_equal(run(u, 8), 0);
	expect_plans(u, 5, 1);
	/* One that does not fit by itself does not push the others out. */
	assert_int_equal(run(u, ROWS_MAX), 0);
	assert_int_equal(run(u, 8), 0);
	expect_plans(u, 6, 2);
	free_user(u);
	end(&r);
}

static void test_two_jobs(void **state)
{
	struct user *one, *two;
	struct rig r;

	begin(&r, *state, -1, 0);
	one = make_user(&r);
	two = make_user(&r);
	assert_int_equal(run(one, 9), 0);
	/* One after the other they have the same, and it stays as long as one of them has it. */
	assert_int_equal(run(two, 9), 0);
	expect_plans(two, 0, 1);
	free_user(one);
	assert_int_equal(accel_nn_run(two->job, NULL), 0);
	one = make_user(&r);
	assert_int_equal(run(one, 9), 0);
	expect_plans(one, 0, 1);
	free_user(one);
	free_user(two);
	end(&r);
}

static struct accel_nn_step step_of(struct user *u)
{
	struct accel_nn_step step = { .size = sizeof(step) };

	assert_int_equal(accel_nn_get_step(u->job, 0, &step), 0);
	return step;
}

static void test_own_profiles(void **state)
{
	struct user *one, *two;
	struct accel_nn_step step;
	int64_t time;
	struct rig r;

	begin(&r, *state, 0, 0);
	one = make_user(&r);
	two = make_user(&r);
	assert_int_equal(bind(one, 5), 0);
	assert_int_equal(bind(two, 5), 0);
	assert_int_equal(accel_nn_profile(one->job, NULL), 0);
	assert_int_equal(accel_nn_prepare(two->job), 0);
	expect_plans(two, 0, 1);
	/* The plan is the same, what was measured is not. */
	assert_null(step_of(two).profile);
	step = step_of(one);
	time = step.time;
	assert_true(time > 0);
	assert_int_equal(accel_nn_profile(two->job, NULL), 0);
	assert_int_equal(step_of(one).time, time);
	assert_ptr_not_equal(step_of(one).profile, step_of(two).profile);
	free_user(one);
	free_user(two);
	end(&r);
}

/* What is kept makes room when a new plan needs it. */
static void test_card_is_full(void **state)
{
	struct card small = { 0 };
	struct accel_buffer *rest[64] = { NULL };
	size_t count = 0, size;
	struct user *u;
	struct rig r;

	(void)state;
	assert_int_equal(accel_device_open("sim:vram=64M,clusters=1", &small.device), 0);
	assert_int_equal(accel_context_create(small.device, &small.context), 0);
	begin(&r, &small, 0, 0);
	u = make_user(&r);
	assert_int_equal(run(u, 1), 0);
	assert_int_equal(run(u, 2), 0);
	assert_int_equal(run(u, 3), 0);
	/* All that is left, in pieces that become smaller. */
	for (size = 32 << 20; size >= 4096; size /= 2)
		while (count < 64 && !accel_buffer_create(small.context, size, NULL, &rest[count]))
			count++;
	assert_true(count < 64);
	assert_int_equal(run(u, 4), 0);
	expect_plans(u, 4, 0);
	free_user(u);
	end(&r);
	while (count)
		accel_buffer_destroy(rest[--count]);
	accel_context_destroy(small.context);
	accel_device_close(small.device);
}

/* ---- Many at a time ---- */

#define THREADS	4
#define RUNS	24

struct worker {
	pthread_t thread;
	struct user *user;
	uint32_t seed;
	int ret;
};

static void *work(void *opaque)
{
	struct worker *w = opaque;
	int i;

	for (i = 0; i < RUNS && !w->ret; i++) {
		w->seed = w->seed * 1664525u + 1013904223u;
		w->ret = run(w->user, 1 + (w->seed >> 16) % 5);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct worker workers[THREADS] = { 0 };
	struct rig r;
	uint32_t i;

	/* Few are kept, so that they come and go. */
	begin(&r, *state, 2, 0);
	for (i = 0; i < THREADS; i++) {
		workers[i].user = make_user(&r);
		workers[i].seed = i;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_int_equal(workers[i].ret, 0);
		free_user(workers[i].user);
	}
	end(&r);
}

/* The same sizes at the same time: nobody gets what another one computes. */
static void test_same_at_once(void **state)
{
	struct user *users[THREADS];
	uint32_t i, round;
	struct rig r;

	begin(&r, *state, 0, 0);
	for (i = 0; i < THREADS; i++) {
		users[i] = make_user(&r);
		users[i]->x[0] = (float)(100 + i);
		assert_int_equal(bind(users[i], 2), 0);
	}
	for (round = 0; round < 8; round++) {
		struct accel_nn_tensor y = { .size = sizeof(y) };

		for (i = 0; i < THREADS; i++)
			assert_int_equal(accel_nn_start(users[i]->job, NULL), 0);
		for (i = 0; i < THREADS; i++)
			assert_int_equal(accel_nn_wait(users[i]->job, ACCEL_FOREVER), 0);
		for (i = 0; i < THREADS; i++) {
			assert_int_equal(accel_nn_get_result(users[i]->job, 0, &y), 0);
			assert_true(*(float *)y.data == (float)(2 * (100 + i)));
		}
	}
	for (i = 0; i < THREADS; i++)
		free_user(users[i]);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_oldest_goes),
		cmocka_unit_test(test_none_kept),
		cmocka_unit_test(test_no_memory_kept),
		cmocka_unit_test(test_bounded_memory),
		cmocka_unit_test(test_two_jobs),
		cmocka_unit_test(test_own_profiles),
		cmocka_unit_test(test_card_is_full),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_same_at_once),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
