// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * accel-run MODEL [INPUT...]: run a model, and show or save what comes out.
 */
#define _GNU_SOURCE
#include "options.h"
#include "profile.h"
#include "progress.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char program_name[] = "accel-run";

/*
 * The form of the JSON output. The version becomes larger when something is taken away or
 * changes its meaning; new members may come at any time.
 */
#define SCHEMA		"accel-run"
#define SCHEMA_VERSION	1

static const char usage[] =
	"Usage: accel-run [OPTION...] MODEL [INPUT...]\n"
	"\n"
	"Run a trained model, an ONNX file. An INPUT is FILE or NAME=FILE: .npy, .npz, .pb\n"
	"(ONNX's TensorProto), .png, .jpg, .wav, or any other name for plain elements.\n"
	"\n"
	"  -o, --output [NAME=]FILE   write an output, or all of them to a .npz file\n"
	"      --info                 show the model, and where each operator is computed\n"
	"      --compare [NAME=]FILE  compare outputs with saved ones, or with those of\n"
	"      --compare onnxruntime  ONNX Runtime, if that is installed,\n"
	"      --rtol NUMBER          that may differ by this part of them (0.001),\n"
	"      --atol NUMBER          and by this (1e-7)\n"
	"      --bench COUNT          run it so often, and show how long that takes,\n"
	"      --threads COUNT        with so many runs at the same time (1)\n"
	"      --batch COUNT          give it each input so often, one behind the other\n"
	"      --profile              show where time goes on the card, as it is modelled,\n"
	"      --trace FILE           write that for Perfetto,\n"
	"      --roofline FILE        and plot it, as SVG\n"
	"      --random               make up the inputs that are not given\n"
	"      --shape NAME=1x3x48    sizes of an input that is made up or plain\n"
	"      --picture KEY=VALUE,.. how a picture becomes an input: colours=rgb|bgr|gray,\n"
	"                             channels=first|last, fit=stretch|crop|pad, scale=N,\n"
	"                             mean=R:G:B, deviation=R:G:B\n"
	"      --sound KEY=VALUE,...  how a sound does: rate=N (16000), start=SECONDS, scale=N,\n"
	"                             pad\n"
	"      --device NAME          where to run: host (the default), a card, or sim\n"
	"      --precision NAME       what a card computes in: fp32 (the default), bf16, fp16 or\n"
	"                             int8; shows how far results are from those in fp32\n"
	"      --calibrate [NAME=]FILE  find the ranges of int8 with this input, not the run's\n"
	"      --json                 print JSON\n"
	"      --quiet                show no progress on a terminal\n"
	"      --help                 this help\n"
	"      --version              version of the program and of libaccel\n"
	"\n"
	"Exit status: 0 good; 1 another failure; 2 wrong usage, or inputs that do not fit;\n"
	"3 no device; 4 no permission; 5 the device does not work; 6 the model cannot be read;\n"
	"7 the model needs what is not supported; 8 outputs differ from those compared with.\n"
	"\n"
	"The manual is accel-run(1).\n";

/* ---- Errors ---- */

enum status complain_model(void)
{
	const struct accel_error *error = accel_last_error();

	complain(error->advice, "%s", error->message);
	switch (error->error) {
	case -ENOTSUP:
		return STATUS_UNSUPPORTED;
	case -EINVAL:
		return STATUS_USAGE;
	case -ENOMEM:
	case -ENOSPC:
	case -EFBIG:
		return STATUS_FAILED;
	default:
		return STATUS_FAULT;
	}
}

static enum status complain_load(void)
{
	const struct accel_error *error = accel_last_error();

	complain(error->advice, "%s", error->message);
	if (error->error == -ENOTSUP)
		return STATUS_UNSUPPORTED;
	return error->error == -ENOMEM ? STATUS_FAILED : STATUS_MODEL;
}

/* ---- Options ---- */

static enum status add_file(struct named_file **list, size_t *count, char *text)
{
	char *equals = strchr(text, '=');

	*list = check_memory(reallocarray(*list, *count + 1, sizeof(**list)));
	/* A path may hold the sign, too: "./a=b.npy" is one. */
	if (equals && !memchr(text, '/', (size_t)(equals - text))) {
		*equals = '\0';
		(*list)[(*count)++] = (struct named_file){ text, equals + 1 };
	} else {
		(*list)[(*count)++] = (struct named_file){ NULL, text };
	}
	if ((*list)[*count - 1].path[0])
		return STATUS_OK;
	complain("give FILE or NAME=FILE", "a file's name is empty");
	return STATUS_USAGE;
}

