// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * More buffers than device memory: who is pushed out comes back, with its contents,
 * and nobody sees what others left. The machine has a card with little memory
 * (driver-evict.vm), so that it is quickly full.
 */
#include "egret_test.h"

#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xf86drm.h>

#define ANYWHERE	(DRM_EGRET_BO_VRAM | DRM_EGRET_BO_SYSTEM)
#define SECRET		0x5ec2e75ec2e75ec2ULL

/* Different for each buffer, each round and each word that is looked at. */
static uint64_t pattern(uint32_t bo, uint32_t round)
{
	return ((uint64_t)(bo + 1) << 32 | (round + 1)) * 0x9e3779b97f4a7c15ULL;
}

/* A bound buffer without a mapping. */
static struct bo bound_bo(struct client *c, uint64_t size, uint32_t placement, uint32_t vm)
{
	struct bo bo = bo_create(c->fd, size, placement, vm);

	bo.va = c->next_va;
	c->next_va += (size + 2 * LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
	CHECK_OK(vm_map(c->fd, c->vm, bo.handle, 0, bo.va, size, ACCESS_ALL));
	return bo;
}

static void fill(struct client *c, const struct bo *bo, uint64_t value)
{
	packet_fill(c, bo->va, bo->size, 8, value, EGRET_PKT_BARRIER);
}

/* Words of a buffer that are looked at: the ends, and some in each MiB. */
#define SAMPLES		64

/* Copy samples of @bo to @out, on the card. */
static void sample(struct client *c, const struct bo *bo, const struct bo *out, uint32_t index)
{
	uint64_t i, step = bo->size / SAMPLES;

	for (i = 0; i < SAMPLES; i++) {
		uint64_t at = i == SAMPLES - 1 ? bo->size - 8 : i * step + (i % 7) * PAGE % step;

		packet_copy(c, out->va + (index * SAMPLES + i) * 8, bo->va + at, 8,
			    i ? 0 : EGRET_PKT_BARRIER);
	}
}

static void check_samples(const struct bo *out, uint32_t index, uint64_t value)
{
	uint32_t i;

	for (i = 0; i < SAMPLES; i++)
		CHECK_EQ(out->u64[index * SAMPLES + i], value);
}

static uint64_t vram_size(int fd)
{
	return memory_info(fd).vram_total;
}

/*
 * Device memory that buffers can get if all others are pushed out, or a little less.
 * What the driver itself uses does not change much.
 */
static uint64_t vram_usable(int fd)
{
	struct drm_egret_memory_info info = memory_info(fd);

	return (info.vram_total - info.vram_total / 32 - info.vram_used_by_driver) & ~(MiB - 1);
}

/* ---- one address space -------------------------------------------------------- */

/* All of it is bound at the same time: some lives in system memory. */
static void test_twice_at_once(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, 64 * KiB, DRM_EGRET_BO_SYSTEM), bo[32];
	uint64_t size = 2 * vram_size(c.fd) / ARRAY_SIZE(bo);
	uint32_t i, round;

	for (i = 0; i < ARRAY_SIZE(bo); i++)
		bo[i] = bound_bo(&c, size, ANYWHERE, i % 2 ? c.vm : 0);
	for (round = 0; round < 6; round++) {
		for (i = 0; i < ARRAY_SIZE(bo); i++)
			fill(&c, &bo[i], pattern(i, round));
		CHECK_OK(run(&c));
		for (i = 0; i < ARRAY_SIZE(bo); i++) {
			sample(&c, &bo[i], &out, i % 4);
			if (i % 4 != 3)
				continue;
			CHECK_OK(run(&c));
			check_samples(&out, 0, pattern(i - 3, round));
			check_samples(&out, 3, pattern(i, round));
		}
	}
}

