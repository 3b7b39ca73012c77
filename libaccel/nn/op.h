/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_OP_H
#define NN_OP_H

/*
 * What the library knows of an operator, in one place.
 *
 * The importer checks nodes against it, inference takes types and shapes from it, folding and
 * the host's fallback its evaluation, and whoever prints what is supported asks it.
 *
 * There is an entry for each meaning that an operator had, not for each version of ONNX's
 * operator set that mentions it: versions that only added types share one, which takes all
 * of them. So `since` is the first version whose meaning the entry has, and it ends where the
 * next entry of the same name begins.
 */

#include "graph.h"
#include "list.h"

/* An attribute. Those without a default are either required or really absent. */
struct nn_attr_def {
	const char *name;		/* NULL ends the list */
	enum nn_attr_type type;
	enum { NN_ABSENT, NN_REQUIRED, NN_DEFAULT } presence;
	union {
		int64_t i;
		float f;
		const char *s;
	};
};

#define NN_INT(n, value)	{ .name = n, .type = NN_ATTR_INT, .presence = NN_DEFAULT, .i = value }
#define NN_FLOAT(n, value)	{ .name = n, .type = NN_ATTR_FLOAT, .presence = NN_DEFAULT, .f = value }
#define NN_TEXT(n, value)	{ .name = n, .type = NN_ATTR_STRING, .presence = NN_DEFAULT, .s = value }
#define NN_OPTIONAL_ATTR(n, t)	{ .name = n, .type = NN_ATTR_##t, .presence = NN_ABSENT }
#define NN_REQUIRED_ATTR(n, t)	{ .name = n, .type = NN_ATTR_##t, .presence = NN_REQUIRED }

/*
 * Beside its types: what an input takes besides tensors, or instead of them. Without any type it
 * takes all.
 */
#define NN_TAKES_NO_TENSOR	(1u << 29)
#define NN_TAKES_SEQUENCES	(1u << 30)
#define NN_TAKES_NOTHING	(1u << 31)
#define NN_TAKES_ALL		(NN_TAKES_SEQUENCES | NN_TAKES_NOTHING)

/* An input or an output. */
struct nn_port {
	const char *name;		/* NULL ends the list */
	/* All ports of a node that have the same letter are of one type; 0 for none. */
	char variable;
	unsigned int types;		/* set of types, and of NN_TAKES_... */
	/* The last one may stand for many: one or more, or any number (NN_REST). */
	enum { NN_ONE, NN_OPTIONAL, NN_MANY, NN_REST } arity;
};

struct nn_call;
struct nn_rewrite;

/*
 * A function of single elements. Floats of all kinds are computed as doubles, and rounded
 * once; integers of all kinds as 64 bits, of which the low ones are kept. Those that have
 * another meaning for unsigned ones have `u` as well.
 */
struct nn_scalar {
	double (*f1)(double x);
	int64_t (*i1)(int64_t x);
	double (*f2)(double a, double b);
	int64_t (*i2)(int64_t a, int64_t b);
	bool (*t2)(const char *a, const char *b);
	uint64_t (*u2)(uint64_t a, uint64_t b);
	/* With the values of the operator's float attributes, in the order of its table. */
	double (*fp)(double x, const double *p);
};

/* Domains of operators beside ONNX's own, which is "". */
#define NN_CLASSIC	"ai.onnx.ml"
#define NN_MICROSOFT	"com.microsoft"

struct nn_op {
	const char *domain;		/* "" is ONNX's own */
	const char *name;
	int since;
	/* The entry stands for a version that is not done: nodes of it are unsupported. */
	bool unsupported;
	/* Its work may be far more than its inputs and outputs are large. */
	bool costly;
	/* Of inputs but the first it needs no more than the types. */
	bool first_only;
	/*
	 * evaluate() makes the results (nn_make_result()), because nobody knows their sizes
	 * before, or because they are no tensors. It is never done ahead of time.
	 */
	bool makes_results;
	const struct nn_attr_def *attrs;	/* NULL for none */
	const struct nn_port *inputs;
	const struct nn_port *outputs;
	/*
	 * Find the outputs' shapes, and the types that no variable gives. Types of inputs are
	 * known and right; shapes and contents may not be. What stays as it is is unknown.
	 * Returns 0 or a negative errno, with the error said (nn_refuse()).
	 */
	int (*infer)(struct nn_call *call);
	/*
	 * Compute the outputs. All inputs are there, and infer() has found shapes that are
	 * known: the results have been allocated, zeroed.
	 */
	int (*evaluate)(struct nn_call *call);
	/*
	 * Instead of both: write the node in other words, when the model has been read (rewrite.h).
	 * Returns 0, 1 if that cannot be done (nn_cannot_rewrite()), or an error. Types are checked
	 * by what it is written in. If nothing is written, the node stays, and both are there.
	 */
	int (*rewrite)(struct nn_rewrite *r);
	/*
	 * Bring what the attributes say into the form that evaluate() takes, and check it, once,
	 * when the model is read. It is in the arena, and becomes the node's (nn_node.prepared).
	 */
	int (*prepare)(const struct nn_call *call, struct nn_arena *arena, const void **prepared);
	struct nn_scalar scalar;	/* of elementwise operators */
};

