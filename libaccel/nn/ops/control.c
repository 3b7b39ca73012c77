// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators that have graphs: If, Loop, Scan and SequenceMap.
 *
 * Before the model runs, their graphs are only looked into: what both branches of an If agree
 * in is known of its results, and what a loop's body leaves as it is stays the same in all
 * iterations. How often a loop is gone through is limited by whoever runs the model
 * (nn_facts.work_max, stop), and by the size of its results.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../infer.h"

/* A number of outputs of a graph that its node asks for. */
static int check_outputs(const struct nn_call *call, const struct nn_graph *graph, size_t wanted)
{
	if (graph->output_count == wanted)
		return 0;
	return nn_refuse(call, NULL, "its graph has %zu outputs, where it should have %zu",
			 graph->output_count, wanted);
}

static int check_inputs(const struct nn_call *call, const struct nn_graph *graph, size_t wanted)
{
	if (graph->input_count == wanted)
		return 0;
	return nn_refuse(call, NULL, "its graph has %zu inputs, where it should have %zu",
			 graph->input_count, wanted);
}

static void forget_all(struct nn_fact *facts, size_t count)
{
	while (count--)
		nn_forget(&facts[count]);
}

/* ---- What is known of a result that comes from several places ---- */

static void merge_shapes(const struct nn_call *call, struct nn_shape *shape,
			 const struct nn_shape *other)
{
	int i;

	if (shape->rank != other->rank) {
		shape->rank = -1;
		return;
	}
	for (i = 0; i < shape->rank; i++)
		if (shape->dims[i] != other->dims[i])
			shape->dims[i] = nn_unknown(call);
}

/* A result takes over what is known of a value of the graph; contents are not looked at. */
static void take_known(struct nn_fact *out, const struct nn_fact *from)
{
	out->type = from->type;
	out->shape = from->shape;
	out->kind = from->kind;
	out->optional = from->optional || from->nothing;
}

/* A result comes from one place or another: what both agree in. */
static void merge(const struct nn_call *call, struct nn_fact *out, const struct nn_fact *other)
{
	bool optional = out->optional || other->optional || other->nothing;

	/* Nothing may be nothing of any kind. */
	if (out->type == NN_UNDEFINED && out->optional)
		take_known(out, other);
	else if (other->type != NN_UNDEFINED || !(other->optional || other->nothing)) {
		merge_shapes(call, &out->shape, &other->shape);
		if (out->type != other->type)
			out->type = NN_UNDEFINED;
		if (out->kind != other->kind)
			out->kind = NN_OTHER;
	}
	out->optional = optional;
}

/* ---- If ---- */

static int infer_branch(struct nn_call *call, const struct nn_graph *branch, bool first)
{
	struct nn_fact *from;
	size_t i;
	int ret = check_inputs(call, branch, 0);

	if (!ret)
		ret = check_outputs(call, branch, call->node->output_count);
	if (ret || call->facts->running)
		return ret;
	nn_graph_begin(call, branch);
	ret = nn_graph_infer(call, branch);
	for (i = 0; i < call->node->output_count && !ret; i++) {
		from = nn_graph_output(call, branch, i);
		if (call->out[i] && first)
			take_known(call->out[i], from);
		else if (call->out[i])
			merge(call, call->out[i], from);
	}
	return ret;
}

/* The branch that is taken; NULL if that is not known yet. */
static int find_branch(const struct nn_call *call, const struct nn_graph **branch)
{
	const struct nn_tensor *condition = nn_contents(call->in[0]);

	*branch = NULL;
	if (!condition)
		return 0;
	if (condition->count != 1)
		return nn_refuse(call, NULL, "its condition has %zu elements, not one",
				 condition->count);
	*branch = nn_attr_graph(call, nn_get_int(condition, 0) ? "then_branch" : "else_branch");
	return 0;
}

static int infer_if(struct nn_call *call)
{
	const struct nn_graph *branch;
	int ret = find_branch(call, &branch);

	if (ret || branch)
		return ret ? ret : infer_branch(call, branch, true);
	ret = infer_branch(call, nn_attr_graph(call, "then_branch"), true);
	return ret ? ret : infer_branch(call, nn_attr_graph(call, "else_branch"), false);
}

static int evaluate_if(struct nn_call *call)
{
	const struct nn_graph *branch;
	size_t i;
	int ret = find_branch(call, &branch);

	if (ret)
		return ret;
	nn_graph_begin(call, branch);
	ret = nn_graph_run(call, branch);
	for (i = 0; i < call->node->output_count && !ret; i++)
		if (call->out[i])
			ret = nn_graph_take(call, branch, i, call->out[i]);
	return ret;
}

