// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * How fast the simulated card multiplies matrices, beside a library that does it natively.
 *
 * The card is the chip model in this process: the whole way through the command processor,
 * the harts that run matmul.egm, their DMA and the tile engine. The peers are OpenBLAS
 * (sgemm) and oneDNN (int8). Both get the same number of threads: the model has one for each
 * cluster. With one thread, the tile engine alone is measured as well: the operations that
 * the kernel gives to it, on operands that are in scratchpad already. Every product of the card
 * is compared with the peer's, integers to the bit.
 *
 * Two kinds of figures come out. Times and ratios are measured on this host and say how
 * quick the emulator is. Those marked as modelled are what the chip's performance model
 * predicts for the silicon, and do not depend on the host.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>
#include <dnnl.h>
#include <omp.h>

#include <accel/accel.h>
#include <egret/kernels/matmul.h>

#include "bench.h"
#include "tile.h"

/* What ratios shall be at least; and the modelled share of the largest product of bytes. */
#define AIM_RATIO	0.70
#define AIM_MODELLED	85.0

static const struct shape {
	uint32_t m, n, k;
	bool by_n;		/* B is stored by n: n rows of k */
	bool modelled_aim;
	const char *what;
} shapes[] = {
	{ 256, 256, 256, false, false, "square" },
	{ 512, 512, 512, false, false, "square" },
	{ 1024, 1024, 1024, false, false, "square" },
	{ 2048, 2048, 2048, false, true, "square" },
	{ 80, 512, 1152, false, false, "convolution" },
	{ 3136, 64, 576, false, false, "convolution" },
	{ 480, 64, 64, false, false, "attention" },
	{ 128, 3072, 768, true, false, "transformer, prompt" },
	{ 8, 4096, 4096, true, false, "transformer, batch" },
	{ 1, 4096, 4096, false, false, "language model" },
	{ 1, 4096, 4096, true, false, "language model" },
	{ 1, 768, 3072, true, false, "language model" },
};

struct card {
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct accel_module *module;
	struct accel_profile *profile;
	struct accel_device_info info;
};

struct job {
	const struct shape *shape;
	bool bytes;		/* int8, otherwise float */
	uint32_t m, n, k;
	void *a, *b, *c, *peer;
	struct card *card;
	struct egret_tile *engine;
	struct accel_buffer *buffers[3];
	const struct accel_kernel *kernel;
	struct egret_matmul_args args;
	uint32_t grid[3];
};

static void must(int ret)
{
	if (ret < 0) {
		fprintf(stderr, "bench: %s\n", accel_last_error()->message);
		exit(1);
	}
}

/* ---- the card ---- */

static void open_card(struct card *card, unsigned int threads)
{
	char name[32];

	snprintf(name, sizeof(name), "sim:clusters=%u", threads);
	must(accel_device_open(name, &card->device));
	card->info.size = sizeof(card->info);
	must(accel_device_get_info(card->device, &card->info));
	must(accel_context_create(card->device, &card->context));
	must(accel_stream_create(card->context, NULL, &card->stream));
	must(accel_module_load_file(card->context, "matmul.egm", &card->module));
	must(accel_profile_create(card->context, &card->profile));
}

static void close_card(struct card *card)
{
	accel_profile_destroy(card->profile);
	accel_module_unload(card->module);
	accel_stream_destroy(card->stream);
	accel_context_destroy(card->context);
	accel_device_close(card->device);
}

static void run_card(void *arg)
{
	struct job *job = arg;
	struct card *card = job->card;

	must(accel_launch(card->stream, job->kernel, job->grid, &job->args, sizeof(job->args),
			  ACCEL_OPTIONS(accel_launch_options, .profile = card->profile)));
	must(accel_stream_wait(card->stream, ACCEL_FOREVER));
}

