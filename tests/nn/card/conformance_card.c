// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * ONNX's cases on a card. A case counts only if the card does all of it: what is left to the host
 * is tested there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libaccel/error.h>
#include <libaccel/nn/card/plan.h>

#include <conformance.h>

#define WHAT	"cannot compute the case on the card"

static struct accel_device *device;
static struct accel_context *context;
static struct accel_stream *stream;

static int open_device(void)
{
	int ret;

	if (device)
		return 0;
	/* In the test VM, the card is. */
	if (!getenv("EGRET_VM"))
		setenv("ACCEL_DEVICE", "sim", 0);
	setenv("ACCEL_KERNEL_PATH", "build/libaccel/kernels", 0);
	ret = accel_device_open(NULL, &device);
	if (!ret)
		ret = accel_context_create(device, &context);
	return ret ? ret : accel_stream_create(context, NULL, &stream);
}

static struct nn_fact *input_of(const struct nn_facts *facts, size_t i)
{
	return &facts->facts[facts->model->graph->inputs[i]->index];
}

static bool all_known(const struct nn_facts *facts)
{
	const struct nn_graph *graph = facts->model->graph;
	size_t i, k;

	for (i = 0; i < graph->node_count; i++)
		for (k = 0; k < graph->nodes[i]->output_count; k++)
			if (graph->nodes[i]->outputs[k] &&
			    !nn_shape_known(&facts->facts[graph->nodes[i]->outputs[k]->index].shape))
				return false;
	return true;
}

/* What is known of the inputs' shapes alone, or of the contents of integers as well. */
static int infer(const struct nn_facts *given, struct nn_facts *facts, bool integers)
{
	size_t i;
	int ret = nn_facts_init(facts, given->model);

	for (i = 0; i < given->model->graph->input_count && !ret; i++) {
		struct nn_fact *input = input_of(given, i);

		if (!nn_contents(input))
			continue;
		if (integers && !nn_is_float(input->type))
			ret = nn_facts_set_input(facts, i, nn_contents(input));
		else
			ret = nn_facts_set_shape(facts, i, &input->shape);
	}
	return ret ? ret : nn_facts_infer(facts);
}

static int all_on_card(const struct nn_plan *plan)
{
	bool launches = false;
	size_t i;

	for (i = 0; i < plan->step_count; i++) {
		if (plan->steps[i].where == NN_ON_HOST)
			return accel_fail(-ENOTSUP, WHAT, NULL, "%s is left to the host: %s",
					  plan->steps[i].nodes[0]->type, plan->steps[i].why);
		launches |= plan->steps[i].launches > 0;
	}
	return launches ? 0 : accel_fail(-ENOTSUP, WHAT, NULL, "nothing is left to compute");
}

static int run(struct nn_plan *plan, struct nn_facts *facts)
{
	const struct nn_graph *graph = facts->model->graph;
	struct nn_tensor *inputs = calloc(graph->input_count + 1, sizeof(*inputs));
	struct nn_tensor *outputs = calloc(graph->output_count + 1, sizeof(*outputs));
	size_t i;
	int ret = inputs && outputs ? 0 : accel_fail_errno(-ENOMEM, WHAT);

	for (i = 0; i < graph->input_count && !ret; i++)
		inputs[i] = *nn_contents(input_of(facts, i));
	if (!ret)
		ret = nn_plan_run(plan, stream, inputs, outputs);
	for (i = 0; i < graph->output_count && !ret; i++) {
		struct nn_fact *fact = &facts->facts[graph->outputs[i]->index];

		nn_tensor_release(&fact->tensor);
		fact->tensor = outputs[i];
		fact->type = outputs[i].type;
		fact->shape = outputs[i].shape;
	}
	free(inputs);
	free(outputs);
	return ret;
}

static int attempt(struct nn_facts *facts, bool integers)
{
	struct nn_facts known;
	struct nn_card *card = NULL;
	struct nn_plan *plan = NULL;
	int ret = infer(facts, &known, integers);

	if (!ret && !all_known(&known))
		ret = accel_fail(-ENOTSUP, WHAT, NULL, "sizes depend on what is computed");
	if (!ret)
		ret = nn_card_create(facts->model, context, device, &card);
	if (!ret)
		ret = nn_plan_create(card, &known, &plan);
	if (!ret)
		ret = all_on_card(plan);
	if (!ret)
		ret = run(plan, facts);
	nn_plan_free(plan);
	nn_card_free(card);
	nn_facts_release(&known);
	return ret;
}

/* Models have axes and shapes as constants; in the cases they are inputs, like all the rest. */
int conformance_compute(struct nn_facts *facts)
{
	int ret = open_device();

	if (!ret)
		ret = attempt(facts, false);
	return ret == -ENOTSUP ? attempt(facts, true) : ret;
}
