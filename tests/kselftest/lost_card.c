// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * A card that falls off the bus at work. Run by tests/vmrun/driver-lost-card, which
 * cuts the link when this program asks for it.
 */
#include "egret_test.h"

#include <sys/mman.h>
#include <unistd.h>

#include <xf86drm.h>

int main(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo vram = client_bo(&c, 1 * MiB, DRM_EGRET_BO_VRAM);
	struct bo system = client_bo(&c, 1 * MiB, DRM_EGRET_BO_SYSTEM);
	struct client other = client_fork(&c, DRM_EGRET_QUEUE_COMPUTE);
	uint32_t running = syncobj_create(c.fd), waiting = syncobj_create(c.fd), handle;
	uint32_t bound = syncobj_create(c.fd);
	struct drm_egret_queue_query query = { .queue_id = c.queue };
	const struct drm_egret_bind_op unmap = {
		.op = DRM_EGRET_BIND_UNMAP, .va = system.va, .size = system.size,
	};
	struct drm_egret_sync syncs[2];
	uint64_t begun;

	printf("TAP version 13\n1..3\n");
	packet_wait(&c, system.va, 1);
	syncs[0] = sync_signal(running, 0);
	CHECK_OK(submit(&c, syncs, 1));
	packet_fill(&other, vram.va, vram.size, 8, 1, 0);
	syncs[0] = sync_wait(running, 0);
	syncs[1] = sync_signal(waiting, 0);
	CHECK_OK(submit(&other, syncs, 2));
	syncs[0] = sync_wait(waiting, 0);
	syncs[1] = sync_signal(bound, 0);
	CHECK_OK(vm_bind_async(c.fd, c.vm, &unmap, 1, syncs, 2));
	printf("# monitor: {\"execute\": \"qom-set\", \"arguments\": {\"path\": "
	       "\"/machine/peripheral/egret0\", \"property\": \"link\", \"value\": false}}\n");

	/* The watchdog finds out, and all jobs end. */
	CHECK_OK(syncobj_wait(c.fd, running, 0, 60000 * test_slow()));
	CHECK_EQ(syncobj_status(c.fd, running), -ECANCELED);
	CHECK_OK(syncobj_wait(c.fd, waiting, 0, 60000 * test_slow()));
	CHECK_EQ(syncobj_status(c.fd, waiting), -ECANCELED);
	CHECK_OK(syncobj_wait(c.fd, bound, 0, 60000 * test_slow()));
	printf("ok 1 - jobs are cancelled, and binds end\n");

	begun = now_ns();
	while (card_ioctl(c.fd, DRM_IOCTL_EGRET_QUEUE_QUERY, &query) != -ENODEV) {
		CHECK(now_ns() - begun < 10000000000ULL * test_slow());
		sleep_ms(10);
	}
	CHECK_ERR(bo_try_create(c.fd, PAGE, DRM_EGRET_BO_SYSTEM, 0, &handle), ENODEV);
	CHECK_ERR(submit(&c, NULL, 0), ENODEV);
	CHECK_ERR(vm_unmap(c.fd, c.vm, vram.va, PAGE), ENODEV);
	CHECK_ERR(queue_destroy(c.fd, c.queue), ENODEV);
	printf("ok 2 - calls return ENODEV\n");

	/* Mappings do no harm, and everything can be let go. */
	vram.u32[0] = vram.u32[1];
	CHECK_OK(munmap(vram.map, vram.size));
	handle_close(c.fd, vram.handle);
	close(c.fd);
	printf("ok 3 - everything is let go\n");
	return 0;
}