/* "1x3x48"; nothing is a single element. */
static bool parse_sizes(struct shape_option *shape, const char *at)
{
	char *end;

	while (*at) {
		errno = 0;
		if (*at < '0' || *at > '9' || shape->rank == ACCEL_NN_RANK_MAX)
			return false;
		shape->dims[shape->rank++] = strtoll(at, &end, 10);
		if (errno || (*end && *end != 'x') || (*end == 'x' && !end[1]))
			return false;
		at = end + (*end == 'x');
	}
	return true;
}

static bool parse_shape(struct options *o, char *text)
{
	char *equals = strrchr(text, '=');
	struct shape_option shape = { .name = text };

	if (!equals || !parse_sizes(&shape, equals + 1))
		return false;
	*equals = '\0';
	o->shapes = check_memory(reallocarray(o->shapes, o->shape_count + 1, sizeof(shape)));
	o->shapes[o->shape_count++] = shape;
	return true;
}

static bool parse_number(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && !*end && *value >= 0;
}

/* `wanted` is what it can be. */
static enum status refuse_option(const char *name, const char *value, const char *wanted)
{
	char advice[120];

	snprintf(advice, sizeof(advice), "give %s; see accel-run --help", wanted);
	complain(advice, "--%s cannot be '%s'", name, value);
	return STATUS_USAGE;
}

enum { OPT_INFO = 256, OPT_COMPARE, OPT_RTOL, OPT_ATOL, OPT_BENCH, OPT_RANDOM, OPT_SHAPE,
       OPT_PICTURE, OPT_SOUND, OPT_PROFILE, OPT_TRACE, OPT_ROOFLINE, OPT_DEVICE,
       OPT_PRECISION, OPT_CALIBRATE, OPT_JSON, OPT_THREADS, OPT_BATCH, OPT_QUIET, OPT_VERSION };

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "info", no_argument, NULL, OPT_INFO },
	{ "compare", required_argument, NULL, OPT_COMPARE },
	{ "rtol", required_argument, NULL, OPT_RTOL },
	{ "atol", required_argument, NULL, OPT_ATOL },
	{ "bench", required_argument, NULL, OPT_BENCH },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "batch", required_argument, NULL, OPT_BATCH },
	{ "random", no_argument, NULL, OPT_RANDOM },
	{ "shape", required_argument, NULL, OPT_SHAPE },
	{ "profile", no_argument, NULL, OPT_PROFILE },
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ "roofline", required_argument, NULL, OPT_ROOFLINE },
	{ "picture", required_argument, NULL, OPT_PICTURE },
	{ "sound", required_argument, NULL, OPT_SOUND },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "precision", required_argument, NULL, OPT_PRECISION },
	{ "calibrate", required_argument, NULL, OPT_CALIBRATE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 }
};

/* A whole number from 1 to `most`. */
static enum status take_count(const char *name, unsigned int most, unsigned int *count)
{
	char wanted[60];
	double number;

	snprintf(wanted, sizeof(wanted), "a whole number from 1 to %u", most);
	if (!parse_number(optarg, &number) || number < 1 || number > most ||
	    number != floor(number))
		return refuse_option(name, optarg, wanted);
	*count = (unsigned int)number;
	return STATUS_OK;
}

#define NUMBER	"a number that is not negative"

static enum status take_option(struct options *o, int option)
{
	switch (option) {
	case 'o':
		return add_file(&o->outputs, &o->output_count, optarg);
	case OPT_INFO:
		o->info = true;
		return STATUS_OK;
	case OPT_COMPARE:
		return add_file(&o->compares, &o->compare_count, optarg);
	case OPT_RTOL:
		return parse_number(optarg, &o->tolerance.relative) ? STATUS_OK :
		       refuse_option("rtol", optarg, NUMBER);
	case OPT_ATOL:
		return parse_number(optarg, &o->tolerance.absolute) ? STATUS_OK :
		       refuse_option("atol", optarg, NUMBER);
	case OPT_BENCH:
		return take_count("bench", 1000000, &o->bench.count);
	case OPT_THREADS:
		return take_count("threads", 256, &o->bench.threads);
	case OPT_BATCH:
		return take_count("batch", 1000000, &o->bench.batch);
	case OPT_RANDOM:
		o->random = true;
		return STATUS_OK;
	case OPT_SHAPE:
		return parse_shape(o, optarg) ? STATUS_OK : refuse_option("shape", optarg, "sizes such as NAME=1x3x48x320");
	case OPT_PROFILE:
		o->profile = true;
		return STATUS_OK;
	case OPT_TRACE:
		o->trace = optarg;
		return STATUS_OK;
	case OPT_ROOFLINE:
		o->roofline = optarg;
		return STATUS_OK;
	case OPT_PICTURE:
		return picture_parse(&o->picture, optarg);
	case OPT_SOUND:
		return sound_parse(&o->sound, optarg);
	case OPT_DEVICE:
		o->device = strcmp(optarg, "host") ? optarg : NULL;
		return STATUS_OK;
	case OPT_PRECISION:
		return precision_parse(optarg, &o->precision) ? STATUS_OK :
		       refuse_option("precision", optarg, "fp32, bf16, fp16 or int8");
	case OPT_CALIBRATE:
		return add_file(&o->calibrations, &o->calibration_count, optarg);
	case OPT_JSON:
		o->json = true;
		return STATUS_OK;
	case OPT_QUIET:
		o->quiet = true;
		return STATUS_OK;
	default:
		/* getopt_long() has said what is wrong. */
		fputs("  to fix it: see accel-run --help\n", stderr);
		return STATUS_USAGE;
	}
}

