// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "ocr.h"

#include <getopt.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* Exit status, with 1 for what check() and errx() end with. */
enum { EXIT_GOOD = 0, EXIT_USAGE = 2, EXIT_DIFFERENT = 3 };

#define DEFAULT_FONT	"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
/* Where the picture is mostly not text, the model that reads is not sure of what it sees. */
#define CONFIDENT	0.5f
/* Results are probabilities; the host computes them in double precision. */
#define MOST_DIFFERENCE	1e-3f

static const char usage[] =
	"Usage: ocr --find MODEL --read MODEL --characters FILE [OPTION...] PICTURE\n"
	"\n"
	"Read the text in a picture, a PNG file, on an Egret card, and print its lines.\n"
	"\n"
	"  --find MODEL        the model that finds text, such as ch_PP-OCRv4_det_infer.onnx\n"
	"  --read MODEL        the model that reads a line, such as ch_PP-OCRv4_rec_infer.onnx\n"
	"  --characters FILE   the characters that it knows, such as ppocr_keys_v1.txt\n"
	"  --part X,Y,W,H      read this part of the picture, in pixels\n"
	"  --output FILE       write the picture, with boxes and the text that was found\n"
	"  --font FILE         for that (" DEFAULT_FONT ")\n"
	"  --expect FILE       the text that should be found (lines with # are comments),\n"
	"  --errors PERCENT    but for this part of its characters (0)\n"
	"  --precision NAME    compute in fp32, bf16 or fp16 (fp32)\n"
	"  --compare-host      run the models on the host, too, and compare all results: slow\n"
	"  --help\n"
	"\n"
	"Environment: ACCEL_DEVICE (which card; sim for a simulated one), ACCEL_KERNEL_PATH\n"
	"(folders with the library's kernels).\n"
	"\n"
	"Exit status: 0 good; 1 something failed; 2 wrong usage; 3 the text, or a result, is not\n"
	"what was expected.\n";

struct options {
	const char *find, *read, *characters, *picture, *output, *font, *expect;
	double errors;
	unsigned int part[4];		/* left, top, width, height; no width: all */
	bool compare_host;
	uint32_t precision;		/* enum accel_nn_precision */
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- Reading ---- */

struct lines {
	struct line *list;
	size_t count;
	float difference;	/* from the host's results, if they were compared */
};

static void read_lines(struct reader *reader, const struct picture *picture,
		       const struct boxes *boxes, struct lines *lines)
{
	size_t i;

	lines->list = check_memory(calloc(boxes->count + 1, sizeof(*lines->list)));
	for (i = 0; i < boxes->count; i++) {
		struct line line = read_line(reader, picture, &boxes->list[i]);

		if (line.confidence < CONFIDENT) {
			free(line.text);
			continue;
		}
		printf("%3.0f %%  %s\n", (double)line.confidence * 100, line.text);
		fflush(stdout);
		lines->list[lines->count++] = line;
	}
}

static struct lines read_picture(const struct options *options, const struct picture *picture,
				 struct accel_context *context, struct accel_device *device)
{
	struct model find = model_load(options->find, context, device, options->precision,
				       options->compare_host);
	struct model read = model_load(options->read, context, device, options->precision,
				       options->compare_host);
	struct reader *reader = reader_create(&read, options->characters);
	struct lines lines = { 0 };
	double start = now(), found;
	struct boxes boxes;

	boxes = find_text(&find, picture);
	found = now();
	read_lines(reader, picture, &boxes, &lines);
	printf("\n%zu lines; %.1f s to find them, %.1f s to read them\n", lines.count,
	       found - start, now() - found);
	lines.difference = fmaxf(find.difference, read.difference);
	free(boxes.list);
	reader_destroy(reader);
	model_unload(&read);
	model_unload(&find);
	return lines;
}

static struct lines read_on_card(const struct options *options, const struct picture *picture)
{
	struct accel_device_info info = { .size = sizeof(info) };
	struct accel_device *device;
	struct accel_context *context;
	struct lines lines;

