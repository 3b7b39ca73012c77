// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Several cards in one machine: what happens to one does not concern the others. */
#include "egret_test.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/sync_file.h>
#include <xf86drm.h>

#define CARDS	4

static struct client on_card(unsigned int card, uint32_t queue_type)
{
	return client_on(card_open_number(card), queue_type);
}

/* A job that says which card did it. */
static void check_card(struct client *c, struct bo *bo, uint64_t value)
{
	packet_fill(c, bo->va, bo->size, 8, value, 0);
	CHECK_OK(run(c));
	CHECK_EQ(bo->u64[0], value);
	CHECK_EQ(bo->u64[bo->size / 8 - 1], value);
}

static void test_all(void)
{
	struct client clients[CARDS];
	struct bo bos[CARDS];
	uint64_t used[CARDS];
	unsigned int i, k;

	for (i = 0; i < CARDS; i++) {
		int fd = card_open_number(i);

		used[i] = memory_info(fd).vram_used;
		close(fd);
	}
	CHECK_EQ(card_try_open_number(CARDS), -ENOENT);
	for (i = 0; i < CARDS; i++) {
		clients[i] = on_card(i, DRM_EGRET_QUEUE_COPY);
		/* Another amount on each. */
		bos[i] = client_bo(&clients[i], (i + 1) * 2 * MiB, DRM_EGRET_BO_VRAM);
	}
	for (k = 0; k < 3; k++)
		for (i = 0; i < CARDS; i++)
			check_card(&clients[i], &bos[i], 100 * k + i);
	/* Each has its own memory, and what the others wrote is not in it. */
	for (i = 0; i < CARDS; i++) {
		uint64_t now = memory_info(clients[i].fd).vram_used;

		CHECK_EQ(bos[i].u64[0], 200 + i);
		CHECK(now >= used[i] + bos[i].size && now < used[i] + bos[i].size + 2 * MiB);
	}
}

/* All at work at the same time: each job waits for its neighbour's card. */
static void test_chain(void)
{
	struct client clients[CARDS];
	struct bo bos[CARDS];
	struct drm_egret_sync syncs[2];
	uint32_t handles[CARDS], last, imported;
	unsigned int i;
	int fd;

	for (i = 0; i < CARDS; i++) {
		clients[i] = on_card(i, DRM_EGRET_QUEUE_COPY);
		bos[i] = client_bo(&clients[i], 2 * MiB, DRM_EGRET_BO_VRAM);
		handles[i] = syncobj_create(clients[i].fd);
	}
	/* The first waits in memory, until all others have been told to wait for it. */
	bos[0].u64[0] = 0;
	packet_wait(&clients[0], bos[0].va, 1);
	packet_fill(&clients[0], bos[0].va + PAGE, PAGE, 8, 1, 0);
	syncs[0] = sync_signal(handles[0], 0);
	CHECK_OK(submit(&clients[0], syncs, 1));
	for (i = 1; i < CARDS; i++) {
		/* A fence of one card, as a sync object of another. */
		CHECK_OK(drmSyncobjHandleToFD(clients[i - 1].fd, handles[i - 1], &fd));
		CHECK_OK(drmSyncobjFDToHandle(clients[i].fd, fd, &imported));
		close(fd);
		packet_fill(&clients[i], bos[i].va, PAGE, 8, i, 0);
		syncs[0] = sync_wait(imported, 0);
		syncs[1] = sync_signal(handles[i], 0);
		CHECK_OK(submit(&clients[i], syncs, 2));
	}
	last = handles[CARDS - 1];
	CHECK_EQ(syncobj_status(clients[CARDS - 1].fd, last), 0);
	bos[0].u64[0] = 1;
	CHECK_OK(syncobj_wait(clients[CARDS - 1].fd, last, 0, 20000));
	for (i = 1; i < CARDS; i++)
		CHECK_EQ(bos[i].u64[0], i);
	CHECK_EQ(bos[0].u64[PAGE / 8], 1);
}

