// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * What launching an empty kernel costs the host, beside what others cost: the cheapest ioctl,
 * a fence of vgem, and a read of 4 KiB from an NVMe drive through io_uring. Runs in the VM,
 * started by launch.py, which counts the instructions between the marks and makes the table.
 *
 * Prints a line for each measurement: its name, how often the thing was done, and nanoseconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <liburing.h>
#include <xf86drm.h>

#include <accel/accel.h>

#include "marks.h"

#define DEPTH		32	/* in flight: launches, reads */
#define BATCH		64	/* launches in a batch, or a graph */
#define SECTOR		4096
#define ROUNDS		2048	/* of each measurement */

static void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

static int check(int ret)
{
	if (ret < 0)
		die("launch: %s", accel_last_error()->message);
	return ret;
}

/* Where what lies in this program, and in the kernel, is written for a profile. */
static void copy_file(const char *from, const char *to)
{
	char piece[4096];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t bytes;

	if (!in || !out)
		die("launch: cannot copy %s to %s: %s", from, to, strerror(errno));
	while ((bytes = fread(piece, 1, sizeof(piece), in)))
		fwrite(piece, 1, bytes, out);
	fclose(in);
	if (fclose(out))
		die("launch: %s: %s", to, strerror(errno));
}

static void write_maps(const char *folder)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/maps", folder);
	copy_file("/proc/self/maps", path);
	snprintf(path, sizeof(path), "%s/kallsyms", folder);
	copy_file("/proc/kallsyms", path);
}

static int64_t started;

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void begin(void)
{
	started = now();
	MARK(MARK_BEGIN);
}

static void end(const char *name, unsigned int count)
{
	MARK(MARK_END);
	printf("%s %u %lld\n", name, count, (long long)(now() - started));
	fflush(stdout);
}

/* ---- Others ---- */

/* vgem's interface, which Debian has in no package of headers. */
struct vgem_fence_attach {
	uint32_t handle, flags;		/* 1: for writing */
	uint32_t out_fence, pad;
};

struct vgem_fence_signal {
	uint32_t fence, flags;
};

#define IOCTL_VGEM_FENCE_ATTACH	DRM_IOWR(DRM_COMMAND_BASE + 1, struct vgem_fence_attach)
#define IOCTL_VGEM_FENCE_SIGNAL	DRM_IOW(DRM_COMMAND_BASE + 2, struct vgem_fence_signal)

static void measure_ioctl(const char *card)
{
	int fd = open(card, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("launch: %s: %s", card, strerror(errno));
	for (int round = 0; round < 2; round++) {
		begin();
		for (int i = 0; i < ROUNDS; i++) {
			struct drm_version version = { 0 };

			if (drmIoctl(fd, DRM_IOCTL_VERSION, &version))
				die("launch: DRM_IOCTL_VERSION: %s", strerror(errno));
		}
		end(round ? "ioctl" : "-", ROUNDS);
	}
	close(fd);
}

static void measure_vgem(const char *path)
{
	struct drm_mode_create_dumb dumb = { .width = 64, .height = 64, .bpp = 32 };
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || drmIoctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		die("launch: %s: %s", path, strerror(errno));
	for (int round = 0; round < 2; round++) {
		begin();
		for (int i = 0; i < ROUNDS; i++) {
			struct vgem_fence_attach attach = { .handle = dumb.handle, .flags = 1 };
			struct vgem_fence_signal signal = { 0 };

			if (drmIoctl(fd, IOCTL_VGEM_FENCE_ATTACH, &attach))
				die("launch: vgem: %s", strerror(errno));
			signal.fence = attach.out_fence;
			if (drmIoctl(fd, IOCTL_VGEM_FENCE_SIGNAL, &signal))
				die("launch: vgem: %s", strerror(errno));
		}
		end(round ? "vgem" : "-", ROUNDS);
	}
	close(fd);
}

static void queue_read(struct io_uring *ring, int fd, char *data, unsigned int i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_read(sqe, fd, data + (size_t)(i % DEPTH) * SECTOR, SECTOR,
			   (uint64_t)i * 7 % 1024 * SECTOR);
}

/* Keep DEPTH reads in flight, and take them as they come. */
static void read_all(struct io_uring *ring, int fd, char *data)
{
	struct io_uring_cqe *cqe;
	unsigned int queued, done = 0;

	for (queued = 0; queued < DEPTH; queued++)
		queue_read(ring, fd, data, queued);
	io_uring_submit(ring);
	while (done < ROUNDS) {
		unsigned int head, count = 0;

		if (io_uring_wait_cqe(ring, &cqe))
			die("launch: waiting for a read failed");
		io_uring_for_each_cqe(ring, head, cqe) {
			if (cqe->res != SECTOR)
				die("launch: a read failed: %s", strerror(-cqe->res));
			count++;
		}
		io_uring_cq_advance(ring, count);
		done += count;
		for (; count && queued < ROUNDS; count--)
			queue_read(ring, fd, data, queued++);
		io_uring_submit(ring);
	}
}

static void measure_nvme(const char *drive)
{
	struct io_uring ring;
	char *data = aligned_alloc(SECTOR, DEPTH * SECTOR);
	int fd = open(drive, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd < 0 || !data || io_uring_queue_init(2 * DEPTH, &ring, 0))
		die("launch: %s: %s", drive, strerror(errno));
	for (int round = 0; round < 2; round++) {
		begin();
		read_all(&ring, fd, data);
		end(round ? "nvme" : "-", ROUNDS);
	}
	io_uring_queue_exit(&ring);
	close(fd);
	free(data);
}

/* ---- Launches ---- */

static struct accel_context *context;
static struct accel_stream *stream;
static const struct accel_kernel *empty;

static void launch(struct accel_stream *to)
{
	static const uint32_t grid[3] = { 1, 1, 1 };
	static const uint64_t args;

	check(accel_launch(to, empty, grid, &args, sizeof(args), NULL));
}

/* Queue and start, and do not wait but when nothing more can be queued. */
static void submit_only(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		launch(stream);
		check(accel_stream_flush(stream));
	}
}

