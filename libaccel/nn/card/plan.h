/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_PLAN_H
#define NN_PLAN_H

/*
 * A model made ready to run on a card, for one set of input shapes.
 *
 * Lowering (lower.h) leaves a list of things to do, in order: kernels to launch, and nodes
 * that the host evaluates because the card cannot. Values lie in storages. When the list is
 * complete, storages whose times do not overlap get the same memory, in one buffer whose
 * size is known before anything runs; then each stretch of launches without a host node in it
 * becomes a graph (accel_graph_create()). So a model that is on the card as a whole is one
 * packet to launch.
 */

#include <accel/accel.h>

#include "card.h"
#include "../infer.h"
#include "program.h"

/* Memory of a value, or of several that are views of it. */
struct nn_storage {
	size_t bytes;
	uint32_t first, last;		/* times of its first and last use */
	bool used;
	bool fixed;			/* a constant: `address` is its own */
	bool shared;			/* it is one of the model's, which plans share */
	const void *data;		/* its contents, if they are put on the card only if it is used */
	uint64_t address;		/* or the place in the plan's buffer */
	/* Of an input, where it lies for now if not in the plan's buffer (ports.h); or 0. */
	uint64_t elsewhere_at;
	struct accel_buffer *elsewhere;
	uint64_t moved;			/* by how much, while launches follow */
};

/* A word of a launch's arguments that is an address. */
struct nn_reloc {
	uint32_t at;			/* byte in the arguments */
	struct nn_ref ref;
};

#define NN_RELOCS	(2 * EGRET_NN_OPERANDS + 8)

struct nn_item {
	enum { NN_LAUNCH, NN_HOST } kind;
	uint32_t time;
	uint32_t step;			/* of the plan, for reports */
	/* A launch. */
	enum nn_kernel kernel;
	bool overlap;			/* may run beside the one before */
	uint32_t groups;
	void *args;
	size_t args_size;
	struct nn_reloc relocs[NN_RELOCS];
	unsigned int reloc_count;
	/* A node. */
	struct nn_host *host;
};

/* A node that the host evaluates. */
struct nn_host {
	const struct nn_node *node;
	/* Its inputs, then its outputs, then what its graphs use of the graph that it is in. */
	size_t count;
	const struct nn_value **values;	/* NULL for those left out */
	struct nn_fact *facts;		/* likewise: contents of constants only */
	struct nn_ref *refs;		/* likewise: where the others lie */
	enum nn_type *held;		/* likewise: types of their elements there */
};

/* What became of some nodes, for reports. */
struct nn_plan_step {
	enum { NN_ON_CARD, NN_ON_HOST, NN_NOWHERE } where;	/* NN_NOWHERE: nothing is to be done */
	const char *why;		/* it is on the host */
	const struct nn_node **nodes;	/* that it stands for, the one that it began with first */
	size_t node_count;
	uint64_t macs;
	enum nn_type factors;		/* type of what products multiply; NN_UNDEFINED: there is none */
	uint32_t launches;
};

/* What a step took. */
struct nn_measure {
	struct accel_profile_data profile;	/* of all its launches */
	int64_t time;				/* nanoseconds on the host's clock */
};

struct nn_keeping;

/* A value that the program gives or takes. */
struct nn_port_place {
	const struct nn_value *value;
	enum nn_type type;
	struct nn_shape shape;
	size_t bytes;
	struct nn_ref ref;
	void *known;			/* contents of an output that is always the same, or NULL */
	size_t stage_at;		/* place in the plan's `stage` */
	/* For the next run (ports.h): */
	struct accel_buffer *elsewhere;	/* in which an input lies, or NULL */
	const struct nn_keeping *keeping;	/* what becomes of an output on the card, or NULL */
	void *place;				/* where an output goes on the host; NULL: new memory */
};

/* What a run moved. */
struct nn_traffic {
	uint64_t uploaded, downloaded;	/* bytes, from the host and to it */
	uint64_t carried;		/* bytes, on the card */
	uint32_t commands;		/* that the host queued */
};

