/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_LOWER_H
#define NN_LOWER_H

/*
 * From nodes to launches.
 *
 * The graph is walked through in order. A node whose results are known already (folded) needs
 * nothing; one that only changes a shape becomes a view. Any other begins a *group*: one
 * launch, which takes along as many of the nodes behind it as it can. A node can be taken
 * along if it works element by element on what the group computes (or sums rows of it up),
 * and everything else that it needs is there already. So chains of elementwise nodes become
 * one launch; a convolution takes its batch normalisation, its activation and the addition
 * of a residual along; and layer normalisation becomes one launch without anybody having to
 * know the pattern.
 *
 * A node that no function here can lower is evaluated by the host.
 */

#include "plan.h"

struct nn_lower {
	struct nn_plan *plan;
	struct nn_facts *facts;
	struct nn_ref *place;		/* of each value, by index; storage 0: not in memory (yet) */
	bool *ready;			/* it is there: computed, or known */
	bool *done;			/* nodes of the main graph, by position */
	uint32_t *uses;			/* of each value by nodes that are not done, and as an output */
	const char *why;		/* the card cannot, of the last node that was tried */
	/* In fewer bits (precision.h): */
	enum nn_type *held;		/* type of a value's elements in memory; NN_UNDEFINED: its own */
	uint32_t *encoded_uses;		/* of each value, those of `uses` that want it encoded */
	struct nn_copy *copies;		/* representations beside the plain ones */
	size_t copy_count, copy_room;
	struct nn_fact **call_facts;	/* for nn_call_of() */
};

/* The step that is being made. */
static inline struct nn_plan_step *nn_this_step(const struct nn_lower *lower)
{
	return &lower->plan->steps[lower->plan->step_count - 1];
}

/* A launch in the making. */
struct nn_group {
	struct nn_lower *lower;
	struct nn_program program;
	struct nn_shape shape;		/* of the tensor that the space stands for */
	/*
	 * For each dimension of the space: the tensor's dimension (-1: none), how many before it
	 * are walked through as well, how much of it a step is, and where it begins.
	 */
	int axis[NN_RANK_MAX];
	int more[NN_RANK_MAX];
	int64_t share[NN_RANK_MAX], origin[NN_RANK_MAX];
	unsigned int reduced;		/* bits: dimensions of the tensor that are summed up */
	bool rows;			/* sums over the last dimensions may be taken along */
	struct {
		const struct nn_value *value;
		int number;		/* in the program */
		struct nn_shape shape;	/* as the group's dimensions see it */
		bool apart;		/* its own shape is another one: not for nodes of the group */
	} known[48];
	size_t known_count;
	const struct nn_node *nodes[32];
	size_t node_positions[32];
	size_t node_count;
};

/* Lower a model: fills the plan's items, steps and ports. */
int nn_lower(struct nn_plan *plan, struct nn_facts *facts);

/* ---- For the functions that lower operators ---- */

/* Why the card cannot do something; returns 1, which lets the host do it. */
static inline int nn_cannot(struct nn_lower *lower, const char *why)
{
	lower->why = why;
	return 1;
}

static inline struct nn_fact *nn_fact_of(const struct nn_lower *lower, const struct nn_value *value)
{
	return value ? &lower->facts->facts[value->index] : NULL;
}

/* What the elements of a value are in memory. */
static inline enum nn_type nn_held_type(const struct nn_lower *lower, const struct nn_value *value)
{
	enum nn_type held = lower->held[value->index];

	return held == NN_UNDEFINED ? nn_fact_of(lower, value)->type : held;
}

/* The card's type for a type of elements; EGRET_TYPE_NONE if it has none. */
enum egret_type nn_card_type(enum nn_type type);
/*
 * The type in which the card computes a value: of fewer than 32 bits, floats are computed as float32,
 * and rounded when they are stored.
 */
enum egret_type nn_computed_type(enum nn_type type);
static inline bool nn_is_real(enum nn_type type)
{
	return type == NN_F32 || type == NN_F16 || type == NN_BF16;
}

#define NN_NOT_REAL	"its elements are not all float32, or all float16 or bfloat16"

/* The same for moving elements only. */
enum egret_type nn_moved_type(enum nn_type type);

/* Contents that are known, or NULL. */
const struct nn_tensor *nn_known(const struct nn_lower *lower, const struct nn_value *value);
/* A single number that is known. */
bool nn_known_number(const struct nn_lower *lower, const struct nn_value *value, double *number);

/*
 * Where a value lies, with elements of nn_held_type(): a constant is uploaded, a result gets a
 * storage. What exists in another representation only is converted, by a launch.
 */
int nn_place_of(struct nn_lower *lower, const struct nn_value *value, struct nn_ref *ref);

/*
 * Where numbers lie as float32, whatever float type they have in the model: for vectors of constants, of
 * which others are refused (1).
 */
int nn_place_numbers(struct nn_lower *lower, const struct nn_value *value, struct nn_ref *ref);

