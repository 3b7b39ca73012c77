// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * An uncorrectable error in device memory: who owns the page is told and loses the queue
 * that meets it, nobody else notices, and nobody gets the page again. Run by
 * tests/vmrun/driver-memory-error, which injects the error.
 */
#include "egret_test.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#define EVENT_MS	60000
#define SIZE		(2 * MiB)
#define BAD		(5 * PAGE)

static void inject(uint64_t offset)
{
	printf("# monitor: {\"execute\": \"qom-set\", \"arguments\": {\"path\": "
	       "\"/machine/peripheral/egret0\", \"property\": \"inject-ecc-uncorrected\", "
	       "\"value\": %llu}}\n", (unsigned long long)offset);
}

static void ok(const char *what)
{
	static unsigned int count;

	printf("ok %u - %s\n", ++count, what);
}

static struct drm_egret_event next_event(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct drm_egret_event e;

	CHECK_EQ(poll(&p, 1, EVENT_MS), 1);
	CHECK_EQ(read(fd, &e, sizeof(e)), sizeof(e));
	return e;
}

static void expect_memory_error(int fd, uint64_t offset)
{
	struct drm_egret_event e = next_event(fd);

	CHECK_EQ(e.base.type, DRM_EGRET_EVENT_MEMORY_ERROR);
	CHECK_EQ(e.addr, offset);
}

/* Where a buffer is in device memory, as debugfs says. */
static uint64_t device_offset(const struct bo *bo)
{
	char path[256], key[64], *text, *at;
	uint64_t offset;

	debugfs_path(path, "vms");
	text = read_text(path);
	snprintf(key, sizeof(key), "  va=%#llx ", (unsigned long long)bo->va);
	at = strstr(text, key);
	CHECK(at);
	at = strstr(at, " at=");
	CHECK(at);
	offset = strtoull(at + 4, NULL, 0);
	free(text);
	return offset;
}

static unsigned int retired_pages(void)
{
	char path[256], *text;
	unsigned int pages;

	sysfs_path(path, "ras/retired_pages");
	text = read_text(path);
	pages = strtoul(text, NULL, 0);
	free(text);
	return pages;
}

static void check_owner(struct client *c, const struct bo *bo)
{
	struct drm_egret_queue_query q;
	struct drm_egret_event e;

	packet_fill(c, bo->va, SIZE, 8, 2, 0);
	CHECK_EQ(run(c), -ECANCELED);
	q = queue_query(c->fd, c->queue);
	CHECK_EQ(q.state, DRM_EGRET_QUEUE_DEAD_FAULT);
	CHECK_EQ(q.fault_code, EGRET_FAULT_ECC);
	CHECK_EQ(q.fault_addr, bo->va + BAD);
	e = next_event(c->fd);
	CHECK_EQ(e.base.type, DRM_EGRET_EVENT_QUEUE_DEAD);
	CHECK_EQ(e.queue_id, c->queue);
	CHECK_EQ(e.code, EGRET_FAULT_ECC);
	CHECK_EQ(e.addr, bo->va + BAD);
}

/* As much of the memory as there is, all of it used by the card. */
static void check_all_memory(struct client *c)
{
	enum { MOST = 64 };
	struct drm_egret_memory_info info = memory_info(c->fd);
	uint64_t left = info.vram_total - info.vram_used - info.vram_total / 32;
	unsigned int i;

	CHECK(left / SIZE <= MOST);
	for (i = 0; i < left / SIZE; i++) {
		struct bo bo = bo_create(c->fd, SIZE, DRM_EGRET_BO_VRAM, c->vm);

		bo.va = TEST_VA + (1ULL << 40) + i * SIZE;
		CHECK_OK(vm_map(c->fd, c->vm, bo.handle, 0, bo.va, SIZE, ACCESS_ALL));
		packet_fill(c, bo.va, SIZE, 8, i, 0);
		CHECK_OK(run(c));
	}
}

int main(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct client other = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, SIZE, DRM_EGRET_BO_VRAM);
	struct bo others = client_bo(&other, SIZE, DRM_EGRET_BO_VRAM);
	uint64_t offset, used;

	printf("TAP version 13\n1..6\n");
	set_parameter("ban_after", 1);
	packet_fill(&c, bo.va, SIZE, 8, 1, 0);
	CHECK_OK(run(&c));
	CHECK_EQ(retired_pages(), 0);
	offset = device_offset(&bo) + BAD;
	inject(offset + 0x123);
	expect_memory_error(c.fd, offset + 0x123);
	expect_memory_error(other.fd, offset + 0x123);
	ok("all clients are told of the address");

	check_owner(&c, &bo);
	ok("the queue that meets it dies, and its owner knows why");
	packet_fill(&other, others.va, SIZE, 8, 3, 0);
	CHECK_OK(run(&other));
	CHECK_EQ(others.u64[SIZE / 8 - 1], 3);
	ok("others go on");
	/* It was no mistake: nobody is banned. */
	c.queue = queue_create(c.fd, c.vm, DRM_EGRET_QUEUE_COPY);
	packet_fill(&c, bo.va, BAD, 8, 4, 0);
	packet_fill(&c, bo.va + BAD + PAGE, SIZE - BAD - PAGE, 8, 4, 0);
	CHECK_OK(run(&c));
	ok("the rest of the buffer can be used");

	CHECK_EQ(retired_pages(), 1);
	/* The same error again is no new page. */
	inject(offset + 0x800);
	expect_memory_error(c.fd, offset + 0x800);
	CHECK_EQ(retired_pages(), 1);
	used = memory_info(c.fd).vram_used;
	CHECK_OK(vm_unmap(c.fd, c.vm, bo.va, SIZE));
	bo_close(c.fd, &bo);
	CHECK(memory_returns_to(c.fd, used - SIZE + PAGE));
	ok("the page is kept when the buffer goes");
	check_all_memory(&c);
	ok("nobody gets it again");
	return 0;
}