/* What was carried from one iteration to the next becomes the first results. */
static void give_carried(const struct nn_call *call, struct nn_fact *carried, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!call->out[i])
			continue;
		*call->out[i] = carried[i];
		memset(&carried[i], 0, sizeof(carried[i]));
	}
}

/* ---- Results that grow with each iteration ---- */

/* Tensors that will be one, side by side or one behind the other. */
struct pile {
	struct nn_held **items;
	size_t count, room, bytes;
};

static void drop_pile(struct pile *pile)
{
	size_t i;

	for (i = 0; i < pile->count; i++) {
		nn_tensor_release(&pile->items[i]->tensor);
		free(pile->items[i]);
	}
	free(pile->items);
}

static int add_to_pile(const struct nn_call *call, struct pile *pile, size_t output,
		       const struct nn_tensor *tensor)
{
	size_t more = pile->room ? 2 * pile->room : 16;
	struct nn_held **items = pile->items;
	int ret = nn_check_bytes(call, tensor->type);

	if (ret)
		return ret;
	if (pile->count && (pile->items[0]->tensor.type != tensor->type ||
			    !nn_shape_equal(&pile->items[0]->tensor.shape, &tensor->shape)))
		return nn_refuse(call, NULL, "its result %zu changes its shape from one iteration to the next",
				 output);
	pile->bytes += nn_bytes(tensor->type, tensor->count);
	if (pile->bytes > call->facts->result_max)
		return nn_fail_node(call->node, -EFBIG, "give smaller inputs",
				    "its result %zu is too large", output);
	if (pile->count == pile->room) {
		items = reallocarray(items, more, sizeof(*items));
		if (!items)
			return nn_no_memory(call);
		pile->items = items;
		pile->room = more;
	}
	items[pile->count] = nn_hold(tensor);
	if (!items[pile->count])
		return nn_no_memory(call);
	pile->count++;
	return 0;
}

/* One tensor of all, with a new dimension at `axis`; the last one comes first if `reverse`. */
static int stack_pile(struct nn_call *call, const struct pile *pile, size_t output, int axis,
		      bool reverse)
{
	const struct nn_tensor *first = &pile->items[0]->tensor;
	struct nn_shape shape = first->shape;
	size_t before = 1, bytes, each, i, k;
	struct nn_tensor *y;
	int d, ret;

	if (shape.rank == NN_RANK_MAX)
		return nn_fail_node(call->node, -ENOTSUP, NULL, "its result %zu has too many dimensions",
				    output);
	if (axis < 0 || axis > shape.rank)
		return nn_refuse(call, NULL, "its result %zu has no axis %d", output, axis);
	memmove(shape.dims + axis + 1, shape.dims + axis,
		(size_t)(shape.rank - axis) * sizeof(shape.dims[0]));
	shape.dims[axis] = (int64_t)pile->count;
	shape.rank++;
	for (d = 0; d < axis; d++)
		before *= (size_t)shape.dims[d];
	ret = nn_make_result(call, output, first->type, &shape);
	y = nn_result(call, output);
	if (ret || !y || !y->count)
		return ret;
	bytes = nn_bytes(first->type, first->count);
	each = bytes / before;
	for (k = 0; k < pile->count; k++) {
		const struct nn_held *held = pile->items[reverse ? pile->count - 1 - k : k];

		for (i = 0; i < before; i++)
			memcpy((char *)y->data + (i * pile->count + k) * each,
			       (const char *)held->tensor.data + i * each, each);
	}
	return 0;
}

/* ---- Loop ---- */

/* Inputs of the node and of its body that come before what is carried along. */
#define BEFORE	2

/* A single number, or `missing` if the node has no such input. */
static int read_number(const struct nn_call *call, size_t input, int64_t missing, int64_t *number)
{
	struct nn_fact *fact = nn_in_fact(call, input);
	const struct nn_tensor *tensor = fact ? nn_contents(fact) : NULL;

	*number = missing;
	if (!fact || !tensor)
		return !fact ? 0 : 1;
	if (tensor->count != 1)
		return nn_refuse(call, NULL, "its input %zu has %zu elements, not one", input,
				 tensor->count);
	*number = nn_get_int(tensor, 0);
	return 0;
}

static size_t carried_count(const struct nn_call *call)
{
	return call->node->input_count > BEFORE ? call->node->input_count - BEFORE : 0;
}

/* Begin the body with what is known of its inputs when nothing is known of the contents. */
static int infer_body(struct nn_call *call, const struct nn_graph *body, const struct nn_fact *carried,
		      size_t count)
{
	struct nn_fact number = { .type = NN_I64 }, condition = { .type = NN_BOOL }, fact;
	size_t i;
	int ret;

	nn_graph_begin(call, body);
	ret = nn_graph_give(call, body, 0, &number);
	if (!ret)
		ret = nn_graph_give(call, body, 1, &condition);
	for (i = 0; i < count && !ret; i++) {
		fact = carried[i];
		ret = nn_graph_give(call, body, BEFORE + i, &fact);
	}
	return ret ? ret : nn_graph_infer(call, body);
}

