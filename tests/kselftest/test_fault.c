// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Faults: what is reported, who notices, who does not. */
#include "egret_test.h"

#include <sys/wait.h>
#include <unistd.h>

static void check_dead(struct client *c, uint32_t code)
{
	struct drm_egret_queue_query q = queue_query(c->fd, c->queue);

	CHECK_EQ(q.state, DRM_EGRET_QUEUE_DEAD_FAULT);
	CHECK_EQ(q.fault_code, code);
	CHECK_EQ(q.jobs_completed, q.jobs_submitted);
	CHECK_ERR(submit(c, NULL, 0), ECANCELED);
	CHECK_EQ(queue_query(c->fd, c->queue).jobs_submitted, q.jobs_submitted);
}

static uint32_t fault_field(uint32_t info, uint32_t mask)
{
	return (info & mask) / (mask & -mask);
}

static void test_unmapped(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);
	struct drm_egret_queue_query q;
	uint64_t bad = bo.va + PAGE + 0x123;

	packet(&c, EGRET_OP_NOP, 0);
	packet_copy(&c, bo.va, bad, 8, 0);
	CHECK_EQ(run(&c), -ECANCELED);
	check_dead(&c, EGRET_FAULT_MMU_UNMAPPED);
	q = queue_query(c.fd, c.queue);
	CHECK_EQ(q.fault_addr, bad);
	CHECK_EQ(q.fault_pc, c.cmd.va + EGRET_PACKET_SIZE);
	CHECK_EQ(fault_field(q.fault_info, EGRET_FAULT_INFO_UNIT_MASK), EGRET_UNIT_COPY);
	CHECK_EQ(fault_field(q.fault_info, EGRET_FAULT_INFO_ACCESS_MASK), EGRET_ACCESS_READ);
	CHECK_EQ(q.pad2, 0);
}

static void test_bad_packets(void)
{
	static const struct {
		uint8_t opcode, flags, word;
		uint32_t value, code;
	} cases[] = {
		{ 0x0a, 0, 0, 0, EGRET_FAULT_PKT_OPCODE },
		{ 0xff, 0, 0, 0, EGRET_FAULT_PKT_OPCODE },
		{ EGRET_OP_DISPATCH, 0, 0, 0, EGRET_FAULT_PKT_OPCODE },
		{ EGRET_OP_NOP, 0x80, 0, 0, EGRET_FAULT_PKT_RESERVED },
		{ EGRET_OP_NOP, 0, 15, 1, EGRET_FAULT_PKT_RESERVED },
		{ EGRET_OP_BARRIER, 0, 7, 0x80000000, EGRET_FAULT_PKT_RESERVED },
		{ EGRET_OP_FENCE, 0, 1, 1, EGRET_FAULT_PKT_RESERVED },
		{ EGRET_OP_FENCE, 0, 2, 4, EGRET_FAULT_PKT_FIELD },
		{ EGRET_OP_COPY, 0, 0, 0, EGRET_FAULT_PKT_FIELD },
		{ EGRET_OP_FILL, 0, 1, 3, EGRET_FAULT_PKT_FIELD },
		{ EGRET_OP_CALL, 0, 2, 8, EGRET_FAULT_PKT_FIELD },
	};
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		union egret_packet *p = packet(&c, cases[i].opcode, cases[i].flags);

		if (cases[i].word)
			p->words[cases[i].word] = cases[i].value;
		CHECK_EQ(run(&c), -ECANCELED);
		check_dead(&c, cases[i].code);
		CHECK_OK(queue_destroy(c.fd, c.queue));
		c.queue = queue_create(c.fd, c.vm, DRM_EGRET_QUEUE_COPY);
	}
}

static void test_call_depth(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	union egret_packet *p = packet(&c, EGRET_OP_CALL, 0);

	p->call.addr = c.cmd.va;
	p->call.count = 1;
	CHECK_EQ(run(&c), -ECANCELED);
	check_dead(&c, EGRET_FAULT_CALL_DEPTH);
}

