/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_CARRY_H
#define NN_CARRY_H

/* Outputs that are inputs of the next run, and stay on the card meanwhile (carry.c). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../card/ports.h"
#include "../tensor.h"

struct accel_nn_job;
struct nn_facts;

/* What is carried over: in the card's memory, or in the host's if the model ran there. */
struct nn_state {
	struct nn_tensor tensor;	/* data is NULL while it is on the card */
	struct accel_buffer *buffer;	/* NULL: on the host */
	int axis;			/* along which it has places that are not in use, or -1 */
	int64_t used;			/* places along it */
};

/* Of an input. */
struct nn_carried {
	bool bound;			/* an output becomes this input in each run */
	size_t output;
	int axis;			/* of its places, or -1: it is the whole output */
	int64_t places;
	struct nn_state now;		/* if the input is NN_GIVEN_CARRIED */
	struct nn_state next;		/* in a run: with memory of its own, or without for `now` with more */
	struct nn_tensor shown;		/* to the program */
};

/* No input: of an output that is carried nowhere. */
#define NN_NOWHERE_TO	SIZE_MAX

/* Whether an output is not to be given to the program. */
bool nn_carries(const struct accel_nn_job *job, size_t output);
/* Stop: the output goes to the program again. */
void nn_carry_unbind(struct accel_nn_job *job, size_t output);
/* What an input was is not needed any more. */
void nn_carry_forget(struct accel_nn_job *job, size_t input);

/*
 * Before a run is prepared: inputs have the number of places that the program wants. The stream may
 * be NULL if the model has no card.
 */
int nn_carry_resize(struct accel_nn_job *job, struct accel_stream *stream);

/*
 * A run of a plan, which the job owns: tell the plan where its ports are, before it; after it, whether
 * it succeeded (`ret`, which is returned).
 */
int nn_carry_begin(struct accel_nn_job *job, struct accel_stream *stream);
int nn_carry_end(struct accel_nn_job *job, struct accel_stream *stream, int ret);

/* Likewise a run on the host, whose facts have the outputs. */
int nn_carry_begin_on_host(struct accel_nn_job *job, struct accel_stream *stream);
int nn_carry_end_on_host(struct accel_nn_job *job, struct nn_facts *facts, int ret);

/* Bytes of the card's memory. */
uint64_t nn_carry_memory(const struct accel_nn_job *job);

void nn_carry_release(struct accel_nn_job *job);

#endif /* NN_CARRY_H */