/* What is known of a value, but not of its contents. */
static struct nn_fact without_contents(const struct nn_fact *fact)
{
	struct nn_fact bare = { 0 };

	take_known(&bare, fact);
	return bare;
}

/* Whether the body leaves the shapes as they are; those that it changes become unknown. */
static bool is_steady(const struct nn_call *call, const struct nn_graph *body,
		      struct nn_fact *carried, size_t count)
{
	bool steady = true;
	size_t i;

	for (i = 0; i < count; i++) {
		const struct nn_fact *after = nn_graph_output(call, body, 1 + i);

		carried[i].optional |= after->optional;
		if (carried[i].kind != NN_TENSOR || nn_shape_equal(&carried[i].shape, &after->shape))
			continue;
		merge_shapes(call, &carried[i].shape, &after->shape);
		steady = false;
	}
	return steady;
}

static int infer_results(struct nn_call *call, const struct nn_graph *body,
			 const struct nn_fact *carried, size_t count)
{
	size_t i;

	for (i = 0; i < call->node->output_count; i++) {
		const struct nn_fact *from = nn_graph_output(call, body, 1 + i);
		struct nn_shape *shape;

		if (!call->out[i])
			continue;
		if (i < count) {
			take_known(call->out[i], &carried[i]);
			continue;
		}
		/* Nobody knows how often the body will ask to go on. */
		call->out[i]->type = from->type;
		shape = &call->out[i]->shape;
		*shape = from->shape;
		if (shape->rank < 0 || shape->rank == NN_RANK_MAX) {
			shape->rank = -1;
			continue;
		}
		memmove(shape->dims + 1, shape->dims, (size_t)shape->rank * sizeof(shape->dims[0]));
		shape->dims[0] = nn_unknown(call);
		shape->rank++;
	}
	return 0;
}

static int infer_loop(struct nn_call *call)
{
	const struct nn_graph *body = nn_attr_graph(call, "body");
	size_t count = carried_count(call), i;
	struct nn_fact *carried;
	int ret;

	ret = check_inputs(call, body, BEFORE + count);
	if (!ret)
		ret = check_outputs(call, body, 1 + call->node->output_count);
	if (!ret && call->node->output_count < count)
		ret = nn_refuse(call, NULL, "it has %zu results for %zu values that it carries along",
				call->node->output_count, count);
	if (ret || call->facts->running)
		return ret;
	carried = calloc(count + 1, sizeof(*carried));
	if (!carried)
		return nn_no_memory(call);
	for (i = 0; i < count; i++)
		carried[i] = without_contents(call->in[BEFORE + i]);
	ret = infer_body(call, body, carried, count);
	/* Once more, with what may be another size in each iteration. */
	if (!ret && !is_steady(call, body, carried, count)) {
		ret = infer_body(call, body, carried, count);
		if (!ret && !is_steady(call, body, carried, count))
			for (i = 0; i < count; i++)
				carried[i].shape.rank = -1;
	}
	if (!ret)
		ret = infer_results(call, body, carried, count);
	free(carried);
	return ret;
}

struct loop {
	struct nn_call *call;
	const struct nn_graph *body;
	size_t count;			/* of values that are carried along */
	struct nn_fact *carried;
	struct pile *piles;		/* of the results that grow */
	size_t pile_count;
};

static int give_number(const struct nn_call *call, const struct nn_graph *graph, size_t input,
		       enum nn_type type, int64_t number)
{
	struct nn_fact fact = { .type = type };

	/* Models are not of one mind whether these are numbers, or tensors of one. */
	if (graph->inputs[input]->shape.rank == 1)
		fact.shape = (struct nn_shape){ .rank = 1, .dims = { 1 } };
	if (nn_tensor_init(&fact.tensor, type, &fact.shape))
		return nn_no_memory(call);
	nn_set_int(&fact.tensor, 0, number);
	return nn_graph_give(call, graph, input, &fact);
}