static void run_code(uint32_t instruction, uint32_t code)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COMPUTE);
	struct bo text = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);
	struct drm_egret_queue_query q;

	text.u32[0] = 0x00150513;	/* addi a0, a0, 1 */
	text.u32[1] = instruction;
	packet_dispatch(&c, text.va, 1, 0xc0ffee);
	CHECK_EQ(run(&c), -ECANCELED);
	check_dead(&c, code);
	q = queue_query(c.fd, c.queue);
	CHECK_EQ(q.fault_pc, text.va + 4);
	CHECK_EQ(q.fault_cookie, 0xc0ffee);
	CHECK_EQ(fault_field(q.fault_info, EGRET_FAULT_INFO_UNIT_MASK), EGRET_UNIT_HART);
	CHECK_EQ(q.fault_group[0], 0);
}

static void test_kernels(void)
{
	run_code(0x00000000, EGRET_FAULT_INSN_ILLEGAL);
	run_code(0x00100073, EGRET_FAULT_ABORT);		/* ebreak */
	run_code(0x00003023, EGRET_FAULT_LOCAL);		/* sd zero, 0(zero) */
}

static void test_not_executable(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COMPUTE);
	struct bo text = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);

	text.u32[0] = 0x00008067;	/* ret */
	packet_dispatch(&c, text.va, 1, 0);
	CHECK_OK(run(&c));
	CHECK_OK(vm_map(c.fd, c.vm, text.handle, 0, text.va, PAGE,
			DRM_EGRET_BIND_READ | DRM_EGRET_BIND_WRITE));
	packet_dispatch(&c, text.va, 1, 0);
	CHECK_EQ(run(&c), -ECANCELED);
	check_dead(&c, EGRET_FAULT_MMU_PERMISSION);
}

/* Jobs behind the one that faults are cancelled; those before it are done. */
static void test_pending_jobs(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t done[6], i;
	struct drm_egret_sync sync;

	for (i = 0; i < ARRAY_SIZE(done); i++) {
		if (i == 0)
			packet_wait(&c, bo.va, 1);
		if (i == 2)
			packet(&c, 0x77, 0);
		packet_fence(&c, bo.va + 8, i + 1);
		done[i] = syncobj_create(c.fd);
		sync = sync_signal(done[i], 0);
		CHECK_OK(submit(&c, &sync, 1));
	}
	bo.u64[0] = 1;
	for (i = 0; i < ARRAY_SIZE(done); i++) {
		CHECK_OK(syncobj_wait(c.fd, done[i], 0, 5000));
		CHECK_EQ(syncobj_status(c.fd, done[i]), i < 2 ? 1 : -ECANCELED);
	}
	CHECK_EQ(bo.u64[1], 2);
	check_dead(&c, EGRET_FAULT_PKT_OPCODE);
}

/* A job that waited for one that was cancelled runs nonetheless. */
static void test_dependent_job(void)
{
	struct client a = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&a, PAGE, DRM_EGRET_BO_SYSTEM);
	struct client b = client_fork(&a, DRM_EGRET_QUEUE_COPY);
	uint32_t first = syncobj_create(a.fd), second = syncobj_create(a.fd);
	struct drm_egret_sync syncs[2];

	packet_wait(&a, bo.va, 1);
	packet(&a, 0x77, 0);
	syncs[0] = sync_signal(first, 0);
	CHECK_OK(submit(&a, syncs, 1));
	packet_fence(&b, bo.va + 8, 5);
	syncs[0] = sync_wait(first, 0);
	syncs[1] = sync_signal(second, 0);
	CHECK_OK(submit(&b, syncs, 2));
	bo.u64[0] = 1;
	CHECK_OK(syncobj_wait(a.fd, second, 0, 5000));
	CHECK_EQ(syncobj_status(a.fd, first), -ECANCELED);
	CHECK_EQ(syncobj_status(a.fd, second), 1);
	CHECK_EQ(bo.u64[1], 5);
}

