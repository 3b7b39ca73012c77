// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Limits of system memory, and swapping, in a machine with little memory
 * (driver-limit.vm): who asks for too much is told so, and nobody is killed.
 */
#define _GNU_SOURCE
#include "egret_test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE		(4 * MiB)
#define PROCESSES	4
#define DRIVER		"/sys/bus/pci/drivers/egret/"

/* ---- the machine ---------------------------------------------------------------------- */

static uint64_t half_of_memory(void)
{
	struct sysinfo info;

	CHECK_OK(sysinfo(&info));
	return (uint64_t)info.totalram * info.mem_unit / 2;
}

/* A number behind a word in a file of the kernel's. */
static uint64_t number_in(const char *path, const char *word)
{
	char *text = read_text(path), *at = strstr(text, word);
	uint64_t n;

	CHECK(at);
	n = strtoull(at + strlen(word), NULL, 10);
	free(text);
	return n;
}

static uint64_t oom_kills(void)
{
	return number_in("/proc/vmstat", "oom_kill ");
}

static uint64_t swapped_pages(void)
{
	char path[256];

	debugfs_path(path, "memory");
	return number_in(path, "pages swapped out: ");
}

/* Let the kernel ask all who can let go of memory to do so. */
static void shrink(void)
{
	write_text("/proc/sys/vm/drop_caches", "2");
}

/* ---- the limit ------------------------------------------------------------------------- */

/* Take buffers until the last; how many. */
static uint32_t take_all(int fd, uint32_t placement, int error)
{
	uint32_t n, handle;
	int ret;

	for (n = 0;; n++) {
		ret = bo_try_create(fd, PIECE, placement, 0, &handle);
		if (ret)
			break;
	}
	CHECK_EQ(ret, -error);
	return n;
}

/* Several processes take all there is, together, and touch it; then it is there again. */
static void check_limit(uint64_t limit)
{
	uint64_t kills = oom_kills();
	int round, i;

	for (round = 0; round < 2; round++) {
		int counts[2], go[2];
		uint32_t n, sum = 0;
		char c;

		CHECK_OK(pipe(counts));
		CHECK_OK(pipe(go));
		for (i = 0; i < PROCESSES; i++) {
			if (fork())
				continue;
			close(go[1]);
			n = take_all(card_open(), DRM_EGRET_BO_SYSTEM, ENOMEM);
			CHECK_EQ(write(counts[1], &n, sizeof(n)), sizeof(n));
			/* Nobody gives anything back before all have been refused. */
			CHECK_EQ(read(go[0], &c, 1), 0);
			_exit(0);
		}
		for (i = 0; i < PROCESSES; i++) {
			CHECK_EQ(read(counts[0], &n, sizeof(n)), sizeof(n));
			sum += n;
		}
		close(go[1]);
		for (i = 0; i < PROCESSES; i++) {
			int status;

			CHECK(wait(&status) > 0);
			CHECK_EQ(status, 0);
		}
		close(go[0]);
		close(counts[0]);
		close(counts[1]);
		CHECK(sum * PIECE <= limit);
		/* Each may have been refused while another had just taken the last. */
		CHECK(sum * PIECE + (PROCESSES + 1) * PIECE > limit);
	}
	CHECK_EQ(oom_kills(), kills);
}

static void test_default(void)
{
	check_limit(half_of_memory());
}

static void test_parameter(void)
{
	char path[256], *address;

	sysfs_path(path, "");
	path[strlen(path) - 1] = 0;
	address = strrchr(path, '/') + 1;
	set_parameter("system_limit", 64);
	write_text(DRIVER "unbind", address);
	write_text(DRIVER "bind", address);
	check_limit(64 * MiB);
	set_parameter("system_limit", 0);
	write_text(DRIVER "unbind", address);
	write_text(DRIVER "bind", address);
	check_limit(half_of_memory());
}