static int iterate(struct loop *l, int64_t number, int64_t *go_on)
{
	const struct nn_tensor *condition;
	struct nn_call *call = l->call;
	size_t i;
	int ret;

	nn_graph_begin(call, l->body);
	ret = give_number(call, l->body, 0, NN_I64, number);
	if (!ret)
		ret = give_number(call, l->body, 1, NN_BOOL, *go_on);
	for (i = 0; i < l->count && !ret; i++)
		ret = nn_graph_give(call, l->body, BEFORE + i, &l->carried[i]);
	if (!ret)
		ret = nn_graph_run(call, l->body);
	if (ret)
		return ret;
	condition = nn_contents(nn_graph_output(call, l->body, 0));
	if (!condition || condition->count != 1)
		return nn_refuse(call, NULL, "its body does not say whether to go on");
	*go_on = nn_get_int(condition, 0) != 0;
	for (i = 0; i < l->pile_count && !ret; i++) {
		struct nn_fact *from = nn_graph_output(call, l->body, 1 + l->count + i);

		if (from->kind != NN_TENSOR || !nn_contents(from))
			ret = nn_refuse(call, NULL, "its result %zu is not a tensor", l->count + i);
		else
			ret = add_to_pile(call, &l->piles[i], l->count + i, nn_contents(from));
	}
	for (i = 0; i < l->count && !ret; i++)
		ret = nn_graph_take(call, l->body, 1 + i, &l->carried[i]);
	return ret;
}

/* A result that would have grown, if there had been an iteration: what it is declared as. */
static int make_empty(struct nn_call *call, const struct nn_graph *body, size_t output)
{
	const struct nn_value *value = body->outputs[1 + output];
	struct nn_shape shape = { .rank = 1 };
	int i;

	for (i = 0; i < value->shape.rank && i + 1 < NN_RANK_MAX; i++, shape.rank++)
		shape.dims[i + 1] = value->shape.dims[i] < 0 ? 0 : value->shape.dims[i];
	if (value->type == NN_UNDEFINED)
		return nn_refuse(call, NULL, "its body is not gone through, and the type of its result "
				 "%zu is not declared", output);
	return nn_make_result(call, output, value->type, &shape);
}

static int finish_loop(struct loop *l)
{
	struct nn_call *call = l->call;
	size_t i;
	int ret = 0;

	give_carried(call, l->carried, l->count);
	for (i = 0; i < l->pile_count && !ret; i++) {
		if (!nn_out_fact(call, l->count + i))
			continue;
		ret = l->piles[i].count ? stack_pile(call, &l->piles[i], l->count + i, 0, false) :
					  make_empty(call, l->body, l->count + i);
	}
	return ret;
}

static int run_loop(struct loop *l)
{
	int64_t trips, go_on, i;
	size_t k;
	int ret = read_number(l->call, 0, INT64_MAX, &trips);

	if (!ret)
		ret = read_number(l->call, 1, 1, &go_on);
	for (k = 0; k < l->count && !ret; k++)
		ret = nn_copy_fact(l->call, &l->carried[k], l->call->in[BEFORE + k]);
	for (i = 0; i < trips && go_on && !ret; i++)
		ret = iterate(l, i, &go_on);
	return ret ? ret : finish_loop(l);
}

static int evaluate_loop(struct nn_call *call)
{
	struct loop l = {
		.call = call, .body = nn_attr_graph(call, "body"), .count = carried_count(call),
	};
	size_t i;
	int ret;

	l.pile_count = call->node->output_count - l.count;
	l.carried = calloc(l.count + 1, sizeof(*l.carried));
	l.piles = calloc(l.pile_count + 1, sizeof(*l.piles));
	ret = l.carried && l.piles ? run_loop(&l) : nn_no_memory(call);
	if (l.carried)
		forget_all(l.carried, l.count);
	for (i = 0; l.piles && i < l.pile_count; i++)
		drop_pile(&l.piles[i]);
	free(l.carried);
	free(l.piles);
	return ret;
}

/* ---- Scan ---- */

/*
 * States are carried along; each other input is gone through along an axis, and each other
 * result is what the body gives, one behind the other. In version 8 all have a batch before
 * them, and inputs may have lengths.
 */
struct scan {
	struct nn_call *call;
	const struct nn_graph *body;
	size_t inputs, results, states;		/* those that are gone through; those that grow */
	size_t skip;				/* inputs of the node before the states */
	int64_t steps;
	struct nn_fact *carried;
	struct pile *piles;
};

static int64_t listed(const struct nn_call *call, const char *name, size_t i)
{
	const int64_t *ints;
	size_t count = nn_attr_ints(call, name, &ints);

	return i < count ? ints[i] : 0;
}

static int read_scan(struct nn_call *call, struct scan *s)
{
	int64_t count = nn_attr_int(call, "num_scan_inputs");
	int ret;

	*s = (struct scan){ .call = call, .body = nn_attr_graph(call, "body") };
	s->skip = call->node->opset < 9;
	if (count < 1 || (uint64_t)count > call->node->input_count - s->skip)
		return nn_refuse(call, NULL, "its num_scan_inputs is %" PRId64 " of %zu", count,
				 call->node->input_count - s->skip);
	s->inputs = (size_t)count;
	s->states = call->node->input_count - s->skip - s->inputs;
	ret = check_inputs(call, s->body, s->states + s->inputs);
	if (!ret)
		ret = check_outputs(call, s->body, call->node->output_count);
	if (!ret && call->node->output_count < s->states)
		ret = nn_refuse(call, NULL, "it has %zu results for %zu states",
				call->node->output_count, s->states);
	s->results = call->node->output_count - s->states;
	return ret;
}

