// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The computation on the card: six steps on one stream, whose buffers stay on the card
 * between them.
 *
 *   one_hot       labels               -> one-hot matrix
 *   matmul_f32    one-hot^T x images   -> sums of each class
 *   class_means   sums, one-hot        -> means
 *   nearest_f32   images, means        -> distances, answers
 *   quantise      images, means        -> the same in 8 bits
 *   nearest_s8    8-bit images, means  -> distances, answers
 */
#include "digits.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <egret/kernels/matmul.h>

#include "kernels/nearest.h"

enum buffer {
	LEARN_PIXELS,
	LEARN_LABELS,
	ONE_HOT,
	SUMS,
	MEANS,
	MEANS_S8,
	TEST_PIXELS,
	TEST_S8,
	DISTANCES,
	NEAREST,
	DISTANCES_S8,
	NEAREST_S8,
	BUFFERS
};

static const char *const buffer_names[BUFFERS] = {
	"learn pixels", "learn labels", "one-hot", "sums", "means", "8-bit means",
	"test pixels", "8-bit test pixels", "distances", "answers", "8-bit distances",
	"8-bit answers",
};

struct card {
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct accel_module *matmul, *nearest;
	struct accel_buffer *buffers[BUFFERS];
	struct accel_profile *profiles[LAUNCHES_MAX];
	struct card_report *report;
};

static uint64_t address(const struct card *card, enum buffer buffer)
{
	return accel_buffer_address(card->buffers[buffer]);
}

static int open_card(struct card *card)
{
	int ret;

	card->report->device.size = sizeof(card->report->device);
	ret = accel_device_open(NULL, &card->device);
	if (ret == 0)
		ret = accel_device_get_info(card->device, &card->report->device);
	if (ret == 0)
		ret = accel_context_create(card->device, &card->context);
	if (ret == 0)
		ret = accel_stream_create(card->context, NULL, &card->stream);
	if (ret == 0)
		ret = accel_module_load_file(card->context, "matmul.egm", &card->matmul);
	if (ret == 0)
		ret = accel_module_load_file(card->context, "nearest.egm", &card->nearest);
	return ret;
}

static int make_buffers(struct card *card, size_t learn, size_t test)
{
	const size_t sizes[BUFFERS] = {
		[LEARN_PIXELS] = learn * FEATURES * sizeof(float),
		[LEARN_LABELS] = learn * sizeof(int32_t),
		[ONE_HOT] = learn * CLASSES * sizeof(float),
		[SUMS] = CLASSES * FEATURES * sizeof(float),
		[MEANS] = CLASSES * FEATURES * sizeof(float),
		[MEANS_S8] = CLASSES * FEATURES,
		[TEST_PIXELS] = test * FEATURES * sizeof(float),
		[TEST_S8] = test * FEATURES,
		[DISTANCES] = test * CLASSES * sizeof(float),
		[NEAREST] = test * sizeof(int32_t),
		[DISTANCES_S8] = test * CLASSES * sizeof(int32_t),
		[NEAREST_S8] = test * sizeof(int32_t),
	};
	int i, ret = 0;

	for (i = 0; !ret && i < BUFFERS; i++)
		ret = accel_buffer_create(card->context, sizes[i],
					  ACCEL_OPTIONS(accel_buffer_options,
							.name = buffer_names[i]),
					  &card->buffers[i]);
	return ret;
}

static void close_card(struct card *card)
{
	int i;

	for (i = 0; i < LAUNCHES_MAX; i++)
		accel_profile_destroy(card->profiles[i]);
	/* The stream first: nothing may use a buffer that is gone. */
	accel_stream_destroy(card->stream);
	for (i = 0; i < BUFFERS; i++)
		accel_buffer_destroy(card->buffers[i]);
	accel_module_unload(card->matmul);
	accel_module_unload(card->nearest);
	accel_context_destroy(card->context);
	accel_device_close(card->device);
}

static int upload(struct card *card, const struct images *learn, const struct images *test)
{
	int ret;

	ret = accel_upload(card->stream, card->buffers[LEARN_PIXELS], 0, learn->pixels,
			   learn->count * FEATURES * sizeof(float));
	if (ret == 0)
		ret = accel_upload(card->stream, card->buffers[LEARN_LABELS], 0, learn->labels,
				   learn->count * sizeof(int32_t));
	if (ret == 0)
		ret = accel_upload(card->stream, card->buffers[TEST_PIXELS], 0, test->pixels,
				   test->count * FEATURES * sizeof(float));
	return ret;
}

static int launch(struct card *card, struct accel_module *module, const char *name,
		  const uint32_t grid[3], const void *args, size_t size)
{
	size_t n = card->report->launch_count;
	const struct accel_kernel *kernel;
	int ret;

	ret = accel_module_find(module, name, &kernel);
	if (ret == 0)
		ret = accel_profile_create(card->context, &card->profiles[n]);
	if (ret == 0)
		ret = accel_launch(card->stream, kernel, grid, args, size,
				   ACCEL_OPTIONS(accel_launch_options,
						 .profile = card->profiles[n]));
	if (ret == 0) {
		card->report->launches[n].kernel = name;
		card->report->launch_count++;
	}
	return ret;
}

/* A share for each cluster, but not more than scratchpad holds. */
static uint32_t share(const struct card *card, uint32_t count, uint32_t most)
{
	uint32_t clusters = card->report->device.clusters;
	uint32_t rows = (count + clusters - 1) / clusters;

	return rows < most ? rows : most;
}

