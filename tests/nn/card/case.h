/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_CARD_CASE_H
#define NN_CARD_CASE_H

/*
 * A model that is made, run on the card, and compared with the reference on the host. The
 * device is the one that ACCEL_DEVICE names; without it the card in the test VM, or the
 * simulated one on the host.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <build.h>
#include <libaccel/nn/card/calibrate.h>
#include <libaccel/nn/card/plan.h>
#include <libaccel/nn/infer.h>
#include <libaccel/nn/onnx.h>

/* Shared by all tests of a program. */
struct card {
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
};

int open_card(void **state);
int close_card(void **state);

struct test_case {
	struct build build;
	struct nn_model *model;
	uint8_t *file;
	struct nn_facts facts;
	struct nn_card *card;
	struct nn_plan *plan;
	struct nn_tensor inputs[8], outputs[8];
	bool host_allowed;	/* nodes may be left to the host */
	double relative, absolute;
	enum nn_type precision;	/* to run in; NN_UNDEFINED is float32 */
	bool assumed;		/* all values lie in -1..1: nothing is run to know more */
	double deviation;	/* instead of the tolerances: of all elements, relative to them all */
};

/* A test whose random numbers are the same in each run, whatever the order of the tests. */
#define CARD_TEST(name)	cmocka_unit_test_setup(name, begin_random)
int begin_random(void **state);

uint32_t any(uint32_t below);
float any_float(void);

void begin_case(struct test_case *c, int opset);

/* For the model: attributes and weights. */
void add_ints(struct build *b, Onnx__NodeProto *node, const char *name, size_t count,
	      const int64_t *ints);
void add_float(struct build *b, Onnx__NodeProto *node, const char *name, float value);
void add_text(struct build *b, Onnx__NodeProto *node, const char *name, const char *value);
/* An input of float32 whose sizes are numbers. */
void add_input(struct build *b, const char *name, int rank, const int64_t *dims);
/* Weights of random numbers. */
void add_weights(struct build *b, const char *name, int rank, const int64_t *dims);
/* One number. */
void add_number(struct build *b, const char *name, float number);

/* Read and plan the model that was made; its inputs are filled at random. */
void plan_case(struct test_case *c, struct card *card);
/* Run it, twice, and compare. */
void check_case(struct test_case *c, struct card *card);
void end_case(struct test_case *c);

/* All of it. */
void run_case(struct test_case *c, struct card *card);

/* Launches that the plan has. */
size_t launches_of(const struct test_case *c);

#endif /* NN_CARD_CASE_H */
