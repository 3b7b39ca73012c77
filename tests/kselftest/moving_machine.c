// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Jobs that are in the card when their machine goes on elsewhere. Run by
 * tests/vmrun/driver-migration, with --in-memory (tests/vm/run tells what can be asked
 * for there). Neither this program's jobs nor the driver are told of it.
 *
 * Each round has a kernel in the card, four of whose workgroups run and wait for a word of
 * this program; behind it a copy of its results, which waits for it by a fence in memory; and
 * a job that the driver itself holds back, for a sync object.
 */
#include "egret_test.h"

#include <fcntl.h>
#include <unistd.h>

#define GROUPS	16
#define SIZE	(2 * MiB)

/*
 * data[16 + x] = 1, wait until flag >= value, data[x] += 1000; with arguments
 * { data, flag, value }.
 */
static const uint32_t code[] = {
	0x00053603,	/*    ld   a2, 0(a0) */
	0x00853683,	/*    ld   a3, 8(a0) */
	0x01053703,	/*    ld   a4, 16(a0) */
	0x00359793,	/*    slli a5, a1, 3 */
	0x00f60633,	/*    add  a2, a2, a5 */
	0x00100813,	/*    li   a6, 1 */
	0x09063023,	/*    sd   a6, 128(a2) */
	0x0006b783,	/* 1: ld   a5, 0(a3) */
	0xfee7eee3,	/*    bltu a5, a4, 1b */
	0x00063803,	/*    ld   a6, 0(a2) */
	0x3e880813,	/*    addi a6, a6, 1000 */
	0x01063023,	/*    sd   a6, 0(a2) */
	0x00008067,	/*    ret */
};

struct work {
	struct client compute;
	struct client copy;
	struct client held;
	struct bo text;		/* code, arguments */
	struct bo data;		/* in device memory */
	struct bo result;	/* in system memory: data, copied */
	struct bo flag;
	uint32_t computed;
	uint32_t copied;
	uint32_t filled;
	uint32_t rounds;
};

static struct work begin(void)
{
	struct work w = { .compute = client_open(DRM_EGRET_QUEUE_COMPUTE) };
	uint32_t i;

	w.copy = client_fork(&w.compute, DRM_EGRET_QUEUE_COPY);
	w.held = client_fork(&w.compute, DRM_EGRET_QUEUE_COPY);
	w.text = client_bo(&w.compute, PAGE, DRM_EGRET_BO_VRAM);
	w.data = client_bo(&w.compute, SIZE, DRM_EGRET_BO_VRAM);
	w.result = client_bo(&w.compute, SIZE, DRM_EGRET_BO_SYSTEM);
	w.flag = client_bo(&w.compute, PAGE, DRM_EGRET_BO_SYSTEM);
	for (i = 0; i < ARRAY_SIZE(code); i++)
		w.text.u32[i] = code[i];
	w.text.u64[64] = w.data.va;
	w.text.u64[65] = w.flag.va;
	for (i = 0; i < SIZE / 8; i++)
		w.data.u64[i] = i < 2 * GROUPS ? 0 : i * 0x9e3779b97f4a7c15ULL;
	return w;
}

