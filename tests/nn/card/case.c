// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#define _GNU_SOURCE
#include "case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void good_(int ret, const char *call, int line)
{
	if (ret) {
		print_error("%s: %s\n", call, accel_last_error()->message);
		_fail(__FILE__, line);
	}
}
#define good(call) good_((call), #call, __LINE__)

int open_card(void **state)
{
	struct card *card = calloc(1, sizeof(*card));

	if (!getenv("EGRET_VM"))
		setenv("ACCEL_DEVICE", "sim", 0);
	setenv("ACCEL_KERNEL_PATH", "build/libaccel/kernels", 0);
	good(accel_device_open(NULL, &card->device));
	good(accel_context_create(card->device, &card->context));
	good(accel_stream_create(card->context, NULL, &card->stream));
	*state = card;
	return 0;
}

int close_card(void **state)
{
	struct card *card = *state;

	accel_stream_destroy(card->stream);
	accel_context_destroy(card->context);
	accel_device_close(card->device);
	free(card);
	return 0;
}

static uint32_t seed = 1;

uint32_t any(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

int begin_random(void **state)
{
	(void)state;
	seed = 1;
	return 0;
}

float any_float(void)
{
	return (float)any(1 << 20) / (1 << 19) - 1;
}

void begin_case(struct test_case *c, int opset)
{
	memset(c, 0, sizeof(*c));
	build_init(&c->build, opset);
	c->relative = 1e-4;
	c->absolute = 1e-5;
}

/* ---- Making models ---- */

void add_ints(struct build *b, Onnx__NodeProto *node, const char *name, size_t count,
	      const int64_t *ints)
{
	Onnx__AttributeProto *attr = build_attr(b, node, name,
						ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

	attr->n_ints = count;
	attr->ints = build_alloc(b, count * sizeof(*ints));
	memcpy(attr->ints, ints, count * sizeof(*ints));
}

void add_float(struct build *b, Onnx__NodeProto *node, const char *name, float value)
{
	Onnx__AttributeProto *attr = build_attr(b, node, name,
						ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

	attr->has_f = 1;
	attr->f = value;
}

void add_text(struct build *b, Onnx__NodeProto *node, const char *name, const char *value)
{
	Onnx__AttributeProto *attr = build_attr(b, node, name,
						ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);

	attr->has_s = 1;
	attr->s.len = strlen(value);
	attr->s.data = build_alloc(b, attr->s.len + 1);
	memcpy(attr->s.data, value, attr->s.len);
}

void add_input(struct build *b, const char *name, int rank, const int64_t *dims)
{
	char text[160] = "";
	int i;

	for (i = 0; i < rank; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%lld", i ? " " : "",
			 (long long)dims[i]);
	build_input(b, name, NN_F32, text);
}

void add_weights(struct build *b, const char *name, int rank, const int64_t *dims)
{
	Onnx__TensorProto *tensor = build_ints(b, name, 0, dims);
	size_t count = 1, i;
	float *data;

	tensor->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	tensor->n_dims = (size_t)rank;
	tensor->dims = build_alloc(b, (size_t)(rank + 1) * sizeof(*dims));
	for (i = 0; i < (size_t)rank; i++) {
		tensor->dims[i] = dims[i];
		count *= (size_t)dims[i];
	}
	data = build_alloc(b, count * sizeof(*data));
	for (i = 0; i < count; i++)
		data[i] = any_float();
	tensor->raw_data.len = count * sizeof(*data);
	tensor->raw_data.data = (uint8_t *)data;
}

void add_number(struct build *b, const char *name, float number)
{
	Onnx__TensorProto *tensor = build_ints(b, name, 0, (int64_t[1]){ 0 });
	float *data = build_alloc(b, sizeof(*data));

	tensor->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	tensor->n_dims = 0;
	*data = number;
	tensor->raw_data.len = sizeof(*data);
	tensor->raw_data.data = (uint8_t *)data;
}

/* ---- Running ---- */

static void fill_inputs(struct test_case *c)
{
	size_t i, k;

	for (i = 0; i < c->model->graph->input_count; i++) {
		const struct nn_fact *fact = &c->facts.facts[c->model->graph->inputs[i]->index];

		good(nn_tensor_init(&c->inputs[i], fact->type, &fact->shape));
		for (k = 0; k < c->inputs[i].count; k++) {
			if (nn_is_float(fact->type))
				nn_set(&c->inputs[i], k, (double)any_float());
			else
				nn_set_int(&c->inputs[i], k, (int64_t)any(100) - 50);
		}
	}
}

/* What is to be run on the host: the model with its inputs. */
static void begin_reference(const struct test_case *c, struct nn_facts *reference)
{
	size_t i;

	good(nn_facts_init(reference, c->model));
	for (i = 0; i < c->model->graph->input_count; i++)
		good(nn_facts_set_input(reference, i, &c->inputs[i]));
}

static void calibrate(struct test_case *c)
{
	struct nn_facts facts;
	size_t i;

	if (c->assumed) {
		c->card->ranges = calloc(c->model->value_count, sizeof(*c->card->ranges));
		assert_non_null(c->card->ranges);
		for (i = 0; i < c->model->value_count; i++)
			c->card->ranges[i] = (struct nn_range){ -1, 1, true };
		return;
	}
	begin_reference(c, &facts);
	good(nn_calibrate(c->card, &facts));
	nn_facts_release(&facts);
}

void plan_case(struct test_case *c, struct card *card)
{
	size_t size, i;

	c->file = build_pack(&c->build, &size);
	good(nn_onnx_read("the test", c->file, size, -1, &c->model));
	good(nn_facts_init(&c->facts, c->model));
	good(nn_facts_infer(&c->facts));
	good(nn_card_create(c->model, card->context, card->device, &c->card));
	fill_inputs(c);
	if (c->precision != NN_UNDEFINED)
		c->card->precision = c->precision;
	if (c->precision == NN_I8)
		calibrate(c);
	good(nn_plan_create(c->card, &c->facts, &c->plan));
	for (i = 0; i < c->plan->step_count && !c->host_allowed; i++) {
		if (c->plan->steps[i].where == NN_ON_HOST)
			fail_msg("%s is not on the card: %s", c->plan->steps[i].nodes[0]->type,
				 c->plan->steps[i].why);
	}
}

/* For who has to find out what a random case was. */
static void show_nodes(const struct test_case *c)
{
	const struct nn_graph *graph = c->model->graph;
	char text[160];
	size_t i, k, n;

	for (i = 0; i < graph->node_count; i++) {
		const struct nn_node *node = graph->nodes[i];

		print_error("%s", node->type);
		for (k = 0; k < node->input_count; k++) {
			if (!node->inputs[k])
				continue;
			nn_shape_print(&c->facts.facts[node->inputs[k]->index].shape, NULL, 0, text,
				       sizeof(text));
			print_error(" %s", text);
		}
		for (k = 0; k < node->attr_count; k++) {
			print_error(" %s", node->attrs[k].name);
			for (n = 0; node->attrs[k].type == NN_ATTR_INTS && n < node->attrs[k].count; n++)
				print_error(" %lld", (long long)node->attrs[k].ints[n]);
			if (node->attrs[k].type == NN_ATTR_INT)
				print_error(" %lld", (long long)node->attrs[k].i);
		}
		print_error("\n");
	}
}

static void check_deviation(const struct test_case *c, size_t output,
			    const struct nn_tensor *wanted, const struct nn_tensor *found)
{
	double error = 0, all = 0;
	size_t i;

	for (i = 0; i < wanted->count; i++) {
		double w = nn_get(wanted, i), f = nn_get(found, i);

		error += (w - f) * (w - f);
		all += w * w;
	}
	/* Without any error at all, something has not been done in the precision asked for. */
	if (error > 0 && sqrt(error / all) <= c->deviation)
		return;
	show_nodes(c);
	fail_msg("output %zu deviates by %g, which is not above 0 and up to %g", output,
		 sqrt(error / all), c->deviation);
}

static void compare(const struct test_case *c, size_t output, const struct nn_tensor *wanted,
		    const struct nn_tensor *found)
{
	size_t i;

	assert_int_equal(wanted->type, found->type);
	assert_true(nn_shape_equal(&wanted->shape, &found->shape));
	if (c->deviation > 0) {
		check_deviation(c, output, wanted, found);
		return;
	}
	for (i = 0; i < wanted->count; i++) {
		double w = nn_get(wanted, i), f = nn_get(found, i);

		if (fabs(w - f) <= c->absolute + c->relative * fabs(w) || (isnan(w) && isnan(f)) ||
		    w == f)
			continue;
		show_nodes(c);
		fail_msg("output %zu, element %zu of %zu should be %g, but is %g", output, i,
			 wanted->count, w, f);
	}
}

void check_case(struct test_case *c, struct card *card)
{
	struct nn_facts reference;
	size_t i;
	int run;

	begin_reference(c, &reference);
	good(nn_facts_run(&reference));
	/* The second time it finds what the first left in memory. */
	for (run = 0; run < 2; run++) {
		good(nn_plan_run(c->plan, card->stream, c->inputs, c->outputs));
		for (i = 0; i < c->plan->output_count; i++) {
			struct nn_fact *fact = &reference.facts[c->model->graph->outputs[i]->index];

			compare(c, i, nn_contents(fact), &c->outputs[i]);
			nn_tensor_release(&c->outputs[i]);
		}
	}
	nn_facts_release(&reference);
}

void end_case(struct test_case *c)
{
	size_t i;

	for (i = 0; i < c->plan->input_count; i++)
		nn_tensor_release(&c->inputs[i]);
	nn_plan_free(c->plan);
	nn_card_free(c->card);
	nn_facts_release(&c->facts);
	nn_model_free(c->model);
	free(c->file);
	build_release(&c->build);
}

void run_case(struct test_case *c, struct card *card)
{
	plan_case(c, card);
	check_case(c, card);
	end_case(c);
}

size_t launches_of(const struct test_case *c)
{
	size_t i, count = 0;

	for (i = 0; i < c->plan->item_count; i++)
		count += c->plan->items[i].kind == NN_LAUNCH;
	return count;
}