static size_t operand_bytes(const struct job *job, int i)
{
	const size_t elements[3] = { (size_t)job->m * job->k, (size_t)job->k * job->n,
				     (size_t)job->m * job->n };

	return elements[i] * (job->bytes && i < 2 ? 1 : 4);
}

static void prepare(struct card *card, struct job *job)
{
	void *const data[3] = { job->a, job->b, job->c };
	int i;

	must(accel_module_find(card->module, job->bytes ? "matmul_s8" : "matmul_f32",
			       &job->kernel));
	for (i = 0; i < 3; i++) {
		must(accel_buffer_create(card->context, operand_bytes(job, i), NULL,
					 &job->buffers[i]));
		must(accel_upload(card->stream, job->buffers[i], 0, data[i],
				  operand_bytes(job, i)));
	}
	job->args = (struct egret_matmul_args){
		.a = accel_buffer_address(job->buffers[0]),
		.b = accel_buffer_address(job->buffers[1]),
		.c = accel_buffer_address(job->buffers[2]),
		.m = job->m, .n = job->n, .k = job->k,
		.lda = job->k, .ldb = job->shape->by_n ? job->k : job->n, .ldc = job->n,
		.flags = job->shape->by_n ? EGRET_MATMUL_ARGS_B_TRANS : 0,
	};
	egret_matmul_plan(&job->args, 1, job->bytes ? 1 : 4, card->info.clusters, job->grid);
}

/* ---- the tile engine ---- */

/* Columns of B that a workgroup has in scratchpad at a time. */
static uint32_t columns_of(const struct job *job, uint32_t rows, uint32_t cols)
{
	uint32_t element = job->bytes ? 1 : 4, k = job->args.tile_k, columns;

	if (egret_matmul_fits(rows, cols, cols, k, element))
		return cols;
	columns = egret_matmul_block_columns(k, element);
	return columns < cols ? columns : cols;
}

/* The operations of one workgroup on some columns, which begin at `col`, as matmul.egm has them. */
static void run_columns(struct job *job, uint32_t rows, uint32_t cols, uint32_t col,
			uint32_t columns)
{
	const struct egret_matmul_args *args = &job->args;
	uint32_t element = job->bytes ? 1 : 4;
	uint32_t a = rows * args->tile_k * element, b = columns * args->tile_k * element;
	struct egret_matmul_desc d = {
		.out = EGRET_LOCAL_SCRATCH + 4096 + 2 * (a + b) + 4 * col,
		.m = rows, .n = cols - col < columns ? cols - col : columns, .batch = 1,
		.a_pitch = args->tile_k * element,
		.b_pitch = (job->shape->by_n ? args->tile_k : columns) * element,
		.out_pitch = 4 * cols,
		.a_type = job->bytes ? EGRET_TYPE_S8 : EGRET_TYPE_F32,
		.b_type = job->bytes ? EGRET_TYPE_S8 : EGRET_TYPE_F32,
		.out_type = job->bytes ? EGRET_TYPE_S32 : EGRET_TYPE_F32,
		.flags = job->shape->by_n ? EGRET_MATMUL_B_TRANS : 0,
	};

	for (uint32_t k = 0, i = col / columns & 1; k < args->k; k += d.k, i ^= 1) {
		struct egret_fault fault;

		d.k = args->k - k < args->tile_k ? args->k - k : args->tile_k;
		d.a = EGRET_LOCAL_SCRATCH + 4096 + i * a;
		d.b = EGRET_LOCAL_SCRATCH + 4096 + 2 * a + i * b;
		if (!egret_matmul_check(&d, NULL, &fault)) {
			fprintf(stderr, "bench: the tile engine refuses a descriptor\n");
			exit(1);
		}
		egret_matmul_run(job->engine, &d, NULL);
		d.flags |= EGRET_MATMUL_ACC;
		d.acc = d.out;
		d.acc_pitch = d.out_pitch;
	}
}