/* Returns when the workgroups run. */
static void start_round(struct work *w)
{
	struct drm_egret_sync syncs[2];
	union egret_packet *p;
	uint32_t i;

	w->rounds++;
	w->text.u64[66] = w->rounds;
	w->computed = syncobj_create(w->compute.fd);
	w->copied = syncobj_create(w->compute.fd);
	w->filled = syncobj_create(w->compute.fd);
	for (i = 0; i < GROUPS; i++)
		w->data.u64[GROUPS + i] = 0;

	p = (union egret_packet *)w->compute.cmd.map + w->compute.packets;
	packet_dispatch(&w->compute, w->text.va, GROUPS, w->rounds);
	p->dispatch.args = w->text.va + 512;
	p->dispatch.args_size = 24;
	packet_fence(&w->compute, w->flag.va + 64, w->rounds);
	syncs[0] = sync_signal(w->computed, 0);
	CHECK_OK(submit(&w->compute, syncs, 1));

	packet_wait(&w->copy, w->flag.va + 64, w->rounds);
	packet_copy(&w->copy, w->result.va, w->data.va, SIZE, 0);
	syncs[0] = sync_signal(w->copied, 0);
	CHECK_OK(submit(&w->copy, syncs, 1));

	packet_fill(&w->held, w->flag.va + 128, 8, 8, w->rounds, 0);
	syncs[0] = sync_wait(w->copied, 0);
	syncs[1] = sync_signal(w->filled, 0);
	CHECK_OK(submit(&w->held, syncs, 2));

	for (i = 0; i < 4; i++)
		while (!w->data.u64[GROUPS + i])
			sleep_ms(1);
}

static void finish_round(struct work *w)
{
	uint32_t i;

	CHECK_EQ(syncobj_status(w->compute.fd, w->computed), 0);
	CHECK_EQ(syncobj_status(w->compute.fd, w->copied), 0);
	CHECK_EQ(w->flag.u64[16], w->rounds - 1);
	CHECK_EQ(w->data.u64[GROUPS + GROUPS - 1], 0);
	CHECK_EQ(queue_query(w->compute.fd, w->compute.queue).state, DRM_EGRET_QUEUE_OK);
	w->flag.u64[0] = w->rounds;
	CHECK_OK(syncobj_wait(w->compute.fd, w->filled, 0, 60000));
	/* The copy waits for the computing in the card: the driver may hear of it first. */
	CHECK_OK(syncobj_wait(w->compute.fd, w->computed, 0, 60000));
	CHECK_EQ(syncobj_status(w->compute.fd, w->computed), 1);
	CHECK_EQ(syncobj_status(w->compute.fd, w->copied), 1);
	CHECK_EQ(syncobj_status(w->compute.fd, w->filled), 1);
	CHECK_EQ(w->flag.u64[16], w->rounds);
	for (i = 0; i < GROUPS; i++)
		CHECK_EQ(w->result.u64[i], 1000 * w->rounds);
	for (i = 2 * GROUPS; i < SIZE / 8; i++)
		CHECK_EQ(w->result.u64[i], i * 0x9e3779b97f4a7c15ULL);
	memset(w->result.map, 0, SIZE);
}

/* Ask for something that happens to the machine; the answer may be another machine's. */
static void ask(const char *what, char *answer, size_t size)
{
	int fd = open("/dev/virtio-ports/control", O_RDWR);
	ssize_t n;

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, what, strlen(what)), strlen(what));
	n = read(fd, answer, size - 1);
	CHECK(n > 0);
	answer[n] = 0;
	close(fd);
}

int main(void)
{
	struct work w = begin();
	char answer[32];
	int i;

	printf("TAP version 13\n1..3\n");
	for (i = 0; i < 2; i++) {
		start_round(&w);
		ask("move\n", answer, sizeof(answer));
		CHECK(!strcmp(answer, "moved\n"));
		finish_round(&w);
	}
	printf("ok 1 - jobs go on in another machine\n");

	start_round(&w);
	ask("snapshot\n", answer, sizeof(answer));
	finish_round(&w);
	if (!strcmp(answer, "saved\n")) {
		/* There is more of it now than there will have been. */
		start_round(&w);
		printf("# back to before the job has ended\n");
		ask("rewind\n", answer, sizeof(answer));
		CHECK(false);
	}
	CHECK(!strcmp(answer, "rewound\n"));
	CHECK_EQ(w.rounds, 3);
	printf("ok 2 - a machine goes back to the middle of a job\n");

	start_round(&w);
	finish_round(&w);
	CHECK_EQ(counters(w.compute.fd).faults, 0);
	client_close(&w.held);
	client_close(&w.copy);
	client_close(&w.compute);
	printf("ok 3 - and works on\n");
	return 0;
}