static int launch_rows(struct card *card, const char *name, uint32_t count, uint32_t rows,
		       const void *args, size_t size)
{
	const uint32_t grid[3] = { (count + rows - 1) / rows, 1, 1 };

	return launch(card, card->nearest, name, grid, args, size);
}

static int learn_means(struct card *card, uint32_t count)
{
	struct one_hot_args one_hot = {
		.labels = address(card, LEARN_LABELS),
		.out = address(card, ONE_HOT),
		.count = count,
		.classes = CLASSES,
		.rows = share(card, count, 4096),
	};
	struct egret_matmul_args sums = {
		.a = address(card, ONE_HOT),
		.b = address(card, LEARN_PIXELS),
		.c = address(card, SUMS),
		.m = CLASSES,
		.n = FEATURES,
		.k = count,
		.flags = EGRET_MATMUL_ARGS_A_TRANS,
		.lda = CLASSES,
		.ldb = FEATURES,
		.ldc = FEATURES,
	};
	struct class_means_args means = {
		.sums = address(card, SUMS),
		.one_hot = address(card, ONE_HOT),
		.means = address(card, MEANS),
		.count = count,
		.classes = CLASSES,
		.features = FEATURES,
	};
	uint32_t grid[3];
	int ret;

	ret = launch_rows(card, "one_hot", count, one_hot.rows, &one_hot, sizeof(one_hot));
	egret_matmul_plan(&sums, 1, sizeof(float), card->report->device.clusters, grid);
	if (ret == 0)
		ret = launch(card, card->matmul, "matmul_f32", grid, &sums, sizeof(sums));
	if (ret == 0)
		ret = launch_rows(card, "class_means", 1, 1, &means, sizeof(means));
	return ret;
}

static int classify(struct card *card, const char *kernel, uint32_t count,
		    enum buffer points, enum buffer means, enum buffer distances,
		    enum buffer nearest)
{
	struct nearest_args args = {
		.points = address(card, points),
		.means = address(card, means),
		.distances = address(card, distances),
		.nearest = address(card, nearest),
		.count = count,
		.classes = CLASSES,
		.features = FEATURES,
		.rows = share(card, count, 1024),
	};

	return launch_rows(card, kernel, count, args.rows, &args, sizeof(args));
}

static int quantise(struct card *card, enum buffer in, enum buffer out, uint32_t count)
{
	struct quantise_args args = {
		.in = address(card, in),
		.out = address(card, out),
		.count = count,
		.factor = QUANTISE_FACTOR,
		.per_group = share(card, count, 65536),
	};

	return launch_rows(card, "quantise", count, args.per_group, &args, sizeof(args));
}

static int launch_all(struct card *card, uint32_t learn, uint32_t test)
{
	int ret;

	ret = learn_means(card, learn);
	if (ret == 0)
		ret = classify(card, "nearest_f32", test, TEST_PIXELS, MEANS, DISTANCES, NEAREST);
	if (ret == 0)
		ret = quantise(card, TEST_PIXELS, TEST_S8, test * FEATURES);
	if (ret == 0)
		ret = quantise(card, MEANS, MEANS_S8, CLASSES * FEATURES);
	if (ret == 0)
		ret = classify(card, "nearest_s8", test, TEST_S8, MEANS_S8, DISTANCES_S8,
			       NEAREST_S8);
	return ret;
}

static int download(struct card *card, size_t test, struct results *results)
{
	const struct {
		enum buffer buffer;
		void *to;
		size_t size;
	} parts[] = {
		{ MEANS, results->means, sizeof(results->means) },
		{ DISTANCES, results->distances, test * CLASSES * sizeof(float) },
		{ NEAREST, results->nearest, test * sizeof(int32_t) },
		{ DISTANCES_S8, results->distances_s8, test * CLASSES * sizeof(int32_t) },
		{ NEAREST_S8, results->nearest_s8, test * sizeof(int32_t) },
	};
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < sizeof(parts) / sizeof(parts[0]); i++)
		ret = accel_download(card->stream, card->buffers[parts[i].buffer], 0, parts[i].to,
				     parts[i].size);
	return ret;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec * 1e-9;
}

static int compute(struct card *card, const struct images *learn, const struct images *test,
		   struct results *results)
{
	struct card_report *report = card->report;
	size_t i;
	int ret;

	report->before.size = sizeof(report->before);
	report->after.size = sizeof(report->after);
	ret = accel_device_get_counters(card->device, &report->before);
	report->seconds = -now();
	if (ret == 0)
		ret = upload(card, learn, test);
	if (ret == 0)
		ret = launch_all(card, learn->count, test->count);
	if (ret == 0)
		ret = download(card, test->count, results);
	report->seconds += now();
	if (ret == 0)
		ret = accel_device_get_counters(card->device, &report->after);
	for (i = 0; !ret && i < report->launch_count; i++) {
		report->launches[i].profile.size = sizeof(report->launches[i].profile);
		ret = accel_profile_read(card->profiles[i], &report->launches[i].profile);
	}
	return ret;
}

int card_compute(const struct images *learn, const struct images *test,
		 struct results *results, struct card_report *report)
{
	struct card card = { .report = report };
	int ret;

	ret = open_card(&card);
	if (ret == 0)
		ret = make_buffers(&card, learn->count, test->count);
	if (ret == 0)
		ret = compute(&card, learn, test, results);
	close_card(&card);
	return ret;
}