/* ---- Runs ---- */

/* The last run of all: its results are those that are shown. */
static enum status profile(struct session *s, const struct options *o,
			   struct accel_device *device)
{
	struct profile p = { 0 };
	enum status status;

	progress_begin("profiling", 0);
	status = profile_take(s, device, &p);
	progress_end();
	if (!status && o->profile)
		profile_show(s, &p);
	if (!status && o->trace)
		status = profile_write_trace(&p, o->trace);
	if (!status && o->roofline)
		status = profile_write_roofline(&p, s->path, o->roofline);
	profile_free(&p);
	return status;
}

/* What gives the inputs to somebody else, too, knows tensors only. */
static enum status check_others(const struct options *o)
{
	bool needed = o->bench.threads > 1 || o->precision != ACCEL_NN_IN_FLOAT32;
	size_t i;

	for (i = 0; i < o->compare_count; i++)
		needed |= !o->compares[i].name && !strcmp(o->compares[i].path, "onnxruntime");
	if (!needed)
		return STATUS_OK;
	complain("leave out --threads, --precision and --compare onnxruntime",
		 "inputs that are sequences, or nothing, are only for the model itself");
	return STATUS_UNSUPPORTED;
}

static enum status work(struct session *s, struct options *o, struct accel_device *device)
{
	const bool profiles = o->profile || o->trace || o->roofline;
	struct arrays inputs = { 0 };
	enum status status = bind_inputs(s, o, &inputs);
	size_t i;

	if (!status && s->has_others)
		status = check_others(o);
	if (!status && o->precision == ACCEL_NN_IN_INT8)
		status = calibrate(s, o);
	if (!status && o->info)
		status = show_info(s);
	/* With --info it is only run if there is something to do with the results. */
	if (!status && (!o->info || o->output_count || o->compare_count || o->bench.count || profiles)) {
		if (o->bench.count || !profiles)
			status = run_model(s, &o->bench);
		if (!status && profiles)
			status = profile(s, o, device);
		for (i = 0; i < o->output_count && !status; i++)
			status = save_outputs(s, &o->outputs[i]);
		if (!status && (s->json || (!o->output_count && !profiles)))
			status = show_results(s);
		if (!status && o->precision != ACCEL_NN_IN_FLOAT32)
			status = precision_show(s, o->precision, o->calibration_count);
		if (!status && o->compare_count)
			status = compare_outputs(s, o);
	}
	/* The job has pointers to them. */
	accel_nn_job_destroy(s->job);
	s->job = NULL;
	free(s->bound);
	arrays_free(&inputs);
	return status;
}

/* ---- The model ---- */

struct card {
	struct accel_device *device;
	struct accel_context *context;
};

static enum status open_card(const char *name, struct card *card)
{
	if (accel_device_open(name, &card->device) ||
	    accel_context_create(card->device, &card->context))
		return complain_error();
	return STATUS_OK;
}

static enum status load(struct session *s, const struct card *card, uint32_t precision)
{
	struct accel_nn_load_options options = {
		.size = sizeof(options), .context = card->context, .device = card->device,
		.precision = precision,
	};
	int ret;

	progress_begin("reading the model", 0);
	ret = accel_nn_load(s->path, &options, &s->model);
	progress_end();
	if (ret)
		return complain_load();
	s->info.size = sizeof(s->info);
	if (accel_nn_get_model_info(s->model, &s->info) || accel_nn_job_create(s->model, &s->job))
		return complain_model();
	return STATUS_OK;
}

