// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Everything at once: threads that share files create, use and destroy whatever
 * they find, with good and bad arguments. What the calls return does not matter;
 * the kernel has to survive, to hang nowhere, and to keep nothing.
 */
#include "egret_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xf86drm.h>

#define SLOTS		8
#define THREADS		6
#define SECONDS		8
#define SIZE		(4 * MiB)

/* A file with objects that all threads use. A slot may be outdated at any time. */
struct shared {
	int fd;
	_Atomic uint32_t vm[SLOTS];
	_Atomic uint32_t bo[SLOTS];
	_Atomic uint32_t queue[SLOTS];
	_Atomic uint32_t syncobj[SLOTS];
	_Atomic bool stop;
};

struct worker {
	struct shared *s;
	uint64_t random;
	unsigned long calls;
};

static uint32_t draw(struct worker *w, uint32_t n)
{
	w->random = w->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (w->random >> 33) % n;
}

/* Mostly small and aligned, sometimes anything. */
static uint64_t draw_size(struct worker *w)
{
	if (!draw(w, 40))
		return w->random;
	return (draw(w, 1024) + 1) * PAGE;
}

static uint64_t draw_va(struct worker *w)
{
	if (!draw(w, 40))
		return w->random;
	return TEST_VA + draw(w, 2048) * PAGE;
}

static void do_bo(struct worker *w)
{
	struct shared *s = w->s;
	uint32_t slot = draw(w, SLOTS), handle;
	uint64_t size = draw(w, 4) ? SIZE : draw_size(w);
	uint32_t vm = draw(w, 2) ? s->vm[draw(w, SLOTS)] : 0;
	struct drm_gem_close close_args = {};

	if (bo_try_create(s->fd, size, draw(w, 4), vm, &handle))
		return;
	close_args.handle = atomic_exchange(&s->bo[slot], handle);
	if (close_args.handle)
		card_ioctl(s->fd, DRM_IOCTL_GEM_CLOSE, &close_args);
}

static void do_map(struct worker *w)
{
	struct drm_egret_bo_mmap_offset args = { .handle = w->s->bo[draw(w, SLOTS)] };
	volatile uint64_t *map;
	uint32_t i;

	if (card_ioctl(w->s->fd, DRM_IOCTL_EGRET_BO_MMAP_OFFSET, &args))
		return;
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, w->s->fd, args.offset);
	if (map == MAP_FAILED)
		return;
	/* Packets, of a kind: NOP, FENCE, FILL, a bad one. */
	for (i = 0; i < 64; i++) {
		uint64_t at = draw(w, SIZE / 64) * 8;

		map[at] = draw(w, 8) ? 0 : draw(w, 12);
		map[at + 1] = draw(w, 8) ? 0 : draw_va(w);
	}
	munmap((void *)map, SIZE);
}

static void do_vm(struct worker *w)
{
	struct shared *s = w->s;
	struct drm_egret_vm_create args = {};
	uint32_t slot = draw(w, SLOTS), old;

	if (draw(w, 4))
		return;
	if (!card_ioctl(s->fd, DRM_IOCTL_EGRET_VM_CREATE, &args)) {
		old = atomic_exchange(&s->vm[slot], args.vm_id);
		if (old)
			vm_destroy(s->fd, old);
	}
}

static void do_bind(struct worker *w)
{
	struct drm_egret_bind_op ops[8] = {};
	uint32_t n = draw(w, 8) + 1, i;

	for (i = 0; i < n; i++) {
		ops[i].op = draw(w, 3) ? DRM_EGRET_BIND_MAP : DRM_EGRET_BIND_UNMAP;
		ops[i].va = draw_va(w);
		ops[i].size = draw_size(w);
		if (ops[i].op != DRM_EGRET_BIND_MAP)
			continue;
		ops[i].flags = draw(w, 20) ? ACCESS_ALL : draw(w, 16);
		ops[i].handle = w->s->bo[draw(w, SLOTS)];
		ops[i].offset = draw(w, 4) ? 0 : draw(w, 1024) * PAGE;
		if (!draw(w, 3)) {
			/* Large pages. */
			ops[i].va &= ~(LARGE_PAGE - 1);
			ops[i].size = SIZE;
			ops[i].offset = 0;
		}
	}
	vm_bind_ops(w->s->fd, w->s->vm[draw(w, SLOTS)], ops, n);
}

static void do_queue(struct worker *w)
{
	struct shared *s = w->s;
	struct drm_egret_queue_create args = {
		.vm_id = s->vm[draw(w, SLOTS)],
		.type = draw(w, 2),
		.priority = draw(w, 4),
	};
	uint32_t slot = draw(w, SLOTS), old;

	if (draw(w, 3) || card_ioctl(s->fd, DRM_IOCTL_EGRET_QUEUE_CREATE, &args))
		return;
	old = atomic_exchange(&s->queue[slot], args.queue_id);
	if (old)
		queue_destroy(s->fd, old);
}

