// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "variants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "api.h"

/* What is kept if the program does not say how much. */
#define KEPT_MAX	16
#define KEPT_PART	8	/* of the card's memory */

/* ---- The list ---- */

static void unlink_variant(struct nn_variants *variants, struct nn_variant *variant)
{
	*(variant->previous ? &variant->previous->next : &variants->newest) = variant->next;
	*(variant->next ? &variant->next->previous : &variants->oldest) = variant->previous;
}

static void link_newest(struct nn_variants *variants, struct nn_variant *variant)
{
	variant->previous = NULL;
	variant->next = variants->newest;
	*(variant->next ? &variant->next->previous : &variants->oldest) = variant;
	variants->newest = variant;
}

static void free_variant(struct nn_variant *variant)
{
	nn_plan_free(variant->plan);
	nn_facts_release(&variant->facts);
	free(variant->shapes);
	free(variant);
}

static void free_list(struct nn_variant *variant)
{
	while (variant) {
		struct nn_variant *next = variant->next;

		free_variant(variant);
		variant = next;
	}
}

/*
 * With the lock held: take out of the list what is kept, from the oldest on, until no more
 * than that is. Returns a list to be freed without the lock, for that takes long.
 */
static struct nn_variant *trim(struct nn_variants *variants, size_t count, uint64_t bytes)
{
	struct nn_variant *variant = variants->oldest, *newer, *victims = NULL;

	for (; variant && (variants->kept > count || variants->kept_bytes > bytes);
	     variant = newer) {
		newer = variant->previous;
		if (variant->refs)
			continue;
		unlink_variant(variants, variant);
		variants->kept--;
		variants->kept_bytes -= variant->bytes;
		variant->next = victims;
		victims = variant;
	}
	return victims;
}

void nn_variants_init(struct nn_variants *variants, const struct accel_nn_load_options *options,
		      uint64_t card_memory)
{
	const int32_t count = options->kept_plans;

	pthread_mutex_init(&variants->lock, NULL);
	variants->kept_max = count < 0 ? 0 : count ? (size_t)count : KEPT_MAX;
	variants->kept_bytes_max = options->kept_plan_bytes ? options->kept_plan_bytes :
				   card_memory / KEPT_PART;
}

void nn_variants_release(struct nn_variants *variants)
{
	free_list(variants->newest);
	pthread_mutex_destroy(&variants->lock);
}

void nn_variants_forget(struct nn_variants *variants)
{
	struct nn_variant *victims;

	pthread_mutex_lock(&variants->lock);
	victims = trim(variants, 0, 0);
	pthread_mutex_unlock(&variants->lock);
	free_list(victims);
}

/* ---- Making one ---- */

/* All sizes are known, and all operators; and there is nothing but tensors of numbers. */
static bool can_plan(const struct nn_model *model, const struct nn_variant *variant)
{
	const struct nn_graph *graph = model->graph;
	size_t i, k;

	if (nn_first_unsupported(model))
		return false;
	for (i = 0; i < graph->input_count; i++)
		if (variant->shapes[i].rank < 0 ||
		    !nn_can_lower(&variant->facts.facts[graph->inputs[i]->index]))
			return false;
	for (i = 0; i < graph->node_count; i++) {
		const struct nn_node *node = graph->nodes[i];

		for (k = 0; k < node->output_count; k++)
			if (node->outputs[k] &&
			    !nn_can_lower(&variant->facts.facts[node->outputs[k]->index]))
				return false;
	}
	return true;
}

static int infer(const struct nn_model *model, struct nn_variant *variant)
{
	int ret = nn_facts_init(&variant->facts, model);
	size_t i;

	for (i = 0; i < model->graph->input_count && !ret; i++)
		if (variant->shapes[i].rank >= 0)
			ret = nn_facts_set_shape(&variant->facts, i, &variant->shapes[i]);
	return ret ? ret : nn_facts_infer(&variant->facts);
}

/* What is kept for later must not be why there is no room now. */
static int plan(struct accel_nn_model *model, struct nn_variant *variant)
{
	int ret = nn_plan_create(model->card, &variant->facts, &variant->plan);

	if (ret == -ENOSPC) {
		nn_variants_forget(&model->variants);
		ret = nn_plan_create(model->card, &variant->facts, &variant->plan);
	}
	if (!ret)
		variant->bytes = variant->plan->peak + variant->plan->constant_bytes;
	return ret;
}