/* Strides of a dense tensor in bytes. */
void nn_strides(const struct nn_shape *shape, enum nn_type type, int64_t *stride);

void nn_group_begin(struct nn_lower *lower, struct nn_group *group, const struct nn_shape *shape);

/* The number of a value in the group's program: known, or loaded; -1 if there is no room. */
int nn_group_value(struct nn_group *group, const struct nn_value *value);
/* The same as an argument, which is a number if it is known to be one. */
struct nn_arg nn_group_arg(struct nn_group *group, const struct nn_value *value);

/*
 * From now on, the program has this value. `kept` is its shape with the dimensions that a reduction
 * left out, or NULL. Returns false if there is no room.
 */
bool nn_group_define(struct nn_group *group, const struct nn_value *value, int number,
		     const struct nn_shape *kept);
bool nn_group_add_node(struct nn_group *group, const struct nn_node *node, size_t position);

/*
 * Strides of a tensor, broadcast to the group's, by the space's dimensions, and where the
 * space begins in it, in bytes. False if it does not fit.
 */
bool nn_group_strides(const struct nn_group *group, const struct nn_shape *shape, enum nn_type type,
		      int64_t *stride, int64_t *offset);

/* Take along what can be taken along. */
void nn_group_grow(struct nn_group *group);

/* Store what others need of it. Returns 0, 1 (it does not fit), or an error. */
int nn_group_store(struct nn_group *group);

/*
 * The program's value `number` is the node's result: note both, take along what can be taken
 * along if `grow`, and store. Returns as nn_group_store().
 */
int nn_group_store_result(struct nn_group *group, const struct nn_node *node, size_t position,
			  int number, bool grow);

/* Write a program's operands' addresses as relocations of a launch. */
void nn_group_relocate(const struct nn_group *group, struct nn_item *item, size_t program_at);

/* The group is launched: its nodes are done. */
int nn_group_finish(struct nn_group *group);

/* Launch a group that is nothing but its program. Returns 0, 1 (it does not fit), or an error. */
int nn_group_launch_tile(struct nn_group *group);

/*
 * Make a group of a node: first one that takes others along; if that does not fit, one that does
 * not. The function begins the group, adds the node, lets it grow if it is asked to, stores and
 * launches.
 */
typedef int nn_making(struct nn_lower *lower, const struct nn_node *node, size_t position,
		      struct nn_group *group, bool grow);

int nn_lower_group(struct nn_lower *lower, const struct nn_node *node, size_t position,
		   nn_making *make);

/* A node that is nothing but another view of a value's memory, from an offset in bytes on. */
int nn_lower_view(struct nn_lower *lower, const struct nn_node *node, size_t output,
		  const struct nn_value *of, int64_t offset);
/* Mark a node as done that is in no group. */
int nn_lower_done(struct nn_lower *lower, const struct nn_node *node, size_t position);

/*
 * Functions that lower a node, the one at `position` of the graph: 0, 1 (nn_cannot()), or an
 * error. They end the group that they begin.
 */
typedef int nn_lowering(struct nn_lower *lower, const struct nn_node *node, size_t position);

struct nn_lowering_entry {
	const char *name;		/* of an operator of the table's domain; NULL ends a table */
	nn_lowering *lower;
	bool empty;			/* it takes empty inputs as well */
};

extern const struct nn_lowering_entry nn_lower_product[];
extern const struct nn_lowering_entry nn_lower_window[];
extern const struct nn_lowering_entry nn_lower_layout[];
extern const struct nn_lowering_entry nn_lower_resize[];
extern const struct nn_lowering_entry nn_lower_index[];
extern const struct nn_lowering_entry nn_lower_attention[];
extern const struct nn_lowering_entry nn_lower_norm[];
extern const struct nn_lowering_entry nn_lower_losses[];
extern const struct nn_lowering_entry nn_lower_grid[];
extern const struct nn_lowering_entry nn_lower_recurrent[];
extern const struct nn_lowering_entry nn_lower_arrange[];
extern const struct nn_lowering_entry nn_lower_quant[];
extern const struct nn_lowering_entry nn_lower_order[];
/* Those of com.microsoft. */
extern const struct nn_lowering_entry nn_lower_blocks[];

/*
 * Add a node that works element by element, or sums up rows, to a group's program. False if it
 * cannot be, with the group spoilt.
 */
bool nn_add_elementwise(struct nn_group *group, const struct nn_node *node);
bool nn_add_reduction(struct nn_group *group, const struct nn_node *node);
bool nn_is_elementwise(const struct nn_node *node);
bool nn_is_reduction(const struct nn_node *node);
/* The axes that a reduction sums up, as bits. False if they are not known. */
bool nn_reduction_axes(const struct nn_lower *lower, const struct nn_node *node, unsigned int *axes);

/* What op.h's functions ask for; valid until the next one is made. */
struct nn_call nn_call_of(const struct nn_lower *lower, const struct nn_node *node);

#endif /* NN_LOWER_H */