/* One card's queue faults, another one's hangs. */
static void test_bad_neighbours(void)
{
	struct client clients[CARDS];
	struct bo bos[CARDS];
	struct drm_egret_sync sync;
	uint32_t hung;
	unsigned int i;

	set_parameter("hang_timeout_ms", 500);
	for (i = 0; i < CARDS; i++) {
		clients[i] = on_card(i, DRM_EGRET_QUEUE_COPY);
		bos[i] = client_bo(&clients[i], 2 * MiB, DRM_EGRET_BO_VRAM);
	}
	/* Nothing is bound there. */
	packet_fill(&clients[0], TEST_VA + (1ULL << 40), 8, 8, 1, 0);
	CHECK_ERR(run(&clients[0]), ECANCELED);
	hung = syncobj_create(clients[1].fd);
	sync = sync_signal(hung, 0);
	/* Nobody will ever write this. */
	packet_wait(&clients[1], bos[1].va, 99);
	CHECK_OK(submit(&clients[1], &sync, 1));
	for (i = 2; i < CARDS; i++)
		check_card(&clients[i], &bos[i], 300 + i);
	CHECK_OK(syncobj_wait(clients[1].fd, hung, 0, 20000));
	CHECK_EQ(syncobj_status(clients[1].fd, hung), -ECANCELED);
	CHECK_EQ(queue_query(clients[0].fd, clients[0].queue).state, DRM_EGRET_QUEUE_DEAD_FAULT);
	CHECK_EQ(queue_query(clients[1].fd, clients[1].queue).state, DRM_EGRET_QUEUE_DEAD_HUNG);
	for (i = 2; i < CARDS; i++) {
		CHECK_EQ(queue_query(clients[i].fd, clients[i].queue).state, DRM_EGRET_QUEUE_OK);
		check_card(&clients[i], &bos[i], 400 + i);
	}
	/* And their own neighbours on the same cards may begin again. */
	for (i = 0; i < 2; i++) {
		struct client again = on_card(i, DRM_EGRET_QUEUE_COPY);
		struct bo bo = client_bo(&again, 2 * MiB, DRM_EGRET_BO_VRAM);

		check_card(&again, &bo, 500 + i);
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		test_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
}

/* One is taken away while all work, and comes back. */
static void test_removed(void)
{
	struct client clients[CARDS];
	struct bo bos[CARDS];
	char link[128], path[PATH_MAX];
	uint32_t done;
	struct pollfd poll_fd = { .events = POLLIN };
	struct sync_file_info info = {};
	struct drm_egret_sync sync;
	struct stat st;
	unsigned int i;

	for (i = 0; i < CARDS; i++) {
		clients[i] = on_card(i, DRM_EGRET_QUEUE_COPY);
		bos[i] = client_bo(&clients[i], 2 * MiB, DRM_EGRET_BO_VRAM);
	}
	done = syncobj_create(clients[3].fd);
	sync = sync_signal(done, 0);
	packet_wait(&clients[3], bos[3].va, 99);
	CHECK_OK(submit(&clients[3], &sync, 1));
	/* Its sync objects go with the card; this lives on. */
	CHECK_OK(drmSyncobjExportSyncFile(clients[3].fd, done, &poll_fd.fd));
	CHECK_OK(fstat(clients[3].fd, &st));
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/device/remove", major(st.st_rdev),
		 minor(st.st_rdev));
	CHECK(realpath(link, path));
	write_file(path, "1");
	CHECK_EQ(poll(&poll_fd, 1, 20000 * test_slow()), 1);
	CHECK_OK(ioctl(poll_fd.fd, SYNC_IOC_FILE_INFO, &info));
	CHECK_EQ(info.status, -ECANCELED);
	close(poll_fd.fd);
	CHECK_ERR(submit(&clients[3], NULL, 0), ENODEV);
	CHECK_EQ(card_try_open_number(CARDS - 1), -ENOENT);
	for (i = 0; i < CARDS - 1; i++)
		check_card(&clients[i], &bos[i], 600 + i);
	CHECK_OK(munmap(bos[3].map, bos[3].size));
	client_close(&clients[3]);

	write_file("/sys/bus/pci/rescan", "1");
	clients[3] = on_card(CARDS - 1, DRM_EGRET_QUEUE_COPY);
	bos[3] = client_bo(&clients[3], 2 * MiB, DRM_EGRET_BO_VRAM);
	for (i = 0; i < CARDS; i++)
		check_card(&clients[i], &bos[i], 700 + i);
}

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("each has its own memory and queues", test_all, 60),
		TEST_LONG("a job waits for another card", test_chain, 60),
		TEST_LONG("one faults, one hangs, others go on", test_bad_neighbours, 90),
		TEST_LONG("one is removed, others go on, it comes back", test_removed, 90),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