/* Along which axis an input is gone through. */
static int scan_axis(const struct nn_call *call, const struct scan *s, size_t i, int rank, int *axis)
{
	if (s->skip) {
		*axis = 0;
		return rank > 0 ? 0 : nn_refuse(call, NULL, "an input of it has too few dimensions");
	}
	return nn_axis(call, "scan_input_axes", listed(call, "scan_input_axes", i), rank, axis);
}

static int infer_scan(struct nn_call *call)
{
	struct nn_fact fact;
	struct scan s;
	size_t i;
	int axis, ret = read_scan(call, &s);

	/* What version 8 does is found out when it runs. */
	if (ret || call->facts->running || s.skip)
		return ret;
	nn_graph_begin(call, s.body);
	for (i = 0; i < s.states + s.inputs && !ret; i++) {
		fact = without_contents(call->in[i]);
		if (i >= s.states && fact.shape.rank >= 0) {
			ret = scan_axis(call, &s, i - s.states, fact.shape.rank, &axis);
			if (ret)
				return ret;
			memmove(fact.shape.dims + axis, fact.shape.dims + axis + 1,
				(size_t)(fact.shape.rank - 1 - axis) * sizeof(fact.shape.dims[0]));
			fact.shape.rank--;
		}
		ret = nn_graph_give(call, s.body, i, &fact);
	}
	if (!ret)
		ret = nn_graph_infer(call, s.body);
	for (i = 0; i < call->node->output_count && !ret; i++) {
		const struct nn_fact *from = nn_graph_output(call, s.body, i);

		if (!call->out[i])
			continue;
		call->out[i]->type = from->type;
		if (i < s.states)
			call->out[i]->shape = call->in[i]->shape;
	}
	return ret;
}

/* Place `at` of an axis of a tensor, without that dimension. */
static int take_slice(const struct nn_call *call, const struct nn_tensor *from, int axis, int64_t at,
		      struct nn_fact *to)
{
	struct nn_shape shape = from->shape;
	size_t before, behind, bytes, i;
	int ret = nn_check_bytes(call, from->type);

	if (ret)
		return ret;
	nn_around(&from->shape, axis, &before, &behind);
	memmove(shape.dims + axis, shape.dims + axis + 1,
		(size_t)(shape.rank - 1 - axis) * sizeof(shape.dims[0]));
	shape.rank--;
	*to = (struct nn_fact){ .type = from->type, .shape = shape };
	if (nn_tensor_init(&to->tensor, from->type, &shape))
		return nn_no_memory(call);
	bytes = behind * nn_bytes(from->type, 1);
	for (i = 0; i < before && to->tensor.count; i++)
		memcpy((char *)to->tensor.data + i * bytes, (const char *)from->data +
		       (i * (size_t)from->shape.dims[axis] + (size_t)at) * bytes, bytes);
	return 0;
}

static int scan_step(struct scan *s, const struct nn_tensor *const *inputs, int64_t step)
{
	struct nn_call *call = s->call;
	struct nn_fact fact;
	size_t i;
	int axis, ret = 0;

	nn_graph_begin(call, s->body);
	for (i = 0; i < s->states && !ret; i++)
		ret = nn_graph_give(call, s->body, i, &s->carried[i]);
	for (i = 0; i < s->inputs && !ret; i++) {
		bool reverse = listed(call, s->skip ? "directions" : "scan_input_directions", i);

		ret = scan_axis(call, s, i, inputs[i]->shape.rank, &axis);
		if (!ret)
			ret = take_slice(call, inputs[i], axis, reverse ? s->steps - 1 - step : step,
					 &fact);
		if (!ret)
			ret = nn_graph_give(call, s->body, s->states + i, &fact);
	}
	if (!ret)
		ret = nn_graph_run(call, s->body);
	for (i = 0; i < s->results && !ret; i++) {
		struct nn_fact *from = nn_graph_output(call, s->body, s->states + i);

		if (from->kind != NN_TENSOR || !nn_contents(from))
			return nn_refuse(call, NULL, "its result %zu is not a tensor", s->states + i);
		ret = add_to_pile(call, &s->piles[i], s->states + i, nn_contents(from));
	}
	for (i = 0; i < s->states && !ret; i++)
		ret = nn_graph_take(call, s->body, i, &s->carried[i]);
	return ret;
}