	check(accel_device_open(NULL, &device));
	check(accel_device_get_info(device, &info));
	check(accel_context_create(device, &context));
	printf("reading %s (%u x %u) on %s\n\n", options->picture, picture->width, picture->height,
	       info.name);
	lines = read_picture(options, picture, context, device);
	accel_context_destroy(context);
	accel_device_close(device);
	return lines;
}

/* ---- Comparing ---- */

/* A text without its comments. */
static char *read_expected(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = check_memory(calloc(1, 1)), *line = NULL;
	size_t room = 0, size = 0;
	ssize_t got;

	if (!file)
		err(1, "cannot open %s", path);
	while ((got = getline(&line, &room, file)) >= 0) {
		if (line[0] == '#')
			continue;
		text = check_memory(realloc(text, size + (size_t)got + 1));
		memcpy(text + size, line, (size_t)got + 1);
		size += (size_t)got;
	}
	if (ferror(file))
		errx(1, "cannot read %s", path);
	free(line);
	fclose(file);
	return text;
}

static char *join(const struct lines *lines)
{
	size_t i, size = 1, at = 0;
	char *text;

	for (i = 0; i < lines->count; i++)
		size += strlen(lines->list[i].text) + 1;
	text = check_memory(malloc(size));
	text[0] = '\0';
	for (i = 0; i < lines->count; i++)
		at += (size_t)sprintf(text + at, "%s\n", lines->list[i].text);
	return text;
}

static bool is_expected(const struct options *options, const struct lines *lines)
{
	char *wanted = read_expected(options->expect), *found = join(lines);
	size_t distance = edit_distance(wanted, found), count = count_characters(wanted);
	bool good = (double)distance <= options->errors / 100 * (double)count;

	printf("%s: %zu of %zu characters differ from %s (%.3g %% may)\n",
	       good ? "verified" : "NOT verified", distance, count, options->expect,
	       options->errors);
	free(found);
	free(wanted);
	return good;
}

static bool is_same_as_host(const struct lines *lines)
{
	bool good = lines->difference <= MOST_DIFFERENCE;

	printf("%s: results differ from the host's by at most %.2g (%g may)\n",
	       good ? "verified" : "NOT verified", (double)lines->difference,
	       (double)MOST_DIFFERENCE);
	return good;
}

/* ---- Options ---- */

static bool parse_part(const char *text, unsigned int part[4])
{
	int end = -1;

	sscanf(text, "%5u,%5u,%5u,%5u%n", &part[0], &part[1], &part[2], &part[3], &end);
	return end >= 0 && !text[end] && part[2] && part[3];
}

static bool parse_percent(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && !*end && *value >= 0 && *value <= 100;
}

static bool parse_precision(const char *text, uint32_t *precision)
{
	static const struct {
		const char *name;
		enum accel_nn_precision precision;
	} names[] = {
		{ "fp32", ACCEL_NN_IN_FLOAT32 }, { "bf16", ACCEL_NN_IN_BFLOAT16 },
		{ "fp16", ACCEL_NN_IN_FLOAT16 },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		*precision = names[i].precision;
		if (!strcmp(text, names[i].name))
			return true;
	}
	return false;
}

static bool take_option(struct options *o, int option)
{
	switch (option) {
	case 'f': o->find = optarg; return true;
	case 'r': o->read = optarg; return true;
	case 'c': o->characters = optarg; return true;
	case 'o': o->output = optarg; return true;
	case 't': o->font = optarg; return true;
	case 'e': o->expect = optarg; return true;
	case 'p': return parse_percent(optarg, &o->errors);
	case 'a': return parse_part(optarg, o->part);
	case 'h': o->compare_host = true; return true;
	case 's': return parse_precision(optarg, &o->precision);
	default: return false;
	}
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "find", required_argument, NULL, 'f' },
		{ "read", required_argument, NULL, 'r' },
		{ "characters", required_argument, NULL, 'c' },
		{ "output", required_argument, NULL, 'o' },
		{ "font", required_argument, NULL, 't' },
		{ "expect", required_argument, NULL, 'e' },
		{ "errors", required_argument, NULL, 'p' },
		{ "part", required_argument, NULL, 'a' },
		{ "compare-host", no_argument, NULL, 'h' },
		{ "precision", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'u' },
		{ 0 }
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'u') {
			fputs(usage, stdout);
			exit(EXIT_GOOD);
		}
		if (!take_option(o, option))
			return false;
	}
	o->picture = argv[optind];
	return o->find && o->read && o->characters && o->picture && optind + 1 == argc;
}

static struct picture load_picture(const struct options *options)
{
	struct picture whole = picture_load(options->picture), part;
	const unsigned int *p = options->part;

	if (!p[2])
		return whole;
	if (p[0] + p[2] > whole.width || p[1] + p[3] > whole.height)
		errx(1, "the part %u,%u,%u,%u is not within %s of %u x %u pixels", p[0], p[1], p[2],
		     p[3], options->picture, whole.width, whole.height);
	part = picture_crop(&whole, p[0], p[1], p[2], p[3]);
	free(whole.pixels);
	return part;
}

static void write_picture(const struct options *options, const struct picture *picture,
			  const struct lines *lines)
{
	struct picture drawn = draw_lines(picture, lines->list, lines->count, options->font);

	picture_save(&drawn, options->output);
	printf("with boxes and text: %s\n", options->output);
	free(drawn.pixels);
}

int main(int argc, char **argv)
{
	struct options options = { .font = DEFAULT_FONT };
	struct picture picture;
	struct lines lines;
	bool good = true;
	size_t i;

	if (!parse(argc, argv, &options)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	picture = load_picture(&options);
	lines = read_on_card(&options, &picture);
	if (options.output)
		write_picture(&options, &picture, &lines);
	if (options.expect)
		good = is_expected(&options, &lines);
	if (options.compare_host)
		good = is_same_as_host(&lines) && good;
	for (i = 0; i < lines.count; i++)
		free(lines.list[i].text);
	free(lines.list);
	free(picture.pixels);
	return good ? EXIT_GOOD : EXIT_DIFFERENT;
}