static int make(struct accel_nn_model *model, const struct nn_shape *shapes,
		struct nn_variant **variant)
{
	const size_t size = (model->model->graph->input_count + 1) * sizeof(*shapes);
	struct nn_variant *new = calloc(1, sizeof(*new));
	int ret;

	if (new)
		new->shapes = malloc(size);
	if (!new || !new->shapes) {
		free(new);
		return accel_fail_errno(-ENOMEM, "cannot prepare the job");
	}
	memcpy(new->shapes, shapes, size - sizeof(*shapes));
	ret = infer(model->model, new);
	if (!ret && model->card && can_plan(model->model, new))
		ret = plan(model, new);
	if (ret)
		free_variant(new);
	else
		*variant = new;
	return ret;
}

/* ---- Having one ---- */

static bool same_shapes(const struct nn_shape *a, const struct nn_shape *b, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!nn_shape_equal(&a[i], &b[i]))
			return false;
	return true;
}

/* With the lock held. */
static void take(struct nn_variants *variants, struct nn_variant *variant)
{
	if (!variant->refs++) {
		variants->kept--;
		variants->kept_bytes -= variant->bytes;
	}
}

/* To `run` it, nobody else may do so. */
static struct nn_variant *find(struct accel_nn_model *model, const struct nn_shape *shapes, bool run)
{
	const size_t count = model->model->graph->input_count;
	struct nn_variants *variants = &model->variants;
	struct nn_variant *variant;

	pthread_mutex_lock(&variants->lock);
	variant = variants->newest;
	while (variant && ((run && variant->busy) || !same_shapes(variant->shapes, shapes, count)))
		variant = variant->next;
	if (variant) {
		take(variants, variant);
		variant->busy |= run;
	}
	pthread_mutex_unlock(&variants->lock);
	return variant;
}

void nn_variant_put(struct accel_nn_model *model, struct nn_variant *variant)
{
	struct nn_variants *variants = &model->variants;
	struct nn_variant *victims = NULL;

	if (!variant)
		return;
	pthread_mutex_lock(&variants->lock);
	unlink_variant(variants, variant);
	if (variant->refs == 1 && variant->bytes > variants->kept_bytes_max) {
		variant->next = NULL;
		victims = variant;
	} else {
		link_newest(variants, variant);
		if (!--variant->refs) {
			variants->kept++;
			variants->kept_bytes += variant->bytes;
		}
		victims = trim(variants, variants->kept_max, variants->kept_bytes_max);
	}
	pthread_mutex_unlock(&variants->lock);
	free_list(victims);
}

static int add(struct accel_nn_model *model, const struct nn_shape *shapes, bool run,
	       struct nn_variant **variant)
{
	int ret = make(model, shapes, variant);

	if (ret)
		return ret;
	(*variant)->refs = 1;
	(*variant)->busy = run;
	pthread_mutex_lock(&model->variants.lock);
	link_newest(&model->variants, *variant);
	pthread_mutex_unlock(&model->variants.lock);
	return 0;
}

int nn_variant_change(struct accel_nn_model *model, const struct nn_shape *shapes,
		      struct nn_variant **variant, bool *made)
{
	struct nn_variant *found = find(model, shapes, false);

	/* Between the two: it is no reason to throw away what is wanted, and makes room. */
	nn_variant_put(model, *variant);
	*variant = found;
	*made = !found;
	/* Two who begin at the same time make two, which both can be used. */
	return found ? 0 : add(model, shapes, false, variant);
}

int nn_variant_begin(struct accel_nn_model *model, struct nn_variant **variant, bool *made)
{
	struct nn_variant *other;
	bool busy;
	int ret;

	*made = false;
	pthread_mutex_lock(&model->variants.lock);
	busy = (*variant)->busy;
	(*variant)->busy = true;
	pthread_mutex_unlock(&model->variants.lock);
	if (!busy)
		return 0;
	other = find(model, (*variant)->shapes, true);
	*made = !other;
	ret = other ? 0 : add(model, (*variant)->shapes, true, &other);
	if (ret)
		return ret;
	nn_variant_put(model, *variant);
	*variant = other;
	return 0;
}

void nn_variant_end(struct accel_nn_model *model, struct nn_variant *variant)
{
	pthread_mutex_lock(&model->variants.lock);
	variant->busy = false;
	pthread_mutex_unlock(&model->variants.lock);
}
