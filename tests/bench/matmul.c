// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * How fast the simulated card multiplies matrices, beside a library that does it natively.
 *
 * The card is the chip model in this process: the whole way through the command processor,
 * the harts that run matmul.egm, their DMA and the tile engine. The peers are OpenBLAS
 * (sgemm) and oneDNN (int8). Both get the same number of threads: the model has one for each
 * cluster. Runs alternate, so that a noisy machine disturbs both alike, and the best of each
 * counts. Every product is also compared with the peer's, integers to the bit.
 *
 * Two kinds of figures come out. Times and ratios are measured on this host and say how
 * quick the emulator is. Those marked as modelled are what the chip's performance model
 * predicts for the silicon, and do not depend on the host.
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cblas.h>
#include <dnnl.h>
#include <omp.h>

#include <accel/accel.h>
#include <egret/kernels/matmul.h>

#define RUNS_MIN	3
#define RUNS_MAX	50
#define SECONDS_MIN	0.5	/* of each kind of run */

static const uint32_t shapes[][3] = {	/* m, n, k */
	{ 256, 256, 256 },
	{ 512, 512, 512 },
	{ 1024, 1024, 1024 },
	{ 2048, 2048, 2048 },
	{ 1, 4096, 4096 },
	{ 80, 512, 1152 },
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
	bool bytes;		/* int8, otherwise float */
	uint32_t m, n, k;
	void *a, *b, *c, *peer;
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

static void *allocate(size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	if (!memory) {
		fprintf(stderr, "bench: no memory for %zu bytes\n", bytes);
		exit(1);
	}
	memset(memory, 0, bytes);
	return memory;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
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

static void run_card(struct card *card, struct job *job)
{
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
		.lda = job->k, .ldb = job->n, .ldc = job->n,
	};
	egret_matmul_plan(&job->args, 1, job->bytes ? 1 : 4, card->info.clusters, job->grid);
}

/* ---- the peers ---- */

static void must_dnnl(dnnl_status_t status)
{
	if (status != dnnl_success) {
		fprintf(stderr, "bench: oneDNN says %d\n", (int)status);
		exit(1);
	}
}

static void run_peer(struct job *job)
{
	if (job->bytes) {
		const int32_t zero = 0;

		must_dnnl(dnnl_gemm_s8s8s32('N', 'N', 'F', job->m, job->n, job->k, 1.0f,
					    job->a, job->k, 0, job->b, job->n, 0, 0.0f,
					    job->peer, job->n, &zero));
	} else {
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, job->m, job->n, job->k,
			    1.0f, job->a, job->k, job->b, job->n, 0.0f, job->peer, job->n);
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

static double timed(struct card *card, struct job *job)
{
	double start = now();

	if (card)
		run_card(card, job);
	else
		run_peer(job);
	return now() - start;
}

static void measure(struct card *card, struct job *job, double *best_card, double *best_peer)
{
	double total = 0;
	int i;

	*best_card = *best_peer = INFINITY;
	timed(card, job);
	timed(NULL, job);
	for (i = 0; i < RUNS_MAX && (i < RUNS_MIN || total < 2 * SECONDS_MIN); i++) {
		double ours = timed(card, job), peers = timed(NULL, job);

		*best_card = fmin(*best_card, ours);
		*best_peer = fmin(*best_peer, peers);
		total += ours + peers;
	}
}

static void fill(struct job *job)
{
	size_t sizes[2] = { (size_t)job->m * job->k, (size_t)job->k * job->n }, i;
	void *const data[2] = { job->a, job->b };
	unsigned int seed = 1;
	int which;

	for (which = 0; which < 2; which++) {
		for (i = 0; i < sizes[which]; i++) {
			if (job->bytes)
				((int8_t *)data[which])[i] = rand_r(&seed) % 256 - 128;
			else
				((float *)data[which])[i] = (rand_r(&seed) % 2001 - 1000) / 1000.0f;
		}
	}
}

static bool bench(struct card *card, bool bytes, const uint32_t shape[3])
{
	struct job job = { .bytes = bytes, .m = shape[0], .n = shape[1], .k = shape[2] };
	struct accel_profile_data profile = { .size = sizeof(profile) };
	/* Multiply-accumulates of a cluster in a cycle: Documentation/hardware/performance.rst */
	const double peak = (bytes ? 1024.0 : 256.0) * card->info.clusters;
	double ours, peers, operations;
	bool good;
	int i;

	job.a = allocate(operand_bytes(&job, 0));
	job.b = allocate(operand_bytes(&job, 1));
	job.c = allocate(operand_bytes(&job, 2));
	job.peer = allocate(operand_bytes(&job, 2));
	fill(&job);
	prepare(card, &job);
	measure(card, &job, &ours, &peers);
	must(accel_profile_read(card->profile, &profile));
	must(accel_download(card->stream, job.buffers[2], 0, job.c, operand_bytes(&job, 2)));
	good = agree(&job);

	operations = 2.0 * job.m * job.n * job.k;
	printf("%-5s %5u x %4u x %4u  %8.2f ms %8.1f G/s  %8.2f ms %8.1f G/s  %6.2f  %9.1f us %5.1f %%%s\n",
	       bytes ? "int8" : "fp32", job.m, job.n, job.k, 1e3 * ours, 1e-9 * operations / ours,
	       1e3 * peers, 1e-9 * operations / peers, peers / ours,
	       1e3 * profile.cycles / card->info.core_clock_khz,
	       100.0 * profile.macs / (profile.cycles * peak), good ? "" : "  WRONG RESULT");
	fflush(stdout);

	for (i = 0; i < 3; i++)
		accel_buffer_destroy(job.buffers[i]);
	free(job.a);
	free(job.b);
	free(job.c);
	free(job.peer);
	return good;
}

int main(int argc, char **argv)
{
	unsigned int threads = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	struct card card = { 0 };
	bool good = true;
	size_t i;

	if (threads < 1 || threads > 16 || argc > 2) {
		fprintf(stderr, "usage: matmul [THREADS, 1 to 16]\n");
		return 2;
	}
	openblas_set_num_threads(threads);
	omp_set_num_threads(threads);
	open_card(&card, threads);

	printf("Matrix multiplication, %u thread%s each; a card of %u cluster%s\n\n", threads,
	       threads == 1 ? "" : "s", threads, threads == 1 ? "" : "s");
	printf("type      m x    n x    k   the emulated card         OpenBLAS, oneDNN       speed   modelled chip*\n");
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		good &= bench(&card, false, shapes[i]);
		good &= bench(&card, true, shapes[i]);
	}
	printf("\n  speed: the card's, in units of the peer's, measured on this host\n"
	       "  * predicted by the chip's performance model: time, and share of the matrix\n"
	       "    engines' peak. Nothing on this host was measured for it.\n");
	close_card(&card);
	return good ? 0 : 1;
}