static void do_exec(struct worker *w)
{
	struct shared *s = w->s;
	struct drm_egret_call calls[4];
	struct drm_egret_sync syncs[4];
	uint32_t num_calls = draw(w, 5), num_syncs = draw(w, 5), i;

	for (i = 0; i < num_calls; i++)
		calls[i] = (struct drm_egret_call) {
			.va = draw_va(w),
			.count = draw(w, 8) + 1,
		};
	for (i = 0; i < num_syncs; i++) {
		uint32_t handle = s->syncobj[draw(w, SLOTS)];
		uint64_t point = draw(w, 2) ? 0 : draw(w, 1000) + 1;

		syncs[i] = draw(w, 2) ? sync_wait(handle, point) : sync_signal(handle, point);
	}
	exec_calls(s->fd, s->queue[draw(w, SLOTS)], calls, num_calls, syncs, num_syncs);
}

static void do_query(struct worker *w)
{
	struct drm_egret_queue_query args = { .queue_id = w->s->queue[draw(w, SLOTS)] };
	struct drm_egret_memory_info info = memory_info(w->s->fd);
	char line[256], path[64];
	FILE *f;

	CHECK(info.vram_used <= info.vram_total);
	if (!card_ioctl(w->s->fd, DRM_IOCTL_EGRET_QUEUE_QUERY, &args))
		CHECK(args.jobs_completed <= args.jobs_submitted);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", w->s->fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		;
	if (f)
		fclose(f);
}

static void do_syncobj(struct worker *w)
{
	struct shared *s = w->s;
	uint32_t handle, old;

	if (drmSyncobjCreate(s->fd, 0, &handle))
		return;
	old = atomic_exchange(&s->syncobj[draw(w, SLOTS)], handle);
	if (old)
		drmSyncobjDestroy(s->fd, old);
}

static void *work(void *data)
{
	static void (*const actions[])(struct worker *) = {
		do_bo, do_map, do_vm, do_bind, do_bind, do_queue, do_exec, do_exec, do_exec,
		do_exec, do_query, do_syncobj,
	};
	struct worker *w = data;

	while (!w->s->stop) {
		actions[draw(w, ARRAY_SIZE(actions))](w);
		w->calls++;
	}
	return NULL;
}

/* EGRET_STRESS_SECONDS, EGRET_STRESS_SEED: for a longer search. */
static unsigned int setting(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

static void stress(uint64_t seed)
{
	struct worker workers[THREADS];
	struct shared s = { .fd = card_open() };
	pthread_t threads[THREADS];
	unsigned long calls = 0;
	uint32_t i;

	seed += setting("EGRET_STRESS_SEED", 0);
	for (i = 0; i < THREADS; i++) {
		workers[i] = (struct worker) { .s = &s, .random = seed * 1000 + i };
		CHECK_OK(pthread_create(&threads[i], NULL, work, &workers[i]));
	}
	sleep_ms(setting("EGRET_STRESS_SECONDS", SECONDS) * 1000);
	s.stop = true;
	for (i = 0; i < THREADS; i++) {
		CHECK_OK(pthread_join(threads[i], NULL));
		calls += workers[i].calls;
	}
	printf("# seed %llu: %lu calls\n", (unsigned long long)seed, calls);
	CHECK(calls > 100);
}

static void check_card(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, 1 * MiB, DRM_EGRET_BO_VRAM);

	packet_fill(&c, bo.va, bo.size, 8, 0xabc, 0);
	CHECK_OK(run(&c));
	CHECK_EQ(bo.u64[bo.size / 8 - 1], 0xabc);
}

static void test_one_file(void)
{
	set_parameter("hang_timeout_ms", 300);
	stress(1);
	check_card();
}

/* Some processes, each with threads. */
static void test_processes(void)
{
	pid_t pid[3];
	uint32_t i;
	int status;

	set_parameter("hang_timeout_ms", 300);
	for (i = 0; i < ARRAY_SIZE(pid); i++) {
		pid[i] = fork();
		CHECK(pid[i] >= 0);
		if (!pid[i]) {
			stress(10 + i);
			_exit(0);
		}
	}
	for (i = 0; i < ARRAY_SIZE(pid); i++) {
		CHECK_EQ(waitpid(pid[i], &status, 0), pid[i]);
		CHECK_EQ(status, 0);
	}
	check_card();
}

/* Processes are killed in the middle. */
static void test_killed(void)
{
	uint32_t i;
	pid_t pid;
	int status;

	set_parameter("hang_timeout_ms", 300);
	for (i = 0; i < 8; i++) {
		pid = fork();
		CHECK(pid >= 0);
		if (!pid) {
			stress(20 + i);
			_exit(0);
		}
		sleep_ms(300 + 150 * i);
		CHECK_OK(kill(pid, SIGKILL));
		CHECK_EQ(waitpid(pid, &status, 0), pid);
	}
	check_card();
}

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("threads of one file", test_one_file, 600),
		TEST_LONG("several processes", test_processes, 600),
		TEST_LONG("killed processes", test_killed, 60),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
