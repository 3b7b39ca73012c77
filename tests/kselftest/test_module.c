// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* The driver comes and goes: unloading, unbinding, the card being pulled. */
#include "egret_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define DRIVER_FOLDER	"/sys/bus/pci/drivers/egret"

static int remove_module(void)
{
	return syscall(SYS_delete_module, "egret", O_NONBLOCK) ? -errno : 0;
}

static int insert_module(void)
{
	struct utsname u;
	char path[512];
	int fd, ret;

	CHECK_OK(uname(&u));
	if (getenv("EGRET_MODULE"))
		snprintf(path, sizeof(path), "%s", getenv("EGRET_MODULE"));
	else
		snprintf(path, sizeof(path), "build/modules/%s/driver/egret.ko", u.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		test_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* The module may take a moment to become unused. */
static void remove_module_soon(void)
{
	uint32_t i;
	int ret;

	for (i = 0; i < 500 && (ret = remove_module()); i++)
		sleep_ms(10);
	CHECK_OK(ret);
}

static bool write_attribute(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* The PCI address of the first card. */
static void card_address(char name[NAME_MAX + 1])
{
	DIR *folder = opendir(DRIVER_FOLDER);
	struct dirent *entry;

	CHECK(folder);
	name[0] = 0;
	while ((entry = readdir(folder)))
		if (strchr(entry->d_name, ':'))
			strcpy(name, entry->d_name);
	closedir(folder);
	CHECK(name[0]);
}

/* Do something on the card, to see that it works. */
static void work(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, 1 * MiB, DRM_EGRET_BO_VRAM);

	packet_fill(&c, bo.va, bo.size, 8, 0x1234567, 0);
	CHECK_OK(run(&c));
	CHECK_EQ(bo.u64[bo.size / 8 - 1], 0x1234567);
	bo_close(c.fd, &bo);
	CHECK_OK(munmap(c.cmd.map, c.cmd.size));
	client_close(&c);
}

static void test_unload(void)
{
	uint32_t i;

	for (i = 0; i < 5; i++) {
		remove_module_soon();
		CHECK_OK(insert_module());
		work();
	}
}

static void test_unload_refused(void)
{
	int fd = card_open();
	struct bo bo;

	CHECK_ERR(remove_module(), EWOULDBLOCK);
	/* A mapping counts as well. */
	bo = bo_create(fd, PAGE, DRM_EGRET_BO_VRAM, 0);
	bo_map(fd, &bo);
	close(fd);
	CHECK_ERR(remove_module(), EWOULDBLOCK);
	bo.u32[0] = 1;
	CHECK_EQ(bo.u32[0], 1);
	CHECK_OK(munmap(bo.map, bo.size));
	remove_module_soon();
	CHECK_OK(insert_module());
}

/* A client with jobs of all kinds, and what it sees when the card goes. */
struct victim {
	struct client c;
	struct bo vram;
	struct bo system;
	uint32_t running;
	uint32_t waiting;
	uint32_t bound;
	/* Memory of the process, bound, or NULL if this kernel cannot do it. */
	volatile uint32_t *user;
};

static void victim_bind_user(struct victim *v)
{
	void *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct drm_egret_bind_op op = {
		.op = DRM_EGRET_BIND_MAP_USERPTR,
		.flags = DRM_EGRET_BIND_READ | DRM_EGRET_BIND_WRITE,
		.offset = (uintptr_t)p, .va = v->c.next_va, .size = 4 * PAGE,
	};
	int ret;

	CHECK(p != MAP_FAILED);
	ret = vm_bind_ops(v->c.fd, v->c.vm, &op, 1);
	CHECK(!ret || ret == -EOPNOTSUPP);
	v->user = ret ? NULL : p;
}

static struct victim victim_open(void)
{
	struct victim v = { .c = client_open(DRM_EGRET_QUEUE_COPY) };
	struct client other;
	struct drm_egret_sync syncs[2];
	struct drm_egret_bind_op unmap = { .op = DRM_EGRET_BIND_UNMAP_ALL };

	v.vram = client_bo(&v.c, 4 * MiB, DRM_EGRET_BO_VRAM);
	v.system = client_bo(&v.c, 4 * MiB, DRM_EGRET_BO_SYSTEM);
	v.vram.u32[0] = 0x11;
	v.system.u32[0] = 0x22;
	v.running = syncobj_create(v.c.fd);
	v.waiting = syncobj_create(v.c.fd);
	packet_wait(&v.c, v.system.va + PAGE, 1);
	syncs[0] = sync_signal(v.running, 0);
	CHECK_OK(submit(&v.c, syncs, 1));
	other = client_fork(&v.c, DRM_EGRET_QUEUE_COMPUTE);
	packet_fill(&other, v.vram.va, v.vram.size, 8, 5, 0);
	syncs[0] = sync_wait(v.running, 0);
	syncs[1] = sync_signal(v.waiting, 0);
	CHECK_OK(submit(&other, syncs, 2));
	/* Binds that are done already, and that cannot be done any more. */
	victim_bind_user(&v);
	v.bound = syncobj_create(v.c.fd);
	syncs[0] = sync_wait(v.waiting, 0);
	syncs[1] = sync_signal(v.bound, 0);
	CHECK_OK(vm_bind_async(v.c.fd, v.c.vm, &unmap, 1, syncs, 2));
	return v;
}

static void victim_check(struct victim *v)
{
	struct drm_egret_dev_query query = { .query = DRM_EGRET_QUERY_DEVICE };
	struct drm_egret_queue_query queue = { .queue_id = v->c.queue };
	uint32_t handle;
	volatile uint32_t sum;

	CHECK_ERR(card_ioctl(v->c.fd, DRM_IOCTL_EGRET_DEV_QUERY, &query), ENODEV);
	CHECK_ERR(card_ioctl(v->c.fd, DRM_IOCTL_EGRET_QUEUE_QUERY, &queue), ENODEV);
	CHECK_ERR(bo_try_create(v->c.fd, PAGE, DRM_EGRET_BO_SYSTEM, 0, &handle), ENODEV);
	CHECK_ERR(vm_unmap(v->c.fd, v->c.vm, TEST_VA, PAGE), ENODEV);
	CHECK_ERR(submit(&v->c, NULL, 0), ENODEV);
	/* Mappings stay; what they show is not the card any more. */
	sum = v->vram.u32[0] + v->vram.u32[4 * MiB / 4 - 1] + v->system.u32[0];
	v->vram.u32[100] = sum;
	v->system.u32[100] = sum;
	CHECK_OK(munmap(v->vram.map, v->vram.size));
	/* The process's memory is its own. */
	if (v->user) {
		v->user[0] = 1;
		CHECK_EQ(v->user[0], 1);
		CHECK_OK(munmap((void *)v->user, 4 * PAGE));
	}
}

static void test_unbind(void)
{
	struct victim v = victim_open();
	char address[NAME_MAX + 1];
	uint32_t i;

	card_address(address);
	for (i = 0; i < 3; i++) {
		CHECK(write_attribute(DRIVER_FOLDER "/unbind", address));
		victim_check(&v);
		CHECK(write_attribute(DRIVER_FOLDER "/bind", address));
		/* The old file stays dead, a new one works. */
		CHECK_ERR(submit(&v.c, NULL, 0), ENODEV);
		work();
		close(v.c.fd);
		v = victim_open();
	}
}

static void test_pulled(void)
{
	struct victim v = victim_open();
	char address[NAME_MAX + 1], path[NAME_MAX + 64];

	card_address(address);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", address);
	CHECK(write_attribute(path, "1"));
	victim_check(&v);
	CHECK(write_attribute("/sys/bus/pci/rescan", "1"));
	work();
}

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("unload and load again", test_unload, 90),
		TEST("unloading is refused while the card is in use", test_unload_refused),
		TEST_LONG("unbind under load", test_unbind, 90),
		TEST_LONG("the card is pulled under load", test_pulled, 60),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
