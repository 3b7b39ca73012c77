/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_VARIANTS_H
#define NN_VARIANTS_H

/*
 * A model made ready for one set of input shapes, and those that a model has of these.
 *
 * To make one takes longer than many a model runs: shapes are inferred, the graph is lowered,
 * memory placed, commands recorded. So a model keeps some that no job has any more: a job
 * that sees a width again, or goes back and forth between two, finds what it had.
 *
 * Jobs share a variant, but only one at a time may run its plan, which has one memory for
 * what is between inputs and outputs. A job that finds it busy gets another one like it.
 * A variant that a job has is never thrown away; of the others the ones that were not used
 * for the longest time are, when there are too many, when they hold too much of the card's memory,
 * or when the card has no room for a new one.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../card/plan.h"
#include "../infer.h"

struct accel_nn_load_options;
struct accel_nn_model;

/* All but what is protected by the lock stays as it was made. */
struct nn_variant {
	struct nn_variant *next, *previous;	/* the lock's: used before, used after */
	unsigned int refs;			/* the lock's: jobs that have it */
	bool busy;				/* the lock's: a job runs its plan */
	uint64_t bytes;				/* of the card's memory */
	struct nn_shape *shapes;		/* of each input; rank -1: not known */
	struct nn_facts facts;			/* inferred from them */
	struct nn_plan *plan;			/* NULL: on the host; whoever is busy owns what changes */
};

struct nn_variants {
	size_t kept_max;
	uint64_t kept_bytes_max;
	pthread_mutex_t lock;		/* protects what follows; nothing else is taken inside */
	struct nn_variant *newest, *oldest;
	size_t kept;			/* of no job */
	uint64_t kept_bytes;
};

void nn_variants_init(struct nn_variants *variants, const struct accel_nn_load_options *options,
		      uint64_t card_memory);

/* All of a model's, when nobody has any. */
void nn_variants_release(struct nn_variants *variants);

/* Throw away those that no job has. */
void nn_variants_forget(struct nn_variants *variants);

/*
 * Have the model's variant for these shapes, of all inputs, in place of another one (or of none:
 * NULL). It was there, or it was `made`. Fails as inference and planning do: then the caller
 * has none.
 */
int nn_variant_change(struct accel_nn_model *model, const struct nn_shape *shapes,
		      struct nn_variant **variant, bool *made);
/* Have none. */
void nn_variant_put(struct accel_nn_model *model, struct nn_variant *variant);

/*
 * Begin to run the plan of a variant that the caller has. If another job does so already, the
 * caller has another variant afterwards, which may have been `made`.
 */
int nn_variant_begin(struct accel_nn_model *model, struct nn_variant **variant, bool *made);
void nn_variant_end(struct accel_nn_model *model, struct nn_variant *variant);

#endif /* NN_VARIANTS_H */