static void run_group(struct job *job, uint32_t rows, uint32_t cols)
{
	uint32_t columns = columns_of(job, rows, cols);

	for (uint32_t col = 0; col < cols; col += columns)
		run_columns(job, rows, cols, col, columns);
}

static void run_engine(void *arg)
{
	struct job *job = arg;
	const struct egret_matmul_args *args = &job->args;

	for (uint32_t row = 0; row < args->m; row += args->tile_m)
		for (uint32_t col = 0; col < args->n; col += args->tile_n)
			run_group(job,
				  args->m - row < args->tile_m ? args->m - row : args->tile_m,
				  args->n - col < args->tile_n ? args->n - col : args->tile_n);
}

/* Operands that are plausible: no denormals. */
static void fill_scratch(struct job *job)
{
	bench_fill(job->engine->scratch, EGRET_SCRATCH_SIZE / (job->bytes ? 1 : 4), !job->bytes);
}

/* ---- the peers ---- */

static void must_dnnl(dnnl_status_t status)
{
	if (status != dnnl_success) {
		fprintf(stderr, "bench: oneDNN says %d\n", (int)status);
		exit(1);
	}
}

static void run_peer(void *arg)
{
	struct job *job = arg;
	int ldb = job->shape->by_n ? job->k : job->n;

	if (job->bytes) {
		const int32_t zero = 0;

		must_dnnl(dnnl_gemm_s8s8s32('N', job->shape->by_n ? 'T' : 'N', 'F', job->m, job->n,
					    job->k, 1.0f, job->a, job->k, 0, job->b, ldb, 0, 0.0f,
					    job->peer, job->n, &zero));
	} else {
		cblas_sgemm(CblasRowMajor, CblasNoTrans,
			    job->shape->by_n ? CblasTrans : CblasNoTrans, job->m, job->n, job->k,
			    1.0f, job->a, job->k, job->b, ldb, 0.0f, job->peer, job->n);
	}
}

/* Integers are equal to the bit; floats are added in another order by the peer. */
static bool agree(const struct job *job)
{
	size_t i, count = (size_t)job->m * job->n;
	const float *c = job->c, *peer = job->peer;

	if (job->bytes)
		return !memcmp(job->c, job->peer, 4 * count);
	for (i = 0; i < count; i++)
		if (!(fabsf(c[i] - peer[i]) <= 1e-5f * job->k))
			return false;
	return true;
}

/* ---- measuring ---- */

static void print_ratio(double ratio)
{
	printf("  %5.2f %c", ratio, ratio >= AIM_RATIO ? ' ' : '<');
}

static void print_result(const struct job *job, const struct bench_side *sides,
			 const struct accel_profile_data *profile, bool good)
{
	const struct accel_device_info *info = &job->card->info;
	/* Multiply-accumulates of a cluster in a cycle: Documentation/hardware/performance.rst */
	double peak = (job->bytes ? 1024.0 : 256.0) * info->clusters;
	double share = 100.0 * profile->macs / (profile->cycles * peak);

	printf("%-4s %5u %5u %5u %-4s  %9.3f %9.3f", job->bytes ? "int8" : "fp32", job->m, job->n,
	       job->k, job->shape->by_n ? "by n" : "by k", 1e3 * sides[0].seconds,
	       1e3 * sides[1].seconds);
	print_ratio(sides[1].seconds / sides[0].seconds);
	if (job->engine)
		print_ratio(sides[1].seconds / sides[2].seconds);
	else
		printf("       - ");
	printf("  %9.1f %5.1f %%", 1e3 * profile->cycles / info->core_clock_khz, share);
	if (job->bytes && job->shape->modelled_aim)
		printf(" (aim %.0f %%)", AIM_MODELLED);
	printf("  %s%s\n", job->shape->what, good ? "" : "  WRONG RESULT");
	fflush(stdout);
}

