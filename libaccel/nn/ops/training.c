// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Steps of training, of ONNX's preview domain: rate, number of updates, then values, gradients
 * and states, each for all tensors that are trained.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "../op.h"

#define TENSORS		4	/* a value, its gradient and at most two states */

static size_t parts_of(const struct nn_call *call)
{
	return !strcmp(call->node->op->name, "Adam") ? 4 : 3;
}

/* Results are the values, then each of the states. */
static int infer_step(struct nn_call *call)
{
	size_t parts = parts_of(call), trained = (call->node->input_count - 2) / parts, i, from;
	int ret = 0;

	if (call->node->input_count < 2 + parts || (call->node->input_count - 2) % parts ||
	    call->node->output_count != trained * (parts - 1))
		return nn_refuse(call, NULL, "it has %zu inputs and %zu results", call->node->input_count,
				 call->node->output_count);
	for (i = 0; i < trained * parts && !ret; i++)
		if (nn_shape_known(&call->in[2 + i]->shape) &&
		    nn_shape_known(&call->in[2 + i % trained]->shape) &&
		    !nn_shape_equal(&call->in[2 + i]->shape, &call->in[2 + i % trained]->shape))
			ret = nn_refuse(call, NULL, "its input %zu is not shaped like what is trained",
					2 + i);
	for (i = 0; i < call->node->output_count && !ret; i++) {
		/* Gradients are between the values and the states. */
		from = 2 + (i < trained ? i : i + trained);
		if (!call->out[i])
			continue;
		call->out[i]->type = call->in[from]->type;
		call->out[i]->shape = call->in[from]->shape;
	}
	return ret;
}

/* One number: a value, its gradient and states become the new value and states. */
typedef void update(const struct nn_call *call, double rate, double number, double *x);

static int evaluate_step(struct nn_call *call, update *step)
{
	const struct nn_tensor *rate = nn_contents(call->in[0]), *number = nn_contents(call->in[1]);
	size_t parts = parts_of(call), trained = (call->node->input_count - 2) / parts, i, k, p;
	double x[TENSORS];

	if (rate->count != 1 || number->count != 1)
		return nn_refuse(call, NULL, "its rate and number are not single numbers");
	for (i = 0; i < trained; i++) {
		const struct nn_tensor *value = nn_contents(call->in[2 + i]);

		for (k = 0; k < value->count; k++) {
			for (p = 0; p < parts; p++)
				x[p] = nn_get(nn_contents(call->in[2 + i + p * trained]), k);
			step(call, nn_get(rate, 0), nn_get(number, 0), x);
			for (p = 0; p < parts; p++)
				if (p != 1 && nn_result(call, i + (p ? p - 1 : 0) * trained))
					nn_set(nn_result(call, i + (p ? p - 1 : 0) * trained), k, x[p]);
		}
	}
	return 0;
}

static void step_adagrad(const struct nn_call *call, double rate, double number, double *x)
{
	double gradient = nn_attr_float(call, "norm_coefficient") * x[0] + x[1];

	rate /= 1 + number * nn_attr_float(call, "decay_factor");
	x[2] += gradient * gradient;
	x[0] -= rate * gradient / (sqrt(x[2]) + nn_attr_float(call, "epsilon"));
}

static void step_adam(const struct nn_call *call, double rate, double number, double *x)
{
	double alpha = nn_attr_float(call, "alpha"), beta = nn_attr_float(call, "beta");
	double gradient = nn_attr_float(call, "norm_coefficient") * x[0] + x[1];

	x[2] = alpha * x[2] + (1 - alpha) * gradient;
	x[3] = beta * x[3] + (1 - beta) * gradient * gradient;
	if (number > 0)
		rate *= sqrt(1 - pow(beta, number)) / (1 - pow(alpha, number));
	x[0] -= rate * x[2] / (sqrt(x[3]) + nn_attr_float(call, "epsilon"));
	x[0] *= 1 - nn_attr_float(call, "norm_coefficient_post");
}

static void step_momentum(const struct nn_call *call, double rate, double number, double *x)
{
	double alpha = nn_attr_float(call, "alpha");
	double beta = number > 0 ? nn_attr_float(call, "beta") : 1;
	double gradient = nn_attr_float(call, "norm_coefficient") * x[0] + x[1];

	x[2] = alpha * x[2] + beta * gradient;
	x[0] -= rate * (strcmp(nn_attr_text(call, "mode"), "nesterov") ? x[2] : gradient + alpha * x[2]);
}

static int evaluate_adagrad(struct nn_call *call)
{
	return evaluate_step(call, step_adagrad);
}

static int evaluate_adam(struct nn_call *call)
{
	return evaluate_step(call, step_adam);
}

static int evaluate_momentum(struct nn_call *call)
{
	return evaluate_step(call, step_momentum);
}

/* ---- Table ---- */

#define STEP(n, e, ...) \
	{ .domain = "ai.onnx.preview.training", .name = n, .since = 1, \
	  .inputs = NN_PORTS({ "R", 0, NN_FLOATS, NN_ONE }, { "T", 0, NN_SET(NN_I64), NN_ONE }, \
			     { "inputs", 0, NN_FLOATS, NN_MANY }), \
	  .outputs = NN_PORTS({ "outputs", 0, 0, NN_MANY }), .attrs = NN_ATTRS(__VA_ARGS__), \
	  .infer = infer_step, .evaluate = e }

const struct nn_op nn_ops_training[] = {
	STEP("Adagrad", evaluate_adagrad, NN_FLOAT("decay_factor", 0), NN_FLOAT("epsilon", 1e-6f),
	     NN_FLOAT("norm_coefficient", 0)),
	STEP("Adam", evaluate_adam, NN_FLOAT("alpha", 0.9f), NN_FLOAT("beta", 0.999f),
	     NN_FLOAT("epsilon", 1e-6f), NN_FLOAT("norm_coefficient", 0),
	     NN_FLOAT("norm_coefficient_post", 0)),
	STEP("Momentum", evaluate_momentum, NN_REQUIRED_ATTR("alpha", FLOAT),
	     NN_REQUIRED_ATTR("beta", FLOAT), NN_REQUIRED_ATTR("mode", STRING),
	     NN_REQUIRED_ATTR("norm_coefficient", FLOAT)),
	{ 0 }
};
