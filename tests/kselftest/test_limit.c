// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Limits of system memory, in a machine with little memory (driver-limit.vm): who asks
 * for too much is told so, and nobody is killed.
 */
#define _GNU_SOURCE
#include "egret_test.h"

#include <fcntl.h>
#include <stdlib.h>
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

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("half of the memory is for buffers", test_default, 120),
		TEST_LONG("an administrator's limit", test_parameter, 180),
		TEST_LONG("what is pushed out counts", test_pushed_out, 120),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