/* Device memory is pushed out until there is no room for that, either. */
static void test_pushed_out(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo first = numbered_bo(&c, PIECE, DRM_EGRET_BO_VRAM, 0x100);
	uint64_t kills = oom_kills(), limit = half_of_memory();
	uint64_t vram = memory_info(c.fd).vram_total;
	uint32_t i, n = take_all(c.fd, DRM_EGRET_BO_VRAM, ENOSPC);

	CHECK(n * PIECE > limit);
	CHECK((n + 1) * PIECE <= limit + vram);
	CHECK_EQ(fdinfo(c.fd, "drm-resident-vram") + fdinfo(c.fd, "drm-resident-system") -
		 c.cmd.size, (n + 1) * PIECE);
	for (i = 0; i < PIECE / PAGE; i++)
		CHECK_EQ(first.u32[i * PAGE / 4], i + 0x100);
	CHECK_EQ(oom_kills(), kills);
}

/* ---- swapping --------------------------------------------------------------------------- */

/* Compressed memory as swap space. */
static void swap_on(void)
{
	if (access("/sys/block/zram0", F_OK))
		CHECK_EQ(system("modprobe -d \"$EGRET_KERNEL_FOLDER\" zram"), 0);
	write_text("/sys/block/zram0/disksize", "256M");
	CHECK_EQ(system("mkswap /dev/zram0 >/dev/null"), 0);
	CHECK_OK(swapon("/dev/zram0", 0));
}

static void swap_off(void)
{
	CHECK_OK(swapoff("/dev/zram0"));
	write_text("/sys/block/zram0/reset", "1");
}

static void stay_awake(void)
{
	char path[256];

	sysfs_path(path, "power/control");
	write_text(path, "on");
}

static void may_sleep(void)
{
	char path[256];

	sysfs_path(path, "power/control");
	write_text(path, "auto");
}

/* Buffers of all kinds, in system memory, bound, with numbers in their pages. */
struct buffers {
	struct client c;
	struct bo shared;
	struct bo own;
	struct bo out;
};

static struct buffers buffers_create(uint32_t tag)
{
	struct buffers b = { .c = client_open(DRM_EGRET_QUEUE_COPY) };
	struct client *c = &b.c;

	b.shared = numbered_bo(c, 3 * MiB, DRM_EGRET_BO_SYSTEM, tag);
	b.shared.va = c->next_va;
	b.own = bo_create(c->fd, 3 * MiB, DRM_EGRET_BO_SYSTEM, c->vm);
	b.own.va = b.shared.va + 2 * LARGE_PAGE;
	c->next_va = b.own.va + 2 * LARGE_PAGE;
	CHECK_OK(vm_map(c->fd, c->vm, b.shared.handle, 0, b.shared.va, 3 * MiB, ACCESS_ALL));
	CHECK_OK(vm_map(c->fd, c->vm, b.own.handle, 0, b.own.va, 3 * MiB, ACCESS_ALL));
	b.out = client_bo(c, 6 * MiB, DRM_EGRET_BO_VRAM);
	packet_copy(c, b.own.va, b.shared.va, 3 * MiB, 0);
	CHECK_OK(run(c));
	return b;
}

/* What the card finds in them. */
static void buffers_check(struct buffers *b, uint32_t tag)
{
	uint32_t i, half = 3 * MiB / 4;

	packet_fill(&b->c, b->out.va, 6 * MiB, 8, 0, 0);
	packet_copy(&b->c, b->out.va, b->shared.va, 3 * MiB, EGRET_PKT_BARRIER);
	packet_copy(&b->c, b->out.va + 3 * MiB, b->own.va, 3 * MiB, 0);
	CHECK_OK(run(&b->c));
	for (i = 0; i < 3 * MiB / PAGE; i++) {
		CHECK_EQ(b->out.u32[i * PAGE / 4], tag + i);
		CHECK_EQ(b->out.u32[half + i * PAGE / 4], tag + i);
	}
}