struct nn_plan {
	struct nn_card *card;
	struct nn_storage *storages;
	size_t storage_count, storage_room;
	struct nn_item *items;
	size_t item_count, item_room;
	struct nn_plan_step *steps;
	size_t step_count, step_room;
	struct nn_port_place *inputs, *outputs;
	size_t input_count, output_count;
	void **copies;			/* contents of constants, while the plan is made */
	size_t copy_count, copy_room;
	struct accel_buffer *constants;	/* those of this plan only */
	uint64_t constant_bytes;
	uint64_t peak;			/* bytes of `memory` */
	struct accel_buffer *memory;
	/* Memory of the host through which inputs and outputs go, made by the first run. */
	struct accel_buffer *stage;	/* NULL: they are too large, or there was no memory */
	uint8_t *staged;		/* its contents */
	bool has_stage;			/* it was tried */
	/* Of who runs the plan: if it becomes true, what the host evaluates ends; or NULL. */
	const atomic_bool *stop;
	struct accel_graph **graphs;	/* one for each stretch of launches */
	size_t graph_count;
	struct nn_traffic traffic;	/* of the last run */
};

/* Whether a value can have a place on the card: a tensor of numbers whose size is known. */
static inline bool nn_can_lower(const struct nn_fact *fact)
{
	return fact->kind == NN_TENSOR && !fact->optional && fact->type != NN_UNDEFINED &&
	       fact->type != NN_STRING && nn_shape_known(&fact->shape);
}

/*
 * Plan for the shapes in `facts`: inputs' shapes set, nn_facts_infer() done. Of the facts nothing is
 * kept. Fails if a shape is not known (-EINVAL), a node is supported neither by the card nor by the
 * host (-ENOTSUP), or memory is short (-ENOSPC: on the card).
 */
int nn_plan_create(struct nn_card *card, struct nn_facts *facts, struct nn_plan **plan);
void nn_plan_free(struct nn_plan *plan);

/*
 * Run it, and wait. Inputs are in the order of the model's graph; outputs are allocated, to be
 * released with nn_tensor_release(), unless there are places for them. A plan runs once at a time.
 */
int nn_plan_run(struct nn_plan *plan, struct accel_stream *stream,
		const struct nn_tensor *inputs, struct nn_tensor *outputs);

/* The same, launch by launch, with a measure of each step. */
int nn_plan_profile(struct nn_plan *plan, struct accel_stream *stream,
		    const struct nn_tensor *inputs, struct nn_tensor *outputs,
		    struct nn_measure *measures);

/* ---- For the lowering ---- */

/* Add a storage: `ref` is its beginning. Returns 0 or -ENOMEM. */
int nn_plan_place(struct nn_plan *plan, size_t bytes, struct nn_ref *ref);

/* A launch with arguments of a kernel, zeroed; NULL if memory is short. */
struct nn_item *nn_plan_launch(struct nn_plan *plan, enum nn_kernel kernel, size_t args_size);

/* An address in its arguments. */
void nn_plan_reloc(struct nn_item *item, size_t at, struct nn_ref ref);

struct nn_item *nn_plan_host(struct nn_plan *plan, const struct nn_node *node);

/* Begin a step, to which items that are added belong; NULL if memory is short. */
struct nn_plan_step *nn_plan_step(struct nn_plan *plan);
int nn_plan_step_node(struct nn_plan_step *step, const struct nn_node *node);

/*
 * A constant of this plan only, whose contents are copied, or one of the model's (`shared`),
 * which stay where they are. Constants of which nothing remains in the launches are not
 * put on the card.
 */
int nn_plan_constant(struct nn_plan *plan, const void *data, size_t bytes, struct nn_ref *ref);
int nn_plan_shared_constant(struct nn_plan *plan, const void *data, size_t bytes,
			    struct nn_ref *ref);

#endif /* NN_PLAN_H */