static bool bench(struct card *card, struct egret_tile *engine, bool bytes,
		  const struct shape *shape)
{
	struct job job = {
		.shape = shape, .bytes = bytes, .m = shape->m, .n = shape->n, .k = shape->k,
		.card = card, .engine = engine,
	};
	struct bench_side sides[] = {
		{ .run = run_card, .arg = &job },
		{ .run = run_peer, .arg = &job },
		{ .run = run_engine, .arg = &job },
	};
	struct accel_profile_data profile = { .size = sizeof(profile) };
	bool good;
	int i;

	job.a = bench_allocate(operand_bytes(&job, 0));
	job.b = bench_allocate(operand_bytes(&job, 1));
	job.c = bench_allocate(operand_bytes(&job, 2));
	job.peer = bench_allocate(operand_bytes(&job, 2));
	bench_fill(job.a, (size_t)job.m * job.k, !bytes);
	bench_fill(job.b, (size_t)job.k * job.n, !bytes);
	prepare(card, &job);
	if (engine)
		fill_scratch(&job);
	bench_measure(sides, engine ? 3 : 2);
	must(accel_profile_read(card->profile, &profile));
	must(accel_download(card->stream, job.buffers[2], 0, job.c, operand_bytes(&job, 2)));
	good = agree(&job);
	print_result(&job, sides, &profile, good);

	for (i = 0; i < 3; i++)
		accel_buffer_destroy(job.buffers[i]);
	free(job.a);
	free(job.b);
	free(job.c);
	free(job.peer);
	return good;
}

static bool bench_all(struct card *card, struct egret_tile *engine, const uint32_t *only)
{
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *s = &shapes[i];

		if (only[0] && (s->m != only[0] || s->n != only[1] || s->k != only[2]))
			continue;
		if (!only[3] || only[3] == 4)
			good &= bench(card, engine, false, s);
		if (!only[3] || only[3] == 1)
			good &= bench(card, engine, true, s);
	}
	return good;
}

static void print_heading(unsigned int threads)
{
	const char *s = threads == 1 ? "" : "s";

	printf("Matrix multiplication, %u thread%s each; a card of %u cluster%s\n\n", threads, s,
	       threads, s);
	printf("                             milliseconds         speed, aim %.2f    modelled chip*\n",
	       AIM_RATIO);
	printf("type     m     n     k   B        card      peer     card   engine       us   share\n");
}

static int usage(void)
{
	fprintf(stderr, "usage: matmul [--cpu] [--shape M,N,K[,BYTES]] [THREADS, 1 to 16]\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cpu", no_argument, NULL, 'c' },
		{ "shape", required_argument, NULL, 's' },
		{ 0 }
	};
	struct egret_tile engine = { 0 };
	unsigned int threads = 1;
	struct card card = { 0 };
	uint32_t only[4] = { 0 };
	bool good;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c')
			bench_use_processor_time();
		else if (c != 's' || sscanf(optarg, "%u,%u,%u,%u", &only[0], &only[1], &only[2],
					    &only[3]) < 3)
			return usage();
	}
	if (optind < argc)
		threads = strtoul(argv[optind], NULL, 10);
	if (threads < 1 || threads > 16 || optind + 1 < argc)
		return usage();
	openblas_set_num_threads(threads);
	omp_set_num_threads(threads);
	open_card(&card, threads);
	if (egret_tile_init(&engine, bench_allocate(EGRET_SCRATCH_SIZE))) {
		fprintf(stderr, "bench: no memory\n");
		return 1;
	}
	print_heading(threads);
	good = bench_all(&card, threads == 1 ? &engine : NULL, only);
	printf("\n  speed: in units of the peer's (OpenBLAS, oneDNN), medians measured on this host, of the\n"
	       "    card and of its tile engine alone; \"<\" is below the aim\n"
	       "  * predicted by the chip's performance model: time, and share of the matrix\n"
	       "    engines' peak. Nothing on this host was measured for it.\n");
	free(engine.scratch);
	egret_tile_fini(&engine);
	close_card(&card);
	return good ? 0 : 1;
}
