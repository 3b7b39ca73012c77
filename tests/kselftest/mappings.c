// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Mappings of buffers in all places where a buffer can be, for somebody outside who reads
 * the page tables of this process (tests/vmrun/driver-mappings, which says how). The
 * argument is a folder that both see.
 */
#include "egret_test.h"

#include <unistd.h>

static void stay_awake(void)
{
	char path[256];

	sysfs_path(path, "power/control");
	write_text(path, "on");
}

/* Stay in user space, with the page mapped, until it was looked at. */
static void show(const char *folder, const char *what, const struct bo *bo)
{
	uint64_t at = bo->size - PAGE;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, what);
	printf("# look: %s %#llx\n", what, (unsigned long long)(uintptr_t)(bo->u8 + at));
	while (access(path, F_OK))
		for (uint32_t i = 0; i < 10000; i++)
			CHECK_EQ(bo->u8[at], 0);
}

int main(int argc, char **argv)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct client other = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo vram = client_bo(&c, 4 * MiB, DRM_EGRET_BO_VRAM);
	struct bo system = client_bo(&c, 4 * MiB, DRM_EGRET_BO_SYSTEM);
	struct drm_egret_memory_info info = memory_info(c.fd);
	struct bo rest;

	CHECK_EQ(argc, 2);
	setlinebuf(stdout);
	stay_awake();
	show(argv[1], "vram", &vram);
	show(argv[1], "system", &system);
	/* Out of device memory, and back. */
	rest = bo_create(other.fd, info.vram_total - info.vram_total / 16, DRM_EGRET_BO_VRAM,
			 other.vm);
	CHECK_EQ(fdinfo(c.fd, "drm-resident-vram"), 0);
	show(argv[1], "pushed-out", &vram);
	bo_close(other.fd, &rest);
	CHECK_OK(run(&c));
	CHECK_EQ(fdinfo(c.fd, "drm-resident-vram"), vram.size);
	show(argv[1], "returned", &vram);
	return 0;
}
