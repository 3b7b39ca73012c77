// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* The choice between ready queues, without threads: every decision is exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "queue.h"
#include "runlist.h"

#define SLICE	1000

struct env {
	struct egret_runlist rl;
	struct egret_queue *q;		/* queue i has priority i % 4 */
};

static int setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	egret_runlist_init(&e->rl);
	e->q = calloc(64, sizeof(*e->q));
	for (unsigned int i = 0; i < 64; i++) {
		e->q[i].id = i;
		e->q[i].config = (i % 4) << 16;
	}
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct env *e = *state;

	free(e->q);
	free(e);
	return 0;
}

/* As a worker does it: take the next queue, let it use cycles, put it back. */
static unsigned int turn(struct env *e, uint64_t cycles)
{
	struct egret_queue *q = egret_runlist_next(&e->rl);
	bool over;

	egret_runlist_remove(&e->rl, q);
	over = egret_runlist_charge(&e->rl, q, cycles, SLICE);
	egret_runlist_add(&e->rl, q, !over);
	return q->id;
}

static void empty_lists_give_nothing(void **state)
{
	struct env *e = *state;

	assert_null(egret_runlist_next(&e->rl));
	egret_runlist_add(&e->rl, &e->q[0], false);
	assert_ptr_equal(egret_runlist_next(&e->rl), &e->q[0]);
	assert_true(e->q[0].listed);
	egret_runlist_remove(&e->rl, &e->q[0]);
	assert_false(e->q[0].listed);
	assert_null(egret_runlist_next(&e->rl));
	assert_int_equal(e->rl.count, 0);
}

static void equals_take_turns(void **state)
{
	struct env *e = *state;

	for (unsigned int i = 0; i < 3; i++)
		egret_runlist_add(&e->rl, &e->q[4 * i], false);
	/* Whole slices each, in the order of arrival. */
	for (unsigned int n = 0; n < 30; n++)
		assert_int_equal(turn(e, SLICE), 4 * (n % 3));
	/* A queue that was interrupted in its slice goes on with it. */
	assert_int_equal(turn(e, SLICE / 2), 0);
	assert_int_equal(turn(e, SLICE / 2 - 1), 0);
	assert_int_equal(turn(e, 1), 0);
	assert_int_equal(turn(e, SLICE), 4);
}

static void higher_priority_comes_first(void **state)
{
	struct env *e = *state;

	egret_runlist_add(&e->rl, &e->q[1], false);
	assert_int_equal(turn(e, SLICE / 2), 1);
	egret_runlist_add(&e->rl, &e->q[3], false);
	egret_runlist_add(&e->rl, &e->q[2], false);
	assert_int_equal(turn(e, SLICE), 3);
	assert_int_equal(turn(e, SLICE), 3);
	egret_runlist_remove(&e->rl, &e->q[3]);
	assert_int_equal(turn(e, SLICE), 2);
}

static void yielding(void **state)
{
	struct env *e = *state;

	/* Alone, a queue goes on at the end of its slice. */
	assert_false(egret_runlist_yields(&e->rl, &e->q[1], false));
	assert_false(egret_runlist_yields(&e->rl, &e->q[1], true));
	/* For an equal, at the end of the slice. */
	egret_runlist_add(&e->rl, &e->q[5], false);
	assert_false(egret_runlist_yields(&e->rl, &e->q[1], false));
	assert_true(egret_runlist_yields(&e->rl, &e->q[1], true));
	/* For a higher one, at once, but not in a turn that it got out of order. */
	assert_true(egret_runlist_yields(&e->rl, &e->q[0], false));
	e->q[0].favoured = true;
	assert_false(egret_runlist_yields(&e->rl, &e->q[0], false));
	assert_true(egret_runlist_yields(&e->rl, &e->q[0], true));
}

/* However many are above, everybody gets a turn, and however many are below, they get few. */
static void nobody_is_passed_over_for_ever(void **state)
{
	struct env *e = *state;
	unsigned int turns[64] = { 0 };
	unsigned int high = 0;

	egret_runlist_add(&e->rl, &e->q[0], false);
	egret_runlist_add(&e->rl, &e->q[3], false);
	for (unsigned int n = 0; n < 1700; n++)
		turns[turn(e, SLICE)]++;
	assert_in_range(turns[0], 90, 200);
	assert_int_equal(turns[0] + turns[3], 1700);
	/* All queues at once. */
	for (unsigned int i = 1; i < 64; i++)
		if (i != 3)
			egret_runlist_add(&e->rl, &e->q[i], false);
	for (unsigned int i = 0; i < 64; i++)
		turns[i] = 0;
	for (unsigned int n = 0; n < 64 * 64; n++)
		turns[turn(e, SLICE)]++;
	for (unsigned int i = 0; i < 64; i++) {
		assert_true(turns[i] > 0);
		high += i % 4 == 3 ? turns[i] : 0;
	}
	assert_true(high > 64 * 64 * 3 / 4);
}

/* A turn out of order lasts a slice, even when it is used in small parts. */
static void a_favour_lasts_a_slice(void **state)
{
	struct env *e = *state;
	unsigned int n = 0;

	egret_runlist_add(&e->rl, &e->q[0], false);
	egret_runlist_add(&e->rl, &e->q[3], false);
	while (egret_runlist_next(&e->rl) != &e->q[0]) {
		turn(e, SLICE);
		assert_true(++n < 100);
	}
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(turn(e, SLICE / 10), 0);
	assert_int_equal(turn(e, SLICE), 3);
}

/* Queues that stay on the list, as with workgroups. */
static void charging_on_the_list(void **state)
{
	struct env *e = *state;

	egret_runlist_add(&e->rl, &e->q[0], false);
	egret_runlist_add(&e->rl, &e->q[4], false);
	assert_false(egret_runlist_charge(&e->rl, &e->q[0], SLICE - 1, SLICE));
	assert_ptr_equal(egret_runlist_next(&e->rl), &e->q[0]);
	assert_true(egret_runlist_charge(&e->rl, &e->q[0], 1, SLICE));
	assert_ptr_equal(egret_runlist_next(&e->rl), &e->q[4]);
	assert_int_equal(e->rl.count, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(empty_lists_give_nothing),
		T(equals_take_turns),
		T(higher_priority_comes_first),
		T(yielding),
		T(nobody_is_passed_over_for_ever),
		T(a_favour_lasts_a_slice),
		T(charging_on_the_list),
	};

	return cmocka_run_group_tests_name("runlist", tests, NULL, NULL);
}