/* Whether a file can be made there, or written anew. */
static bool can_write(const char *path)
{
	char *copy = check_memory(strdup(path));
	bool good = !access(path, W_OK) || (errno == ENOENT && path[0] && !access(dirname(copy), W_OK));

	free(copy);
	return good;
}

static enum status check_output(const char *path)
{
	if (!path || can_write(path))
		return STATUS_OK;
	complain(NULL, "cannot write %s: %s", path, strerror(errno));
	return STATUS_FAILED;
}

/* Before something runs for an hour. Whether files can be read or written is found out there again. */
static enum status check_files(const struct options *o)
{
	enum status status = check_output(o->trace);
	size_t i;

	if (!status)
		status = check_output(o->roofline);
	for (i = 0; i < o->output_count && !status; i++)
		status = check_output(o->outputs[i].path);
	for (i = 0; i < o->compare_count && !status; i++) {
		const char *path = o->compares[i].path;

		if ((!o->compares[i].name && !strcmp(path, "onnxruntime")) || !access(path, R_OK))
			continue;
		complain(NULL, "cannot read %s: %s", path, strerror(errno));
		status = STATUS_USAGE;
	}
	return status;
}

static enum status run_session(struct options *o, const char *path)
{
	struct session s = { .path = path, .device = o->device };
	enum status status = STATUS_OK;
	struct card card = { 0 };

	if (o->json) {
		s.json = json_object_new_object();
		json_object_object_add(s.json, "schema", json_object_new_string(SCHEMA));
		json_object_object_add(s.json, "schema_version",
				       json_object_new_int(SCHEMA_VERSION));
	}
	if ((o->profile || o->trace || o->roofline) && !o->device) {
		complain("--device sim, or a card", "the host has no profile");
		status = STATUS_USAGE;
	}
	if (!status && o->precision != ACCEL_NN_IN_FLOAT32 && !o->device) {
		complain("--device sim, or a card", "the host computes in fp32");
		status = STATUS_USAGE;
	}
	if (!status && o->calibration_count && o->precision != ACCEL_NN_IN_INT8) {
		complain("--precision int8", "there is nothing to calibrate");
		status = STATUS_USAGE;
	}
	if (!status && o->bench.threads > 1 && !o->bench.count) {
		complain("give --bench COUNT as well", "--threads is for runs that are measured");
		status = STATUS_USAGE;
	}
	if (!status)
		status = check_files(o);
	if (!o->quiet)
		progress_allow();
	if (!status && o->device)
		status = open_card(o->device, &card);
	if (!status)
		status = load(&s, &card, o->precision);
	if (!status)
		status = work(&s, o, card.device);
	/* Half of an answer looks like a whole one: a failure prints nothing but its message. */
	if (s.json && (!status || status == STATUS_DIFFERENT))
		printf("%s\n", json_object_to_json_string_ext(s.json, JSON_C_TO_STRING_PRETTY |
							      JSON_C_TO_STRING_NOSLASHESCAPE));
	if (s.json)
		json_object_put(s.json);
	accel_nn_job_destroy(s.job);
	accel_nn_unload(s.model);
	accel_context_destroy(card.context);
	accel_device_close(card.device);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = {
		.tolerance = { .relative = 1e-3, .absolute = 1e-7 },
		.picture = PICTURE_DEFAULTS, .sound = SOUND_DEFAULTS, .bench.threads = 1,
	};
	enum status status = STATUS_OK;
	int option;

	/* In front of getopt_long()'s messages. */
	if (argc)
		argv[0] = (char *)program_name;
	while (!status && (option = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return finish_output(STATUS_OK);
		}
		if (option == OPT_VERSION) {
			printf("accel-run %d.%d.%d (libaccel %s)\n", ACCEL_VERSION_MAJOR,
			       ACCEL_VERSION_MINOR, ACCEL_VERSION_PATCH, accel_version());
			return finish_output(STATUS_OK);
		}
		status = take_option(&o, option);
	}
	if (!status && optind == argc) {
		fputs(usage, stderr);
		status = STATUS_USAGE;
	}
	if (!status) {
		const char *path = argv[optind++];

		while (optind < argc && !status)
			status = add_file(&o.inputs, &o.input_count, argv[optind++]);
		if (!status)
			status = run_session(&o, path);
	}
	free(o.inputs);
	free(o.outputs);
	free(o.compares);
	free(o.calibrations);
	free(o.shapes);
	return finish_output(status);
}