static void test_swap(void)
{
	struct buffers b = buffers_create(0x1000);
	uint64_t before = swapped_pages();
	uint32_t i;

	stay_awake();
	/* There is no place to swap to. */
	shrink();
	CHECK_EQ(swapped_pages(), before);
	swap_on();
	shrink();
	CHECK(swapped_pages() >= before + 6 * MiB / PAGE);
	CHECK_EQ(fdinfo(b.c.fd, "drm-resident-system"), 0);
	/* The next job finds them, at once or after the host. */
	buffers_check(&b, 0x1000);
	shrink();
	CHECK_EQ(fdinfo(b.c.fd, "drm-resident-system"), 0);
	for (i = 0; i < 3 * MiB / PAGE; i++)
		CHECK_EQ(b.shared.u32[i * PAGE / 4], 0x1000 + i);
	b.shared.u32[0] = 7;
	b.shared.u32[0] = 0x1000;
	buffers_check(&b, 0x1000);
	swap_off();
	buffers_check(&b, 0x1000);
	may_sleep();
}

/* Who has a job is left alone. */
static void test_swap_busy(void)
{
	struct buffers b = buffers_create(0x2000);
	struct bo word = client_bo(&b.c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint64_t before;

	stay_awake();
	swap_on();
	packet_wait(&b.c, word.va, 1);
	packet_fill(&b.c, b.own.va + 8, 8, 8, 5, EGRET_PKT_BARRIER);
	CHECK_OK(submit(&b.c, NULL, 0));
	before = swapped_pages();
	shrink();
	CHECK_EQ(swapped_pages(), before);
	word.u64[0] = 1;
	buffers_check(&b, 0x2000);
	shrink();
	CHECK(swapped_pages() >= before + 6 * MiB / PAGE);
	buffers_check(&b, 0x2000);
	swap_off();
	may_sleep();
}

/* Page tables of a card that sleeps cannot be changed: it is woken, but not waited for. */
static void test_swap_asleep(void)
{
	struct buffers b = buffers_create(0x3000);
	uint64_t before = swapped_pages();
	uint32_t i;

	swap_on();
	card_sleep();
	for (i = 0; i < 100 * test_slow() && fdinfo(b.c.fd, "drm-resident-system"); i++) {
		shrink();
		sleep_ms(100);
	}
	CHECK(swapped_pages() >= before + 6 * MiB / PAGE);
	buffers_check(&b, 0x3000);
	swap_off();
}

#define MANY	32

/* Memory that cannot be swapped out. */
static void take_memory(uint64_t size)
{
	CHECK(mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0) != MAP_FAILED);
}

/* Another process takes what there is, until buffers have to go. */
static void test_pressure(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	uint64_t kills = oom_kills(), before, free, i;
	struct bo bos[MANY];
	int k, status;

	swap_on();
	stay_awake();
	before = swapped_pages();
	for (k = 0; k < MANY; k++)
		bos[k] = numbered_bo(&c, MiB, DRM_EGRET_BO_SYSTEM, k << 16);
	free = number_in("/proc/meminfo", "MemAvailable:") * 1024;
	if (!fork()) {
		take_memory(free - MANY * MiB);
		for (i = 0; i < MANY + MANY / 2 && swapped_pages() == before; i++)
			take_memory(MiB);
		_exit(0);
	}
	CHECK(wait(&status) > 0);
	CHECK_EQ(status, 0);
	CHECK_EQ(oom_kills(), kills);
	CHECK(swapped_pages() > before);
	for (k = 0; k < MANY; k++)
		for (i = 0; i < MiB / PAGE; i++)
			CHECK_EQ(bos[k].u32[i * PAGE / 4], (k << 16) + i);
	swap_off();
	may_sleep();
}

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("half of the memory is for buffers", test_default, 120),
		TEST_LONG("an administrator's limit", test_parameter, 180),
		TEST_LONG("what is pushed out counts", test_pushed_out, 120),
		TEST_LONG("idle buffers are swapped out, and come back", test_swap, 60),
		TEST_LONG("buffers at work are not", test_swap_busy, 60),
		TEST_LONG("a card that sleeps is woken for it", test_swap_asleep, 60),
		TEST_LONG("memory is short", test_pressure, 120),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