/* All inputs are gone through together. */
static int find_steps(struct scan *s, const struct nn_tensor *const *inputs)
{
	size_t i;
	int axis, ret = 0;

	for (i = 0; i < s->inputs && !ret; i++) {
		ret = scan_axis(s->call, s, i, inputs[i]->shape.rank, &axis);
		if (!ret && i && inputs[i]->shape.dims[axis] != s->steps)
			ret = nn_refuse(s->call, NULL, "its inputs have %" PRId64 " and %" PRId64 " steps",
					s->steps, inputs[i]->shape.dims[axis]);
		if (!ret)
			s->steps = inputs[i]->shape.dims[axis];
	}
	return ret;
}

static int finish_scan(struct scan *s)
{
	struct nn_call *call = s->call;
	int64_t axis;
	size_t i;
	int ret = 0;

	give_carried(call, s->carried, s->states);
	for (i = 0; i < s->results && !ret; i++) {
		struct pile *pile = &s->piles[i];

		if (!call->out[s->states + i])
			continue;
		if (!pile->count)
			return nn_fail_node(call->node, -ENOTSUP, NULL, "it goes through nothing");
		axis = listed(call, "scan_output_axes", i);
		if (axis < 0)
			axis += pile->items[0]->tensor.shape.rank + 1;
		ret = stack_pile(call, pile, s->states + i, axis < 0 || axis > NN_RANK_MAX ? -1 : (int)axis,
				 listed(call, "scan_output_directions", i));
	}
	return ret;
}

static int run_scan(struct scan *s)
{
	const struct nn_tensor **inputs = calloc(s->inputs + 1, sizeof(*inputs));
	int64_t step;
	size_t i;
	int ret = inputs ? 0 : nn_no_memory(s->call);

	for (i = 0; i < s->states && !ret; i++)
		ret = nn_copy_fact(s->call, &s->carried[i], s->call->in[i]);
	for (i = 0; i < s->inputs && !ret; i++)
		inputs[i] = nn_contents(s->call->in[s->states + i]);
	if (!ret)
		ret = find_steps(s, inputs);
	for (step = 0; !ret && step < s->steps; step++)
		ret = scan_step(s, inputs, step);
	free(inputs);
	return ret ? ret : finish_scan(s);
}

static void drop_piles(struct scan *s)
{
	size_t i;

	for (i = 0; i < s->results; i++) {
		drop_pile(&s->piles[i]);
		s->piles[i] = (struct pile){ 0 };
	}
}

static int evaluate_scan_with(struct nn_call *call, int (*run)(struct scan *))
{
	struct scan s;
	int ret = read_scan(call, &s);

	if (ret)
		return ret;
	s.carried = calloc(s.states + 1, sizeof(*s.carried));
	s.piles = calloc(s.results + 1, sizeof(*s.piles));
	ret = s.carried && s.piles ? run(&s) : nn_no_memory(call);
	if (s.carried)
		forget_all(s.carried, s.states);
	if (s.piles)
		drop_piles(&s);
	free(s.carried);
	free(s.piles);
	return ret;
}

static int evaluate_scan(struct nn_call *call)
{
	return evaluate_scan_with(call, run_scan);
}

/* ---- Scan of version 8 ---- */

/* Item `b` of the batch: what its inputs are, and how many steps it has. */
static int begin_item(struct scan *s, int64_t b, struct nn_fact *items,
		      const struct nn_tensor **inputs)
{
	const struct nn_tensor *lengths = nn_contents(nn_in_fact(s->call, 0));
	size_t i;
	int ret = 0;

	for (i = 0; i < s->states + s->inputs && !ret; i++) {
		const struct nn_tensor *from = nn_contents(s->call->in[s->skip + i]);

		if (!from || from->shape.rank < 1 || b >= from->shape.dims[0])
			return nn_refuse(s->call, NULL, "its input %zu does not have item %" PRId64
					 " of the batch", s->skip + i, b);
		ret = take_slice(s->call, from, 0, b,
				 i < s->states ? &s->carried[i] : &items[i - s->states]);
		if (!ret && i >= s->states)
			inputs[i - s->states] = &items[i - s->states].tensor;
	}
	if (!ret)
		ret = find_steps(s, inputs);
	if (ret || !lengths)
		return ret;
	if ((uint64_t)b >= lengths->count || nn_get_int(lengths, (size_t)b) < 0 ||
	    nn_get_int(lengths, (size_t)b) > s->steps)
		return nn_refuse(s->call, NULL, "its lengths do not fit its inputs");
	s->steps = nn_get_int(lengths, (size_t)b);
	return 0;
}

