// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* What can be told of a job that is prepared: its nodes, its steps, and what it takes. */
#include "job.h"

#include <errno.h>
#include <stdio.h>

#include "../../error.h"
#include "../cost.h"
#include "variants.h"

/* ---- Nodes ---- */

/* What became of a node; NULL if there is no plan, or if it needs nothing. */
static const struct nn_plan_step *find_step(const struct nn_plan *plan, const struct nn_node *node)
{
	size_t i, k;

	for (i = 0; plan && i < plan->step_count; i++)
		for (k = 0; k < plan->steps[i].node_count; k++)
			if (plan->steps[i].nodes[k] == node)
				return &plan->steps[i];
	return NULL;
}

/* Why a node is where it is. */
static uint32_t place_node(struct accel_nn_job *job, const struct nn_node *node)
{
	const struct nn_plan_step *step = find_step(job->variant->plan, node);
	bool known = node->output_count > 0;
	size_t i;

	job->why[0] = '\0';
	if (!node->op || node->op->unsupported) {
		nn_why_unsupported(node, job->why, sizeof(job->why));
		return ACCEL_NN_UNSUPPORTED;
	}
	for (i = 0; i < node->output_count && known; i++) {
		const struct nn_fact *fact = node->outputs[i] ?
			&job->variant->facts.facts[node->outputs[i]->index] : NULL;

		known = !fact || fact->raw || fact->tensor.data;
	}
	if (known)
		return ACCEL_NN_AHEAD;
	if (step && step->where == NN_NOWHERE)
		return ACCEL_NN_NOTHING;
	if (step && step->where == NN_ON_CARD)
		return ACCEL_NN_ON_CARD;
	snprintf(job->why, sizeof(job->why), "%s", step && step->why ? step->why :
		 job->model->card ? "not all sizes are known without running the model, or not all values are numbers" :
		 "the model was loaded without a context");
	return ACCEL_NN_ON_HOST;
}

static void describe_node(struct accel_nn_job *job, const struct nn_node *node,
			  struct accel_nn_node *found)
{
	const struct nn_fact *fact;
	int i;

	snprintf(job->operator_name, sizeof(job->operator_name), "%.48s%s%.64s", node->domain,
		 node->domain[0] ? "." : "", node->type);
	found->number = (uint32_t)node->number;
	found->place = place_node(job, node);
	found->name = node->name;
	found->operator_name = job->operator_name;
	found->why = job->why;
	found->macs = nn_node_macs(&job->variant->facts, node);
	found->rank = -1;
	if (!node->output_count || !node->outputs[0])
		return;
	fact = &job->variant->facts.facts[node->outputs[0]->index];
	found->type = (uint32_t)fact->type;
	found->rank = fact->shape.rank;
	for (i = 0; i < found->rank; i++)
		found->dims[i] = fact->shape.dims[i] < 0 ? -1 : fact->shape.dims[i];
}

NN_API int accel_nn_get_node(struct accel_nn_job *job, uint32_t index, struct accel_nn_node *node)
{
	const char *what = "cannot tell of a node";
	struct accel_nn_node found = { 0 };
	int ret = nn_job_begin_prepared(what, job);

	if (ret)
		return ret;
	if (index >= nn_job_graph(job)->node_count)
		ret = accel_fail(-EINVAL, what, NULL, "the model has %zu nodes, so there is no %u",
				 nn_job_graph(job)->node_count, index);
	if (!ret) {
		describe_node(job, nn_job_graph(job)->nodes[index], &found);
		ret = accel_copy_out(what, node, &found, sizeof(found));
	}
	return nn_job_end(job, ret);
}

/* ---- Where time goes ---- */

static void describe_plan(const struct nn_plan *plan, struct accel_nn_job_info *info)
{
	size_t i;

	info->memory = plan->peak;
	info->constants = plan->constant_bytes;
	pthread_mutex_lock(&plan->card->lock);
	info->weights = plan->card->weight_bytes;
	pthread_mutex_unlock(&plan->card->lock);
	info->steps = (uint32_t)plan->step_count;
	info->graphs = (uint32_t)plan->graph_count;
	for (i = 0; i < plan->step_count; i++)
		info->launches += plan->steps[i].launches;
}

NN_API int accel_nn_get_job_info(struct accel_nn_job *job, struct accel_nn_job_info *info)
{
	const char *what = "cannot tell what a job takes";
	struct accel_nn_job_info found = { 0 };
	int ret = nn_job_begin_prepared(what, job);

	if (ret)
		return ret;
	if (job->variant->plan)
		describe_plan(job->variant->plan, &found);
	found.plans_made = job->plans_made;
	found.plans_reused = job->plans_reused;
	found.uploaded = job->traffic.uploaded;
	found.downloaded = job->traffic.downloaded;
	found.carried = job->traffic.carried;
	found.commands = job->traffic.commands;
	found.carried_memory = nn_carry_memory(job);
	return nn_job_end(job, accel_copy_out(what, info, &found, sizeof(found)));
}

static void describe_step(struct accel_nn_job *job, uint32_t index, struct accel_nn_step *found)
{
	static const uint32_t places[] = {
		[NN_ON_CARD] = ACCEL_NN_ON_CARD, [NN_ON_HOST] = ACCEL_NN_ON_HOST,
		[NN_NOWHERE] = ACCEL_NN_NOTHING,
	};
	const struct nn_plan_step *step = &job->variant->plan->steps[index];
	size_t i, used = 0;

	job->operators[0] = '\0';
	for (i = 0; i < step->node_count && used < sizeof(job->operators); i++)
		used += (size_t)snprintf(job->operators + used, sizeof(job->operators) - used,
					 "%s%.40s", i ? " + " : "", step->nodes[i]->type);
	found->place = places[step->where];
	found->nodes = (uint32_t)step->node_count;
	found->name = step->node_count ? step->nodes[0]->name : "";
	found->operators = job->operators;
	found->macs = step->macs;
	found->launches = step->launches;
	found->factors = (uint32_t)step->factors;
	if (job->measures) {
		found->time = job->measures[index].time;
		found->profile = step->launches ? &job->measures[index].profile : NULL;
	}
}

NN_API int accel_nn_get_step(struct accel_nn_job *job, uint32_t index, struct accel_nn_step *step)
{
	const char *what = "cannot tell of a step";
	struct accel_nn_step found = { 0 };
	int ret = nn_job_begin_prepared(what, job);
	size_t count;

	if (ret)
		return ret;
	count = job->variant->plan ? job->variant->plan->step_count : 0;
	if (index >= count)
		ret = accel_fail(-EINVAL, what, NULL, "the job has %zu steps, so there is no %u",
				 count, index);
	if (!ret) {
		describe_step(job, index, &found);
		ret = accel_copy_out(what, step, &found, sizeof(found));
	}
	return nn_job_end(job, ret);
}