/* What is known of a value. */
struct nn_fact {
	enum nn_type type;
	struct nn_shape shape;
	/* Contents, if they are known: aligned (`tensor`), or as they are in the file. */
	const void *raw;
	struct nn_tensor tensor;	/* data is NULL until it is asked for */
	bool borrowed;			/* tensor.data is raw, and nobody's to free */
	/*
	 * What is not a tensor: its kind, with the type and shape of its elements as far as
	 * they have one; and its contents.
	 */
	enum nn_kind kind;
	bool optional;			/* it may be nothing: that is not known */
	bool nothing;			/* it is known to be nothing */
	struct nn_list *list;		/* NULL: not known */
};

static inline bool nn_is_known(const struct nn_fact *fact)
{
	return fact->raw || fact->tensor.data || fact->list || fact->nothing;
}

/* A node, and what is known around it. Inputs and outputs left out are NULL. */
struct nn_call {
	const struct nn_node *node;
	struct nn_fact **in;
	struct nn_fact **out;
	struct nn_facts *facts;
};

/* The entry for an operator of a version, or NULL. */
const struct nn_op *nn_op_find(const char *domain, const char *name, int version);

/* The same for any version: to say that there is another one. */
const struct nn_op *nn_op_find_any(const char *domain, const char *name);

/* All entries, by number; NULL after the last. */
const struct nn_op *nn_op_get(size_t i);

/* Check a node against its operator: attributes, numbers of inputs and outputs. */
int nn_op_check(const struct nn_node *node);

/*
 * Take the declared types of the inputs for right or wrong, and give the outputs those that
 * follow from them.
 */
int nn_op_check_types(struct nn_call *call);

/* ---- For operators ---- */

/* Fail because of a node: nn_fail_node() with -EINVAL. */
#define nn_refuse(call, advice, ...) nn_fail_node((call)->node, -EINVAL, advice, __VA_ARGS__)

#define nn_no_memory(call) nn_fail_node((call)->node, -ENOMEM, NULL, "memory is short")

/* Attributes, with the operator's defaults. An array that is absent has no elements. */
int64_t nn_attr_int(const struct nn_call *call, const char *name);
float nn_attr_float(const struct nn_call *call, const char *name);
const char *nn_attr_text(const struct nn_call *call, const char *name);
size_t nn_attr_ints(const struct nn_call *call, const char *name, const int64_t **ints);
size_t nn_attr_floats(const struct nn_call *call, const char *name, const float **floats);
size_t nn_attr_texts(const struct nn_call *call, const char *name, const char *const **texts);
bool nn_attr_given(const struct nn_call *call, const char *name);
/* One of numbers or texts, or a tensor, as a tensor that the caller releases; 1: it is absent. */
int nn_attr_list(const struct nn_call *call, const char *name, struct nn_tensor *list);

static inline struct nn_fact *nn_in_fact(const struct nn_call *call, size_t i)
{
	return i < call->node->input_count ? call->in[i] : NULL;
}

static inline struct nn_fact *nn_out_fact(const struct nn_call *call, size_t i)
{
	return i < call->node->output_count ? call->out[i] : NULL;
}

/* An input's contents, or NULL if they are not known (or memory is short). */
const struct nn_tensor *nn_contents(struct nn_fact *fact);

/*
 * The same for infer() of operators whose results' sizes depend on contents: NULL also if what
 * may be done ahead of time is used up.
 */
const struct nn_tensor *nn_contents_ahead(const struct nn_call *call, struct nn_fact *fact);

/* Forget the contents that a value was given, or that were computed. */
void nn_forget(struct nn_fact *fact);

/* The result of an output that evaluate() fills; NULL for one left out. */
static inline struct nn_tensor *nn_result(const struct nn_call *call, size_t i)
{
	struct nn_fact *fact = nn_out_fact(call, i);

	return fact ? &fact->tensor : NULL;
}

/*
 * For operators that make their results: an output's tensor, zeroed. Returns 0, also if the
 * output is left out; -EFBIG or -ENOMEM, with the error said.
 */
int nn_make_result(struct nn_call *call, size_t i, enum nn_type type, const struct nn_shape *shape);
/* The same for a sequence, which becomes the output's even if this fails; NULL: no memory. */
int nn_make_list(struct nn_call *call, size_t i, enum nn_type type, struct nn_list *list);
/* A copy of what another value is, whatever it is. */
int nn_copy_fact(const struct nn_call *call, struct nn_fact *to, struct nn_fact *from);
/* A text that lives as long as the facts; NULL: no memory. */
const char *nn_keep_text(const struct nn_call *call, const char *text, size_t length);