/* Device memory only: bound one after the other. */
static void test_twice_in_turn(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, 64 * KiB, DRM_EGRET_BO_SYSTEM), bo[16];
	uint64_t size = 2 * vram_size(c.fd) / ARRAY_SIZE(bo);
	uint64_t va = c.next_va;
	uint32_t i, round;

	for (i = 0; i < ARRAY_SIZE(bo); i++) {
		bo[i] = bo_create(c.fd, size, DRM_EGRET_BO_VRAM, i % 2 ? c.vm : 0);
		bo[i].va = va;
	}
	for (round = 0; round < 4; round++) {
		for (i = 0; i < ARRAY_SIZE(bo); i++) {
			CHECK_OK(vm_map(c.fd, c.vm, bo[i].handle, 0, va, size, ACCESS_ALL));
			sample(&c, &bo[i], &out, 0);
			fill(&c, &bo[i], pattern(i, round));
			CHECK_OK(run(&c));
			check_samples(&out, 0, round ? pattern(i, round - 1) : 0);
		}
	}
}

/* More than fits must be refused, and what is too much can be taken away. */
static void test_too_much(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, 64 * KiB, DRM_EGRET_BO_SYSTEM), bo[5];
	uint64_t size = vram_usable(c.fd) / 4 & ~(PAGE - 1);
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(bo); i++) {
		bo[i] = bound_bo(&c, size, DRM_EGRET_BO_VRAM, i % 2 ? c.vm : 0);
		if (i == 3) {
			for (uint32_t k = 0; k < 4; k++)
				fill(&c, &bo[k], pattern(k, 0));
			CHECK_OK(run(&c));
		}
	}
	CHECK_ERR(run(&c), ENOSPC);
	CHECK_ERR(run(&c), ENOSPC);
	/* Nothing was lost, and the queue is as good as before. */
	CHECK_OK(vm_unmap(c.fd, c.vm, bo[1].va, size));
	for (i = 0; i < ARRAY_SIZE(bo); i++)
		if (i != 1)
			sample(&c, &bo[i], &out, i);
	CHECK_OK(run(&c));
	for (i = 0; i < ARRAY_SIZE(bo); i++)
		if (i != 1)
			check_samples(&out, i, i == 4 ? 0 : pattern(i, 0));
	CHECK_OK(vm_unmap(c.fd, c.vm, bo[2].va, size));
	CHECK_OK(vm_map(c.fd, c.vm, bo[1].handle, 0, bo[1].va, size, ACCESS_ALL));
	sample(&c, &bo[1], &out, 1);
	CHECK_OK(run(&c));
	check_samples(&out, 1, pattern(1, 0));
}

/* ---- several processes ----------------------------------------------------------- */

#define PROCESS_BOS	8

/* Use half of the device memory again and again. */
static void process_work(uint32_t id, uint32_t rounds)
{
	struct client c = client_open(id % 2 ? DRM_EGRET_QUEUE_COPY : DRM_EGRET_QUEUE_COMPUTE);
	struct bo out = client_bo(&c, 64 * KiB, DRM_EGRET_BO_SYSTEM), bo[PROCESS_BOS];
	uint64_t size = vram_usable(c.fd) / 2 / PROCESS_BOS & ~(PAGE - 1);
	uint32_t i, round;

	for (i = 0; i < PROCESS_BOS; i++) {
		bo[i] = bound_bo(&c, size, DRM_EGRET_BO_VRAM, i % 4 ? c.vm : 0);
		fill(&c, &bo[i], pattern(id * 100 + i, 0));
	}
	CHECK_OK(run(&c));
	/* What is in one buffer goes to the next; the first gets something new. */
	for (round = 1; round <= rounds; round++) {
		for (i = PROCESS_BOS - 1; i; i--)
			packet_copy(&c, bo[i].va, bo[i - 1].va, size, EGRET_PKT_BARRIER);
		fill(&c, &bo[0], pattern(id * 100, round));
		for (i = 0; i < PROCESS_BOS; i++)
			sample(&c, &bo[i], &out, i);
		CHECK_OK(run(&c));
		for (i = 0; i < PROCESS_BOS; i++)
			check_samples(&out, i, i <= round ? pattern(id * 100, round - i) :
							    pattern(id * 100 + i - round, 0));
	}
}