/* Copy and check for a while, as an innocent neighbour. */
static void work_on(unsigned int rounds)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo src = client_bo(&c, 256 * KiB, DRM_EGRET_BO_SYSTEM);
	struct bo dst = client_bo(&c, 256 * KiB, DRM_EGRET_BO_VRAM);
	uint64_t i;

	while (rounds--) {
		for (i = 0; i < src.size / 8; i++)
			src.u64[i] = rounds * 31 + i;
		packet_copy(&c, dst.va, src.va, src.size, 0);
		CHECK_OK(run(&c));
		for (i = 0; i < src.size / 8; i++)
			CHECK_EQ(dst.u64[i], rounds * 31 + i);
	}
	CHECK_EQ(queue_query(c.fd, c.queue).state, DRM_EGRET_QUEUE_OK);
}

static void test_neighbours(void)
{
	pid_t pid[2];
	uint32_t i, n;
	int status;

	for (n = 0; n < ARRAY_SIZE(pid); n++) {
		pid[n] = fork();
		CHECK(pid[n] >= 0);
		if (!pid[n]) {
			work_on(60);
			_exit(0);
		}
	}
	for (i = 0; i < 40; i++) {
		struct client c = client_open(i % 2);

		if (i % 3)
			packet_fill(&c, TEST_VA - PAGE, 8, 8, 0, 0);
		else
			packet(&c, 0x99, 0);
		CHECK_EQ(run(&c), -ECANCELED);
		client_close(&c);
	}
	for (n = 0; n < ARRAY_SIZE(pid); n++) {
		CHECK_EQ(waitpid(pid[n], &status, 0), pid[n]);
		CHECK_EQ(status, 0);
	}
}

/* Another queue of the same address space goes on, too. */
static void test_sibling(void)
{
	struct client a = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&a, PAGE, DRM_EGRET_BO_VRAM);
	struct client b = client_fork(&a, DRM_EGRET_QUEUE_COPY);

	packet(&a, 0x77, 0);
	CHECK_EQ(run(&a), -ECANCELED);
	packet_fence(&b, bo.va, 9);
	CHECK_OK(run(&b));
	CHECK_EQ(bo.u64[0], 9);
	CHECK_EQ(queue_query(b.fd, b.queue).state, DRM_EGRET_QUEUE_OK);
	check_dead(&a, EGRET_FAULT_PKT_OPCODE);
}

/* ---- tracepoints ------------------------------------------------------------- */

#define TRACING	"/sys/kernel/tracing/"

static bool trace_has(const char *what)
{
	char line[512];
	bool found = false;
	FILE *f = fopen(TRACING "trace", "r");

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, what))
			found = true;
	fclose(f);
	return found;
}

static void test_tracepoints(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	char what[128];

	if (access(TRACING "events/egret", F_OK))
		test_skip("this kernel has no tracing");
	write_text(TRACING "trace", "");
	write_text(TRACING "events/egret/enable", "1");
	packet_fence(&c, bo.va, 1);
	CHECK_OK(run(&c));
	packet(&c, 0x55, 0);
	CHECK_EQ(run(&c), -ECANCELED);
	CHECK_OK(vm_unmap(c.fd, c.vm, bo.va, PAGE));
	write_text(TRACING "events/egret/enable", "0");
	CHECK(trace_has("egret_job_run:"));
	CHECK(trace_has("egret_job_end:"));
	CHECK(trace_has("seqno=2 cancelled"));
	CHECK(trace_has("reason=fault"));
	snprintf(what, sizeof(what), "code=%#x info=", EGRET_FAULT_PKT_OPCODE);
	CHECK(trace_has(what));
	snprintf(what, sizeof(what), "unmap va=%#llx size=0x1000", (unsigned long long)bo.va);
	CHECK(trace_has(what));
}

int main(void)
{
	static const struct test tests[] = {
		TEST("unmapped address", test_unmapped),
		TEST("bad packets", test_bad_packets),
		TEST("too many nested calls", test_call_depth),
		TEST("kernels", test_kernels),
		TEST("code that is not executable", test_not_executable),
		TEST("pending jobs", test_pending_jobs),
		TEST("a job that depends on a cancelled one", test_dependent_job),
		TEST("a sibling goes on", test_sibling),
		TEST_LONG("neighbours go on", test_neighbours, 90),
		TEST("tracepoints", test_tracepoints),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
