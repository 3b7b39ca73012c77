// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "digits.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Exit status; the first three are accelctl's. */
enum {
	EXIT_GOOD = 0,
	EXIT_USAGE = 2,
	EXIT_NO_DEVICE = 3,
	EXIT_PERMISSION = 4,
	EXIT_FAULT = 5,
	EXIT_DIFFERENT = 1,
};

static const char usage[] =
	"Usage: digits [--art=ascii|blocks|colour] FILE\n"
	"\n"
	"Read handwritten digits on an Egret card, do the same on the CPU, and compare all\n"
	"results value for value. FILE holds a line for each digit: 64 pixels of 0 to 16 and\n"
	"the answer, separated by commas; it may be compressed with gzip.\n"
	"\n"
	"  --art=HOW   how to draw (default: by what standard output can show)\n"
	"  --help\n"
	"\n"
	"Environment: ACCEL_DEVICE (which card; sim for a simulated one), ACCEL_KERNEL_PATH\n"
	"(folders with matmul.egm and nearest.egm).\n"
	"\n"
	"Exit status: 0 all results are equal; 1 a result differs, or another failure; 2 wrong\n"
	"usage; 3 no card; 4 no permission; 5 the card reported a fault.\n";

static enum art default_art(void)
{
	const char *term = getenv("TERM");

	if (!isatty(STDOUT_FILENO) || strcmp(nl_langinfo(CODESET), "UTF-8"))
		return ART_ASCII;
	return getenv("NO_COLOR") || !term || !strcmp(term, "dumb") ? ART_BLOCKS : ART_COLOUR;
}

static bool parse_art(const char *text, enum art *art)
{
	static const char *const names[] = { "ascii", "blocks", "colour" };
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i])) {
			*art = i;
			return true;
		}
	}
	return false;
}

/* ---- Comparing ---- */

/* Values of four bytes. Equal means equal bits: not even the sign of a zero differs. */
static bool equal(const char *what, const void *card, const void *cpu, size_t count,
		  size_t row)
{
	const uint32_t *a = card, *b = cpu;
	size_t i, different = 0, first = 0;

	for (i = count; i-- > 0; ) {
		if (a[i] != b[i]) {
			different++;
			first = i;
		}
	}
	printf("  %-26s %6zu values, %zu different\n", what, count, different);
	if (different)
		printf("    the first at row %zu, column %zu: card 0x%08" PRIx32 ", CPU 0x%08" PRIx32
		       "\n", first / row, first % row, a[first], b[first]);
	return !different;
}

static bool compare(const struct results *card, const struct results *cpu, size_t count)
{
	bool good = true;

	printf("The card and the CPU, compared value for value, to the bit:\n\n");
	good &= equal("class means", card->means, cpu->means, CLASSES * FEATURES, FEATURES);
	good &= equal("distances, float", card->distances, cpu->distances, count * CLASSES,
		      CLASSES);
	good &= equal("answers, float", card->nearest, cpu->nearest, count, 1);
	good &= equal("distances, 8-bit", card->distances_s8, cpu->distances_s8,
		      count * CLASSES, CLASSES);
	good &= equal("answers, 8-bit", card->nearest_s8, cpu->nearest_s8, count, 1);
	printf("\n");
	return good;
}

static void show_accuracy(const struct images *test, const struct results *results)
{
	size_t i, right = 0, right_s8 = 0;

	for (i = 0; i < test->count; i++) {
		right += results->nearest[i] == test->labels[i];
		right_s8 += results->nearest_s8[i] == test->labels[i];
	}
	printf("Right: %zu of %zu (%.2f %%) in floating point, %zu (%.2f %%) in 8-bit "
	       "integers\n\n", right, test->count, 100.0 * right / test->count, right_s8,
	       100.0 * right_s8 / test->count);
}

/* ---- The course of events ---- */

static int report_failure(int ret)
{
	const struct accel_error *error = accel_last_error();

	fprintf(stderr, "digits: error: %s\n", error->message);
	if (error->advice[0])
		fprintf(stderr, "digits: to fix it: %s\n", error->advice);
	switch (ret) {
	case -ENOENT:
	case -ENODEV:
		return EXIT_NO_DEVICE;
	case -EACCES:
		return EXIT_PERMISSION;
	default:
		return error->fault ? EXIT_FAULT : EXIT_DIFFERENT;
	}
}

static int show_all(enum art art, const struct images *learn, const struct images *test,
		    const struct results *card, const struct results *cpu,
		    const struct card_report *report)
{
	bool good;

	printf("%zu handwritten digits: %zu to learn the mean picture of each digit, %zu others "
	       "to read\n\n", learn->count + test->count, learn->count, test->count);
	show_digits("Some that the card read right:", art, test, card, false, PICTURES_RIGHT);
	show_digits("Some that it read wrong:", art, test, card, true, PICTURES_WRONG);
	show_accuracy(test, card);
	show_confusion(test, card->nearest);
	show_card(report);
	good = compare(card, cpu, test->count);
	printf(good ? "The card and the CPU agree.\n" : "THE CARD AND THE CPU DIFFER.\n");
	return good ? EXIT_GOOD : EXIT_DIFFERENT;
}

static int run(const char *path, enum art art)
{
	struct images learn = { 0 }, test = { 0 };
	struct results card = { 0 }, cpu = { 0 };
	struct card_report report = { 0 };
	int status = EXIT_DIFFERENT, ret;

	if (!images_read(path, &learn, &test))
		goto out;
	if (!results_init(&card, test.count) || !results_init(&cpu, test.count)) {
		fprintf(stderr, "digits: error: out of memory\n");
		goto out;
	}
	ret = card_compute(&learn, &test, &card, &report);
	if (ret) {
		status = report_failure(ret);
		goto out;
	}
	reference_compute(&learn, &test, &cpu);
	status = show_all(art, &learn, &test, &card, &cpu, &report);
out:
	results_free(&card);
	results_free(&cpu);
	images_free(&learn);
	images_free(&test);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "art", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum art art;
	int option;

	setlocale(LC_CTYPE, "");
	art = default_art();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			if (parse_art(optarg, &art))
				break;
			fprintf(stderr, "digits: error: unknown art %s; see --help\n", optarg);
			return EXIT_USAGE;
		case 'h':
			fputs(usage, stdout);
			return EXIT_GOOD;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return run(argv[optind], art);
}