static void test_processes(void)
{
	pid_t pid[4];
	uint32_t i;
	int status;

	for (i = 0; i < ARRAY_SIZE(pid); i++) {
		pid[i] = fork();
		CHECK(pid[i] >= 0);
		if (!pid[i]) {
			process_work(i, 10);
			_exit(0);
		}
	}
	for (i = 0; i < ARRAY_SIZE(pid); i++) {
		CHECK_EQ(waitpid(pid[i], &status, 0), pid[i]);
		CHECK_EQ(status, 0);
	}
}

/* ---- a shared buffer ----------------------------------------------------------------- */

/* Evicted for one, evicted for all who have bound it; each finds it again. */
static void test_shared(void)
{
	struct client a = client_open(DRM_EGRET_QUEUE_COPY);
	struct client b = client_open(DRM_EGRET_QUEUE_COPY);
	struct client other = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out_a = client_bo(&a, 64 * KiB, DRM_EGRET_BO_SYSTEM);
	struct bo out_b = client_bo(&b, 64 * KiB, DRM_EGRET_BO_SYSTEM);
	struct bo shared = bound_bo(&a, 8 * MiB, DRM_EGRET_BO_VRAM, 0), seen = shared;
	uint64_t size = vram_usable(a.fd);
	uint32_t round;
	int dmabuf;

	CHECK_OK(drmPrimeHandleToFD(a.fd, shared.handle, DRM_CLOEXEC | DRM_RDWR, &dmabuf));
	CHECK_OK(drmPrimeFDToHandle(b.fd, dmabuf, &seen.handle));
	close(dmabuf);
	CHECK_OK(vm_map(b.fd, b.vm, seen.handle, 0, seen.va, seen.size, ACCESS_ALL));
	for (round = 0; round < 4; round++) {
		struct bo rest;

		fill(&a, &shared, pattern(1, round));
		CHECK_OK(run(&a));
		rest = bound_bo(&other, size, DRM_EGRET_BO_VRAM, other.vm);
		fill(&other, &rest, SECRET);
		CHECK_OK(run(&other));
		sample(&b, &seen, &out_b, 0);
		CHECK_OK(run(&b));
		check_samples(&out_b, 0, pattern(1, round));
		sample(&a, &shared, &out_a, 0);
		CHECK_OK(run(&a));
		check_samples(&out_a, 0, pattern(1, round));
		CHECK_OK(vm_unmap(other.fd, other.vm, rest.va, rest.size));
		bo_close(other.fd, &rest);
	}
}

/* ---- who goes first ------------------------------------------------------------------- */

#define WORKING_BOS	3

/* Three eighths of the device memory; private buffers, shared ones, or some of each. */
static void working_set(struct client *c, struct bo *bo, uint32_t kind)
{
	uint64_t size = vram_usable(c->fd) / 8 & ~(PAGE - 1);
	uint32_t i;

	for (i = 0; i < WORKING_BOS; i++) {
		bool own = kind == 0 || (kind == 2 && i % 2);

		bo[i] = bound_bo(c, size, DRM_EGRET_BO_VRAM, own ? c->vm : 0);
		fill(c, &bo[i], pattern(i, 0));
	}
	CHECK_OK(run(c));
}

/* What is used is noted once in a tick of the kernel's clock. */
static void use(struct client *c)
{
	sleep_ms(50);
	CHECK_OK(run(c));
	sleep_ms(50);
}

/* A third client needs room: @idle makes it, not @active, whoever came first. */
static void check_goes_first(struct client *idle, struct client *active, uint32_t kind)
{
	struct client other = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo[WORKING_BOS];
	uint64_t size;

	use(idle);
	use(active);
	working_set(&other, bo, kind);
	size = WORKING_BOS * bo[0].size;
	CHECK_EQ(fdinfo(other.fd, "drm-resident-vram"), size);
	CHECK_EQ(fdinfo(active->fd, "drm-resident-vram"), size);
	CHECK(fdinfo(idle->fd, "drm-resident-vram") < size);
	client_close(&other);
}