/* What grew in one item becomes part of what has the batch before it. */
static int finish_item(struct scan *s, struct pile *batches)
{
	struct nn_call own = *s->call;
	struct nn_fact stacked = { 0 }, *place[1] = { &stacked };
	size_t i;
	int ret = 0;

	own.out = place;
	for (i = 0; i < s->states && !ret; i++)
		ret = !s->carried[i].tensor.data ?
		      nn_refuse(s->call, NULL, "its state %zu is not a tensor", i) :
		      add_to_pile(s->call, &batches[i], i, &s->carried[i].tensor);
	for (i = 0; i < s->results && !ret; i++) {
		if (!s->piles[i].count)
			return nn_fail_node(s->call->node, -ENOTSUP, NULL, "it goes through nothing");
		ret = stack_pile(&own, &s->piles[i], 0, 0, false);
		if (!ret)
			ret = add_to_pile(s->call, &batches[s->states + i], s->states + i,
					  &stacked.tensor);
		nn_forget(&stacked);
	}
	forget_all(s->carried, s->states);
	return ret;
}

static int run_items(struct scan *s, struct nn_fact *items, const struct nn_tensor **inputs,
		     struct pile *batches)
{
	const struct nn_tensor *any = nn_contents(s->call->in[s->skip]);
	int64_t count = any->shape.rank ? any->shape.dims[0] : 0, b, step;
	size_t i;
	int ret = 0;

	for (b = 0; b < count && !ret; b++) {
		ret = begin_item(s, b, items, inputs);
		for (step = 0; !ret && step < s->steps; step++)
			ret = scan_step(s, inputs, step);
		if (!ret)
			ret = finish_item(s, batches);
		forget_all(items, s->inputs);
		drop_piles(s);
	}
	if (!ret && !count)
		ret = nn_fail_node(s->call->node, -ENOTSUP, NULL, "its batch is empty");
	for (i = 0; i < s->states + s->results && !ret; i++)
		if (s->call->out[i])
			ret = stack_pile(s->call, &batches[i], i, 0, false);
	return ret;
}

static int run_scan_8(struct scan *s)
{
	struct nn_fact *items = calloc(s->inputs + 1, sizeof(*items));
	const struct nn_tensor **inputs = calloc(s->inputs + 1, sizeof(*inputs));
	struct pile *batches = calloc(s->states + s->results + 1, sizeof(*batches));
	size_t i;
	int ret = items && inputs && batches ? run_items(s, items, inputs, batches) :
					       nn_no_memory(s->call);

	for (i = 0; batches && i < s->states + s->results; i++)
		drop_pile(&batches[i]);
	free(items);
	free(inputs);
	free(batches);
	return ret;
}

static int evaluate_scan_8(struct nn_call *call)
{
	return evaluate_scan_with(call, run_scan_8);
}

/* ---- SequenceMap ---- */

static int infer_sequence_map(struct nn_call *call)
{
	const struct nn_graph *body = nn_attr_graph(call, "body");
	size_t i;
	int ret = check_inputs(call, body, call->node->input_count);

	if (!ret)
		ret = check_outputs(call, body, call->node->output_count);
	for (i = 0; i < call->node->output_count && !ret; i++) {
		if (!call->out[i])
			continue;
		call->out[i]->kind = NN_SEQUENCE;
		call->out[i]->type = body->outputs[i]->type;
	}
	return ret;
}

/* What the body gets for one item: items of sequences, and tensors as they are. */
static int map_item(struct nn_call *call, const struct nn_graph *body, size_t item,
		    struct nn_list *const *lists)
{
	struct nn_fact fact;
	size_t i;
	int ret = 0;

	nn_graph_begin(call, body);
	for (i = 0; i < call->node->input_count && !ret; i++) {
		const struct nn_list *list = call->in[i]->list;

		if (list && item >= list->count)
			return nn_refuse(call, NULL, "its sequences have %zu and more items", list->count);
		if (list) {
			const struct nn_tensor *from = &list->items[item]->tensor;

			fact = (struct nn_fact){ .type = from->type, .shape = from->shape };
			if (nn_tensor_copy(&fact.tensor, from))
				return nn_no_memory(call);
		} else {
			ret = nn_copy_fact(call, &fact, call->in[i]);
		}
		if (!ret)
			ret = nn_graph_give(call, body, i, &fact);
	}
	if (!ret)
		ret = nn_graph_run(call, body);
	for (i = 0; i < body->output_count && !ret; i++) {
		const struct nn_tensor *result = nn_contents(nn_graph_output(call, body, i));

		lists[i]->items[item] = result ? nn_hold(result) : NULL;
		if (!lists[i]->items[item])
			ret = result ? nn_no_memory(call) :
				       nn_refuse(call, NULL, "its body's output %zu is not a tensor", i);
	}
	return ret;
}