static void round_trip(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		launch(stream);
		check(accel_stream_wait(stream, ACCEL_FOREVER));
	}
}

/* A launch is started when the one DEPTH before it is over. */
static void pipelined(void)
{
	static struct accel_event *events[DEPTH];

	for (int i = 0; i < ROUNDS; i++) {
		struct accel_event **event = &events[i % DEPTH];

		if (*event)
			check(accel_event_wait(*event, ACCEL_FOREVER));
		else
			check(accel_event_create(context, NULL, event));
		launch(stream);
		check(accel_event_record(*event, stream));
	}
	check(accel_stream_wait(stream, ACCEL_FOREVER));
}

/* The same in an address space with buffers that may be other processes', too. */
static void pipelined_shared(void)
{
	static struct accel_buffer *shared[4];

	for (int i = 0; i < 4 && !shared[i]; i++)
		check(accel_buffer_create(context, SECTOR,
					  ACCEL_OPTIONS(accel_buffer_options,
							.flags = ACCEL_BUFFER_SHARED), &shared[i]));
	pipelined();
}

/* Batches of BATCH launches, each with one system call. */
static void batches(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		launch(stream);
		if (i % BATCH == BATCH - 1)
			check(accel_stream_flush(stream));
	}
	check(accel_stream_wait(stream, ACCEL_FOREVER));
}

/* The same, each batch queued by one call. */
static void each(void)
{
	static const uint32_t grid[3] = { 1, 1, 1 };
	static uint64_t args[BATCH];

	for (int i = 0; i < ROUNDS / BATCH; i++) {
		check(accel_launch_each(stream, empty, grid, args, sizeof(args[0]), BATCH, NULL));
		check(accel_stream_flush(stream));
	}
	check(accel_stream_wait(stream, ACCEL_FOREVER));
}

static void queue_only(void)
{
	for (int i = 0; i < BATCH; i++)
		launch(stream);
}

static struct accel_graph *graph;

static void replays(void)
{
	for (int i = 0; i < ROUNDS / BATCH; i++) {
		check(accel_graph_launch(graph, stream));
		check(accel_stream_flush(stream));
	}
	check(accel_stream_wait(stream, ACCEL_FOREVER));
}

static void record(void)
{
	struct accel_stream *recording;

	check(accel_graph_create(context, &graph));
	check(accel_graph_record(graph, &recording));
	for (int i = 0; i < BATCH; i++)
		launch(recording);
	accel_stream_destroy(recording);
	check(accel_graph_instantiate(graph));
}

/* The first time is for caches, page faults and memory that is kept. */
static void measure(const char *name, void (*run)(void), unsigned int count)
{
	for (int round = 0; round < 2; round++) {
		begin();
		run();
		end(round ? name : "-", count);
		check(accel_stream_wait(stream, ACCEL_FOREVER));
	}
}

int main(int argc, char **argv)
{
	struct accel_device *device;
	struct accel_module *module;

	if (argc != 4 && argc != 5)
		die("usage: launch CARD VGEM NVME [FOLDER-FOR-MAPS]");
	check(accel_device_open(argv[1], &device));
	check(accel_context_create(device, &context));
	check(accel_stream_create(context, NULL, &stream));
	check(accel_module_load_file(context, "build/tests/bench/empty.egm", &module));
	check(accel_module_find(module, "empty", &empty));
	record();
	measure("queue", queue_only, BATCH);
	measure("submit", submit_only, ROUNDS);
	measure("round-trip", round_trip, ROUNDS);
	measure("pipelined", pipelined, ROUNDS);
	measure("batch", batches, ROUNDS);
	measure("each", each, ROUNDS);
	measure("graph", replays, ROUNDS);
	measure("shared", pipelined_shared, ROUNDS);
	measure_ioctl(argv[1]);
	measure_vgem(argv[2]);
	measure_nvme(argv[3]);
	if (argc == 5)
		write_maps(argv[4]);
	return 0;
}
