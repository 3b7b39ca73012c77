// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Runs ONNX's own test cases, one after the other: on the host's reference, or, if it is linked
 * with card/conformance_card.c, on a card.
 *
 *   conformance [--tolerance RELATIVE ABSOLUTE] FOLDER...
 *
 * A folder holds model.onnx and test_data_set_N with input_M.pb and output_M.pb. For each, a
 * line on standard output, "pass NAME", "fail NAME: why" or "unsupported NAME: why", and
 * the numbers of them at the end. The status is 1 if any failed.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libaccel/nn/infer.h>
#include <libaccel/nn/onnx.h>
#include <libaccel/error.h>

#include "conformance.h"
#include "list_file.h"

static double relative = 1e-3, absolute = 1e-7;
static char why[1200];

enum verdict { PASS, FAIL, UNSUPPORTED, VERDICTS };

static const char *const verdicts[] = { "pass", "fail", "unsupported" };

/* A function of the library failed: what that means for the case. */
static enum verdict failed(int error)
{
	snprintf(why, sizeof(why), "%s", accel_last_error()->message);
	return error == -ENOTSUP ? UNSUPPORTED : FAIL;
}

static bool same(double wanted, double found)
{
	if (isnan(wanted) || isnan(found))
		return isnan(wanted) && isnan(found);
	if (isinf(wanted) || isinf(found))
		return wanted == found;
	return fabs(wanted - found) <= absolute + relative * fabs(wanted);
}

static enum verdict compare(const struct nn_tensor *wanted, const struct nn_tensor *found, size_t output)
{
	char a[160], b[160];
	size_t i;

	nn_shape_print(&wanted->shape, NULL, 0, a, sizeof(a));
	nn_shape_print(&found->shape, NULL, 0, b, sizeof(b));
	if (wanted->type != found->type || !nn_shape_equal(&wanted->shape, &found->shape)) {
		snprintf(why, sizeof(why), "output %zu should be %s %s, but is %s %s", output,
			 nn_type_name(wanted->type), a, nn_type_name(found->type), b);
		return FAIL;
	}
	for (i = 0; i < wanted->count; i++) {
		if (wanted->type == NN_STRING) {
			if (!strcmp(nn_text(wanted, i), nn_text(found, i)))
				continue;
			snprintf(why, sizeof(why), "output %zu, element %zu should be '%s', but is '%s'",
				 output, i, nn_text(wanted, i), nn_text(found, i));
			return FAIL;
		}
		if (nn_is_float(wanted->type) ? same(nn_get(wanted, i), nn_get(found, i)) :
		    nn_get_int(wanted, i) == nn_get_int(found, i))
			continue;
		snprintf(why, sizeof(why), "output %zu, element %zu should be %g, but is %g",
			 output, i, nn_get(wanted, i), nn_get(found, i));
		return FAIL;
	}
	return PASS;
}

/* What a file holds, which is of the kind that a value is declared as. 1: there is no such file. */
static int load(const char *folder, const char *kind, size_t number, const struct nn_value *value,
		struct content *content)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/test_data_set_0/%s_%zu.pb", folder, kind, number);
	return access(path, F_OK) ? 1 : content_load(path, value, content);
}

static enum verdict give_inputs(const char *folder, struct nn_facts *facts)
{
	struct content content;
	size_t i;
	int ret;

	for (i = 0; i < facts->model->graph->input_count; i++) {
		ret = load(folder, "input", i, facts->model->graph->inputs[i], &content);
		if (ret == 1)
			break;
		if (ret)
			return failed(ret);
		if (content.tensor.data)
			ret = nn_facts_set_input(facts, i, &content.tensor);
		else
			ret = nn_facts_set_list(facts, i, content.list);
		content_release(&content);
		if (ret)
			return failed(ret);
	}
	return PASS;
}

static enum verdict compare_lists(const struct nn_list *wanted, const struct nn_list *found,
				  size_t output)
{
	enum verdict verdict = PASS;
	size_t i;

	if (!found || wanted->count != found->count) {
		snprintf(why, sizeof(why), "output %zu should be a sequence of %zu", output,
			 wanted->count);
		return FAIL;
	}
	for (i = 0; i < wanted->count && verdict == PASS; i++)
		verdict = compare(&wanted->items[i]->tensor, &found->items[i]->tensor, output);
	return verdict;
}

static enum verdict compare_content(const struct content *wanted, struct nn_fact *fact, size_t output)
{
	const struct nn_tensor *found = nn_contents(fact);

	if (wanted->list)
		return compare_lists(wanted->list, fact->list, output);
	if (wanted->tensor.data && found)
		return compare(&wanted->tensor, found, output);
	if (!wanted->tensor.data && fact->nothing)
		return PASS;
	snprintf(why, sizeof(why), "output %zu was not computed", output);
	return FAIL;
}

static enum verdict check_outputs(const char *folder, struct nn_facts *facts)
{
	const struct nn_graph *graph = facts->model->graph;
	enum verdict verdict = PASS;
	struct content wanted;
	size_t i;
	int ret;

	for (i = 0; i < graph->output_count && verdict == PASS; i++) {
		ret = load(folder, "output", i, graph->outputs[i], &wanted);
		if (ret == 1) {
			snprintf(why, sizeof(why), "there is no output %zu to compare with", i);
			return i ? PASS : FAIL;
		}
		if (ret)
			return failed(ret);
		verdict = compare_content(&wanted, &facts->facts[graph->outputs[i]->index], i);
		content_release(&wanted);
	}
	return verdict;
}

static enum verdict run_model(const char *folder, const struct nn_model *model)
{
	struct nn_facts facts;
	enum verdict verdict;
	int ret;

	if (nn_first_unsupported(model))
		return failed(nn_fail_unsupported(nn_first_unsupported(model)));
	ret = nn_facts_init(&facts, model);
	if (ret)
		return failed(ret);
	verdict = give_inputs(folder, &facts);
	if (verdict == PASS) {
		ret = conformance_compute(&facts);
		verdict = ret ? failed(ret) : check_outputs(folder, &facts);
	}
	nn_facts_release(&facts);
	return verdict;
}

static enum verdict run(const char *folder)
{
	struct nn_model *model;
	enum verdict verdict;
	char path[1024];
	int ret;

	why[0] = '\0';
	snprintf(path, sizeof(path), "%s/model.onnx", folder);
	ret = nn_onnx_load(path, &model);
	if (ret)
		return failed(ret);
	verdict = run_model(folder, model);
	nn_model_free(model);
	return verdict;
}

int main(int argc, char **argv)
{
	size_t count[VERDICTS] = { 0 };
	int i = 1;

	if (argc > 3 && !strcmp(argv[1], "--tolerance")) {
		relative = atof(argv[2]);
		absolute = atof(argv[3]);
		i = 4;
	}
	if (i >= argc) {
		fprintf(stderr, "usage: conformance [--tolerance RELATIVE ABSOLUTE] FOLDER...\n");
		return 2;
	}
	/* Several processes may write to one file: a line at a time. */
	setvbuf(stdout, NULL, _IOLBF, 1 << 14);
	for (; i < argc; i++) {
		const char *slash = strrchr(argv[i], '/');
		enum verdict verdict = run(argv[i]);

		printf("%s %s%s%s\n", verdicts[verdict], slash ? slash + 1 : argv[i],
		       why[0] ? ": " : "", why);
		count[verdict]++;
	}
	printf("%zu pass, %zu fail, %zu unsupported\n", count[PASS], count[FAIL], count[UNSUPPORTED]);
	return count[FAIL] != 0;
}