static void test_idle_goes_first(void)
{
	uint32_t kind, i, round;

	for (kind = 0; kind < 3; kind++) {
		struct client c[2];
		struct bo bo[2][WORKING_BOS];

		for (i = 0; i < 2; i++) {
			c[i] = client_open(DRM_EGRET_QUEUE_COPY);
			working_set(&c[i], bo[i], kind);
		}
		for (round = 0; round < 4; round++)
			check_goes_first(&c[round % 2], &c[1 - round % 2], kind);
		for (i = 0; i < 2; i++)
			client_close(&c[i]);
	}
}

/* What is bound no longer is not used any more, although it belongs to who is at work. */
static void test_unbound_goes_first(void)
{
	struct client active = client_open(DRM_EGRET_QUEUE_COPY);
	struct client idle = client_open(DRM_EGRET_QUEUE_COPY);
	struct client other = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo[3][WORKING_BOS];
	uint64_t size;

	working_set(&active, bo[0], 0);
	working_set(&idle, bo[1], 0);
	size = WORKING_BOS * bo[0][0].size;
	use(&active);
	CHECK_OK(vm_unmap(active.fd, active.vm, bo[0][1].va, bo[0][1].size));
	use(&idle);
	use(&active);
	working_set(&other, bo[2], 0);
	CHECK_EQ(fdinfo(idle.fd, "drm-resident-vram"), size);
	CHECK(fdinfo(active.fd, "drm-resident-vram") < size);
	/* Bound again, it is back with the next job, and its contents are. */
	client_close(&other);
	CHECK_OK(vm_map(active.fd, active.vm, bo[0][1].handle, 0, bo[0][1].va, bo[0][1].size,
			ACCESS_ALL));
	CHECK_EQ(fdinfo(active.fd, "drm-resident-vram"), size);
	bo[2][0] = client_bo(&active, 64 * KiB, DRM_EGRET_BO_SYSTEM);
	sample(&active, &bo[0][1], &bo[2][0], 0);
	CHECK_OK(run(&active));
	check_samples(&bo[2][0], 0, pattern(1, 0));
}

/* ---- mappings -------------------------------------------------------------------------- */

struct writer {
	pthread_t thread;
	struct bo *bo;
	_Atomic uint64_t rounds;
	_Atomic bool stop;
};

/* Each word of some pages counts up, and must be what was written last. */
static void *write_and_check(void *data)
{
	struct writer *w = data;
	uint64_t words = w->bo->size / (PAGE / 2) - 1, round, i;

	for (round = 1; !w->stop; round++) {
		for (i = 0; i < words; i++) {
			volatile uint64_t *word = w->bo->u64 + i * (PAGE / 16);

			CHECK_EQ(*word, round - 1 ? (round - 1) * 1000003 + i : 0);
			*word = round * 1000003 + i;
		}
		w->rounds = round;
	}
	return NULL;
}

static void test_mapping_moves(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY), other = client_open(0);
	struct bo bo = client_bo(&c, 4 * MiB, DRM_EGRET_BO_VRAM);
	struct writer w = { .bo = &bo };
	uint64_t size = vram_usable(c.fd), before, i;
	uint32_t round;

	CHECK_OK(pthread_create(&w.thread, NULL, write_and_check, &w));
	for (round = 0; round < 12; round++) {
		struct bo rest = bound_bo(&other, size, DRM_EGRET_BO_VRAM, 0);

		CHECK_OK(run(&other));
		CHECK_OK(vm_unmap(other.fd, other.vm, rest.va, rest.size));
		bo_close(other.fd, &rest);
		/* It comes back. */
		CHECK_OK(run(&c));
		before = w.rounds;
		while (w.rounds == before)
			sleep_ms(1);
	}
	w.stop = true;
	CHECK_OK(pthread_join(w.thread, NULL));
	/* The card sees what the host wrote, wherever. */
	for (i = 0; i < bo.size / PAGE; i += 97) {
		struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);

		packet_copy(&c, out.va, bo.va + i * PAGE, 8, 0);
		CHECK_OK(run(&c));
		CHECK_EQ(out.u64[0], w.rounds * 1000003 + 2 * i);
	}
}