/*
 * For operators with graphs: forget what was found out about one, to begin anew; give one of
 * its inputs a value (of which the contents are taken away); then find out what there is to know
 * about its values, or evaluate it, and take an output's value (whose contents are the
 * caller's then).
 */
void nn_graph_begin(const struct nn_call *call, const struct nn_graph *graph);
int nn_graph_give(const struct nn_call *call, const struct nn_graph *graph, size_t input,
		  struct nn_fact *fact);
int nn_graph_infer(const struct nn_call *call, const struct nn_graph *graph);
int nn_graph_run(const struct nn_call *call, const struct nn_graph *graph);
int nn_graph_take(const struct nn_call *call, const struct nn_graph *graph, size_t output,
		  struct nn_fact *fact);
struct nn_fact *nn_graph_output(const struct nn_call *call, const struct nn_graph *graph,
				size_t output);
const struct nn_graph *nn_attr_graph(const struct nn_call *call, const char *name);

/* A size that nobody knows yet. */
int64_t nn_unknown(const struct nn_call *call);

/*
 * An axis counted from the end if negative. Fails if it is out of range. A rank that is not
 * known leaves no way to tell: ask for it first.
 */
int nn_axis(const struct nn_call *call, const char *what, int64_t axis, int rank, int *result);

/* Integers in an input of rank 0 or 1 into an array: their number, or -1 if not known. */
int nn_ints(const struct nn_call *call, size_t input, int64_t *ints, int most);

/* Elements from one place of a dimension to the next, of a shape that is known. */
void nn_steps(const struct nn_shape *shape, int64_t *step);

/* Elements of all dimensions before an axis, and of all behind it. */
void nn_around(const struct nn_shape *shape, int axis, size_t *before, size_t *behind);

/* An index that counts from the end if negative. Fails if it is out of range. */
int nn_index(const struct nn_call *call, int64_t index, int64_t size, int64_t *result);

/* Fail if elements of a type are less than bytes (NN_SMALL), for what moves them as bytes. */
int nn_check_bytes(const struct nn_call *call, enum nn_type type);

/* Copy element `i` of a tensor to element `to` of another one of the same type. */
void nn_copy_element(struct nn_tensor *y, size_t to, const struct nn_tensor *x, size_t i);

/* Number of the element that belongs to element i of a shape, of one that is broadcast to it. */
size_t nn_place_in(const struct nn_shape *to, size_t i, const struct nn_shape *from);

/* The shape that results from broadcasting b into a. */
int nn_broadcast(const struct nn_call *call, struct nn_shape *a, const struct nn_shape *b);

/* Shape functions that many operators share. */
int nn_infer_same(struct nn_call *call);		/* outputs are shaped like input 0 */
int nn_infer_broadcast(struct nn_call *call);		/* output 0 like all inputs together */

/*
 * Resize takes one dimension after the other: each place of the result lies between two of the
 * input, `weight` of the way from the lower to the higher one.
 */
struct nn_between {
	int64_t low, high;
	double weight;
};

/* All places along dimension i; 1, if the sizes are not known, or it takes more than two. */
int nn_resize_along(const struct nn_call *call, int i, struct nn_between *places);

/* For tables: what most of them are made of. */
#define NN_PORTS(...)	((const struct nn_port[]){ __VA_ARGS__, { 0 } })
#define NN_ATTRS(...)	((const struct nn_attr_def[]){ __VA_ARGS__, { 0 } })

/* The tables: each file of ops/ has one, which ends with an entry without a name. */
extern const struct nn_op nn_ops_elementwise[];
extern const struct nn_op nn_ops_layout[];
extern const struct nn_op nn_ops_product[];
extern const struct nn_op nn_ops_window[];
extern const struct nn_op nn_ops_reduce[];
extern const struct nn_op nn_ops_resize[];
extern const struct nn_op nn_ops_index[];
extern const struct nn_op nn_ops_scatter[];
extern const struct nn_op nn_ops_order[];
extern const struct nn_op nn_ops_norm[];
extern const struct nn_op nn_ops_quant[];
extern const struct nn_op nn_ops_attention[];
extern const struct nn_op nn_ops_loss[];
extern const struct nn_op nn_ops_recurrent[];
extern const struct nn_op nn_ops_control[];
extern const struct nn_op nn_ops_sequence[];
extern const struct nn_op nn_ops_pool[];
extern const struct nn_op nn_ops_quant_product[];
extern const struct nn_op nn_ops_sample[];
extern const struct nn_op nn_ops_signal[];
extern const struct nn_op nn_ops_einsum[];
extern const struct nn_op nn_ops_text[];
extern const struct nn_op nn_ops_ml[];
extern const struct nn_op nn_ops_training[];
extern const struct nn_op nn_ops_microsoft[];
extern const struct nn_op nn_ops_microsoft_attention[];
extern const struct nn_op nn_ops_microsoft_quant[];
extern const struct nn_op nn_ops_blocks[];
extern const struct nn_op nn_ops_classic[];
extern const struct nn_op nn_ops_trees[];

#endif /* NN_OP_H */