/* The body may make each item of another type, but a sequence has one. */
static int check_items(const struct nn_call *call, const struct nn_list *list, size_t output)
{
	size_t i;

	for (i = 1; i < list->count; i++)
		if (list->items[i]->tensor.type != list->items[0]->tensor.type)
			return nn_refuse(call, NULL, "its result %zu has items of the types %s and %s",
					 output, nn_type_name(list->items[0]->tensor.type),
					 nn_type_name(list->items[i]->tensor.type));
	return 0;
}

static int evaluate_sequence_map(struct nn_call *call)
{
	const struct nn_graph *body = nn_attr_graph(call, "body");
	struct nn_list **lists = calloc(body->output_count + 1, sizeof(*lists));
	size_t count = call->in[0]->list->count, i;
	int ret = lists ? 0 : nn_no_memory(call);

	for (i = 0; i < body->output_count && !ret; i++) {
		lists[i] = nn_list_new(count);
		ret = lists[i] ? 0 : nn_no_memory(call);
	}
	for (i = 0; i < count && !ret; i++)
		ret = map_item(call, body, i, lists);
	for (i = 0; i < body->output_count && !ret; i++)
		ret = check_items(call, lists[i], i);
	for (i = 0; i < body->output_count && !ret; i++) {
		ret = nn_make_list(call, i, count ? lists[i]->items[0]->tensor.type :
				   body->outputs[i]->type, lists[i]);
		lists[i] = NULL;
	}
	for (i = 0; lists && i < body->output_count; i++)
		nn_list_free(lists[i]);
	free(lists);
	return ret;
}

/* ---- Table ---- */

#define B		NN_SET(NN_BOOL)
#define I64		NN_SET(NN_I64)
#define LOOP(v) \
	{ .name = "Loop", .since = v, .costly = true, .makes_results = true, \
	  .inputs = NN_PORTS({ "M", 0, I64, NN_OPTIONAL }, { "cond", 0, B, NN_OPTIONAL }, \
			     { "v_initial", 0, NN_TAKES_ALL, NN_REST }), \
	  .outputs = NN_PORTS({ "v_final_and_scan_outputs", 0, 0, NN_MANY }), \
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("body", GRAPH)), \
	  .infer = infer_loop, .evaluate = evaluate_loop }

const struct nn_op nn_ops_control[] = {
	{ .name = "If", .since = 1, .costly = true, .makes_results = true,
	  .inputs = NN_PORTS({ "cond", 0, B, NN_ONE }),
	  .outputs = NN_PORTS({ "outputs", 0, 0, NN_MANY }),
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("then_branch", GRAPH),
			    NN_REQUIRED_ATTR("else_branch", GRAPH)),
	  .infer = infer_if, .evaluate = evaluate_if },
	LOOP(1),
	{ .name = "Scan", .since = 8, .costly = true, .makes_results = true,
	  .inputs = NN_PORTS({ "sequence_lens", 0, I64, NN_OPTIONAL },
			     { "initial_state_and_scan_inputs", 0, 0, NN_MANY }),
	  .outputs = NN_PORTS({ "final_state_and_scan_outputs", 0, 0, NN_MANY }),
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("body", GRAPH), NN_OPTIONAL_ATTR("directions", INTS),
			    NN_REQUIRED_ATTR("num_scan_inputs", INT)),
	  .infer = infer_scan, .evaluate = evaluate_scan_8 },
	{ .name = "Scan", .since = 9, .costly = true, .makes_results = true,
	  .inputs = NN_PORTS({ "initial_state_and_scan_inputs", 0, 0, NN_MANY }),
	  .outputs = NN_PORTS({ "final_state_and_scan_outputs", 0, 0, NN_MANY }),
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("body", GRAPH),
			    NN_REQUIRED_ATTR("num_scan_inputs", INT),
			    NN_OPTIONAL_ATTR("scan_input_axes", INTS),
			    NN_OPTIONAL_ATTR("scan_input_directions", INTS),
			    NN_OPTIONAL_ATTR("scan_output_axes", INTS),
			    NN_OPTIONAL_ATTR("scan_output_directions", INTS)),
	  .infer = infer_scan, .evaluate = evaluate_scan },
	{ .name = "SequenceMap", .since = 17, .costly = true, .makes_results = true,
	  .inputs = NN_PORTS({ "input_sequence", 0, NN_TAKES_NO_TENSOR | NN_TAKES_SEQUENCES, NN_ONE },
			     { "additional_inputs", 0, NN_TAKES_SEQUENCES, NN_REST }),
	  .outputs = NN_PORTS({ "out_sequence", 0, 0, NN_MANY }),
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("body", GRAPH)),
	  .infer = infer_sequence_map, .evaluate = evaluate_sequence_map },
	{ 0 }
};