/* ---- nothing of others ------------------------------------------------------------------- */

/* Leave something in all device memory, and in as much system memory, and be gone. */
static void leave_everywhere(uint64_t value)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	uint64_t size = vram_usable(c.fd) / 4 & ~(PAGE - 1);
	struct bo bo[8];
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(bo); i++) {
		bo[i] = bo_create(c.fd, size, i % 2 ? DRM_EGRET_BO_VRAM : ANYWHERE, c.vm);
		bo[i].va = c.next_va;
		CHECK_OK(vm_map(c.fd, c.vm, bo[i].handle, 0, bo[i].va, size, ACCESS_ALL));
		fill(&c, &bo[i], value);
		CHECK_OK(run(&c));
		CHECK_OK(vm_unmap(c.fd, c.vm, bo[i].va, size));
	}
	client_close(&c);
}

static void check_zero(const volatile uint64_t *words, uint64_t size)
{
	uint64_t i;

	for (i = 0; i < size / 8; i++)
		CHECK_EQ(words[i], 0);
}

/* Look at a new buffer at once in one of the ways there are. */
static void look(struct client *c, uint32_t placement, uint64_t size, bool by_card, bool shared)
{
	struct bo bo = bound_bo(c, size, placement, shared ? 0 : c->vm);

	if (by_card) {
		struct bo out = client_bo(c, size, DRM_EGRET_BO_SYSTEM);

		/* So that it is not zero by itself. */
		memset(out.map, 0xff, size);
		packet_copy(c, out.va, bo.va, size, 0);
		CHECK_OK(run(c));
		check_zero(out.u64, size);
		CHECK_OK(vm_unmap(c->fd, c->vm, out.va, size));
		bo_close(c->fd, &out);
	} else {
		bo_map(c->fd, &bo);
		check_zero(bo.u64, size);
	}
	CHECK_OK(vm_unmap(c->fd, c->vm, bo.va, size));
	bo_close(c->fd, &bo);
}

static void test_no_old_bytes(void)
{
	static const uint32_t placements[] = {
		DRM_EGRET_BO_VRAM, DRM_EGRET_BO_SYSTEM, ANYWHERE,
	};
	uint32_t i, p;

	for (i = 0; i < 4; i++) {
		struct client c;

		leave_everywhere(SECRET);
		c = client_open(DRM_EGRET_QUEUE_COPY);
		for (p = 0; p < ARRAY_SIZE(placements); p++) {
			look(&c, placements[p], vram_usable(c.fd) / 4 & ~(PAGE - 1), i % 2,
			     i / 2);
			/* Small ones are cleared in another way. */
			look(&c, placements[p], 12 * KiB, i % 2, i / 2);
		}
		client_close(&c);
	}
}

/* Page tables are made where somebody left what looks like their entries. */
static void test_no_old_entries(void)
{
	uint32_t i;

	leave_everywhere(EGRET_PTE_VALID | EGRET_PTE_READ | EGRET_PTE_WRITE);
	for (i = 0; i < 8; i++) {
		struct client c = client_open(DRM_EGRET_QUEUE_COPY);
		struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
		struct bo bo = bound_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM, 0);

		CHECK_EQ(peek(&c, &out, bo.va), 0);
		/* Beside it, with the same tables as it, and with others. */
		CHECK_EQ(peek(&c, &out, bo.va + PAGE), -1);
		CHECK_EQ(peek(&c, &out, bo.va + 7 * LARGE_PAGE), -1);
		client_close(&c);
	}
}

/* The same while the former owner is alive and is being pushed out. */
static void test_no_old_bytes_of_the_living(void)
{
	struct client victim = client_open(DRM_EGRET_QUEUE_COPY);
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&victim, 64 * KiB, DRM_EGRET_BO_SYSTEM), bo[4];
	uint64_t size = vram_usable(c.fd) / 4 & ~(PAGE - 1);
	uint32_t i, round;

	for (i = 0; i < ARRAY_SIZE(bo); i++) {
		bo[i] = bound_bo(&victim, size, DRM_EGRET_BO_VRAM, i % 2 ? victim.vm : 0);
		fill(&victim, &bo[i], SECRET);
	}
	for (round = 0; round < 8; round++) {
		CHECK_OK(run(&victim));
		look(&c, DRM_EGRET_BO_VRAM, size, round % 2, round / 2 % 2);
		look(&c, DRM_EGRET_BO_VRAM, 12 * KiB, round % 2, round / 2 % 2);
		for (i = 0; i < ARRAY_SIZE(bo); i++)
			sample(&victim, &bo[i], &out, i);
	}
	CHECK_OK(run(&victim));
	for (i = 0; i < ARRAY_SIZE(bo); i++)
		check_samples(&out, i, SECRET);
}

/* ---- statistics --------------------------------------------------------------------------- */

static void test_fdinfo(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY), other = client_open(0);
	struct bo bo = bound_bo(&c, 8 * MiB, DRM_EGRET_BO_VRAM, 0), rest;
	uint64_t system = fdinfo(c.fd, "drm-resident-system");

	CHECK_OK(run(&c));
	CHECK_EQ(fdinfo(c.fd, "drm-total-vram"), bo.size);
	CHECK_EQ(fdinfo(c.fd, "drm-resident-vram"), bo.size);
	rest = bound_bo(&other, vram_usable(c.fd), DRM_EGRET_BO_VRAM, 0);
	CHECK_EQ(fdinfo(c.fd, "drm-total-vram"), bo.size);
	CHECK_EQ(fdinfo(c.fd, "drm-resident-vram"), 0);
	CHECK_EQ(fdinfo(c.fd, "drm-resident-system"), system + bo.size);
	CHECK_OK(vm_unmap(other.fd, other.vm, rest.va, rest.size));
	bo_close(other.fd, &rest);
	CHECK_OK(run(&c));
	CHECK_EQ(fdinfo(c.fd, "drm-resident-vram"), bo.size);
	CHECK_EQ(fdinfo(c.fd, "drm-resident-system"), system);
}

/* What the driver tells of a move that was the last one, in debugfs. */
static unsigned long long moves_ended(void)
{
	unsigned long long moves = 0;
	char line[256];
	glob_t found;
	FILE *f;

	CHECK_OK(glob("/sys/kernel/debug/accel/*/memory", 0, NULL, &found));
	f = fopen(found.gl_pathv[0], "r");
	globfree(&found);
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "moves ended: %llu", &moves) == 1)
			break;
	fclose(f);
	return moves;
}

static void test_debugfs(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	unsigned long long before = moves_ended();
	struct bo bo = client_bo(&c, 8 * MiB, DRM_EGRET_BO_VRAM);

	/* It was cleared. */
	CHECK_EQ(bo.u64[0], 0);
	CHECK(moves_ended() > before);
}

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("twice the device memory, at once", test_twice_at_once, 120),
		TEST_LONG("twice the device memory, in turn", test_twice_in_turn, 120),
		TEST_LONG("too much at once", test_too_much, 120),
		TEST_LONG("several processes", test_processes, 240),
		TEST_LONG("a shared buffer", test_shared, 120),
		TEST_LONG("who was idle for longest goes first", test_idle_goes_first, 120),
		TEST_LONG("what is not bound goes first", test_unbound_goes_first, 60),
		TEST_LONG("mappings of buffers that move", test_mapping_moves, 240),
		TEST_LONG("nothing of former owners", test_no_old_bytes, 240),
		TEST_LONG("page tables have nothing of former owners", test_no_old_entries, 120),
		TEST_LONG("nothing of owners that are pushed out",
			  test_no_old_bytes_of_the_living, 240),
		TEST_LONG("fdinfo", test_fdinfo, 60),
		TEST("debugfs", test_debugfs),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
