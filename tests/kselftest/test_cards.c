// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Several cards in one machine: what happens to one does not concern the others. Two of them are
 * below one PCI Express switch (driver-cards.vm), where they reach each other's memory if the
 * kernel is one that lets them (CONFIG_PCI_P2PDMA: Debian's 6.12 is not, the debug kernel is).
 */
#include "egret_test.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sync_file.h>
#include <xf86drm.h>

#define CARDS	4
#define PATIENCE_MS	(10000 * test_slow())

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

/* ---- where the cards are ------------------------------------------------------------------ */

/* The folder of a card's device in sysfs, or a file in it. */
static void card_path(int fd, const char *name, char path[PATH_MAX])
{
	char link[128];
	struct stat st;

	CHECK_OK(fstat(fd, &st));
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/device/%s", major(st.st_rdev),
		 minor(st.st_rdev), name);
	CHECK(realpath(link, path));
}

/* Cards by where they are: their numbers change when one goes and comes back. */
struct places {
	/* Below the switch. */
	unsigned int near[2];
	/* Not there. */
	unsigned int far;
};

static struct places cards_find(void)
{
	struct places places = {};
	unsigned int i, count = 0;

	for (i = 0; i < CARDS; i++) {
		int fd = card_open_number(i);
		char path[PATH_MAX];
		const char *at;
		unsigned int depth;

		card_path(fd, "", path);
		close(fd);
		/* Ports and the card itself. */
		for (depth = 0, at = path; (at = strstr(at, "/0000:")); at++)
			depth++;
		if (depth == 4) {
			CHECK(count < ARRAY_SIZE(places.near));
			places.near[count++] = i;
		} else {
			CHECK_EQ(depth, 2);
			places.far = i;
		}
	}
	CHECK_EQ(count, ARRAY_SIZE(places.near));
	return places;
}

/* Whether the kernel lets devices below one switch reach each other. */
static bool kernel_has_p2p(void)
{
	char *symbols = read_text("/proc/kallsyms");
	bool has = strstr(symbols, " pci_p2pdma_distance_many");

	free(symbols);
	return has;
}

/* ---- buffers that two cards share ---------------------------------------------------- */

#define PAIR_SIZE	(2 * MiB + PAGE)

struct pair {
	struct client owner;
	struct client other;
	struct bo bo;
	struct bo seen;
	int dma_buf;
};

/* A buffer of card @a that card @b has, too; each page begins with its number plus @tag. */
static struct pair pair_create(unsigned int a, unsigned int b, uint32_t placement, uint32_t tag)
{
	struct pair p = {
		.owner = on_card(a, DRM_EGRET_QUEUE_COPY),
		.other = on_card(b, DRM_EGRET_QUEUE_COPY),
	};

	p.bo = numbered_bo(&p.owner, PAIR_SIZE, placement, tag);
	p.bo.va = p.owner.next_va;
	p.owner.next_va += 2 * LARGE_PAGE;
	CHECK_OK(vm_map(p.owner.fd, p.owner.vm, p.bo.handle, 0, p.bo.va, p.bo.size, ACCESS_ALL));
	p.dma_buf = bo_export(p.owner.fd, p.bo.handle);
	p.seen = bo_import(&p.other, p.dma_buf);
	return p;
}

/* A client is done with a bound buffer. */
static void let_go(struct client *c, struct bo *bo)
{
	CHECK_OK(vm_unmap(c->fd, c->vm, bo->va, bo->size));
	bo_close(c->fd, bo);
}

/* @c reads what the pages begin with, and writes the last word. */
static void pair_use(struct client *c, const struct bo *bo, uint32_t tag, uint64_t last)
{
	struct bo out = client_bo(c, bo->size, DRM_EGRET_BO_SYSTEM);
	uint64_t i;

	packet_copy(c, out.va, bo->va, bo->size, 0);
	packet_fill(c, bo->va + bo->size - 8, 8, 8, last, EGRET_PKT_BARRIER);
	CHECK_OK(run(c));
	for (i = 0; i < bo->size / PAGE; i++)
		CHECK_EQ(out.u32[i * PAGE / 4], i + tag);
	let_go(c, &out);
}

static void check_shared(unsigned int a, unsigned int b, uint64_t resident)
{
	static const uint32_t placements[] = {
		DRM_EGRET_BO_VRAM, DRM_EGRET_BO_SYSTEM, DRM_EGRET_BO_VRAM | DRM_EGRET_BO_SYSTEM
	};
	unsigned int i, round;

	for (i = 0; i < ARRAY_SIZE(placements); i++) {
		struct pair p = pair_create(a, b, placements[i], 0x10 + i);

		for (round = 0; round < 3; round++) {
			pair_use(&p.other, &p.seen, 0x10 + i, round);
			CHECK_EQ(p.bo.u64[p.bo.size / 8 - 1], round);
			pair_use(&p.owner, &p.bo, 0x10 + i, 100 + round);
			CHECK_EQ(p.bo.u64[p.bo.size / 8 - 1], 100 + round);
			if (placements[i] == DRM_EGRET_BO_VRAM)
				CHECK_EQ(fdinfo(p.owner.fd, "drm-resident-vram"), resident);
			/* In the second round it is not bound between. */
			if (round != 1)
				continue;
			CHECK_OK(vm_unmap(p.other.fd, p.other.vm, p.seen.va, p.seen.size));
			pair_use(&p.owner, &p.bo, 0x10 + i, 1);
			CHECK_OK(vm_map(p.other.fd, p.other.vm, p.seen.handle, 0, p.seen.va,
					p.seen.size, ACCESS_ALL));
		}
		/* The other lets go: all as it was. */
		let_go(&p.other, &p.seen);
		pair_use(&p.owner, &p.bo, 0x10 + i, 2);
		close(p.dma_buf);
	}
}

/*
 * Where a buffer is that two cards use: in the device memory of the one that made it, if
 * the kernel says that the other one can reach that; otherwise in system memory.
 */
static void test_shared(void)
{
	struct places places = cards_find();
	bool near = kernel_has_p2p();

	printf("# the kernel %s cards reach each other's memory\n", near ? "lets" : "does not let");
	check_shared(places.near[0], places.near[1], near ? PAIR_SIZE : 0);
	check_shared(places.far, places.near[0], 0);
}

/* Wait until the buffer of a pair is in device memory (again), which a job brings about. */
static bool pair_returns(struct pair *p)
{
	unsigned int i;

	for (i = 0; i < 100 * test_slow(); i++) {
		CHECK_OK(run(&p->owner));
		if (fdinfo(p->owner.fd, "drm-resident-vram") == p->bo.size)
			return true;
		sleep_ms(100);
	}
	return false;
}

/* The third card takes the buffer, uses it, and lets go. */
static void third_use(struct pair *p, struct client *third)
{
	struct bo seen = bo_import(third, p->dma_buf);

	pair_use(third, &seen, 5, 2);
	CHECK_EQ(fdinfo(p->owner.fd, "drm-resident-vram"), 0);
	CHECK_EQ(p->bo.u64[p->bo.size / 8 - 1], 2);
	pair_use(&p->other, &p->seen, 5, 3);
	pair_use(third, &seen, 5, 4);
	CHECK_EQ(fdinfo(p->owner.fd, "drm-resident-vram"), 0);
	CHECK_EQ(p->bo.u64[p->bo.size / 8 - 1], 4);
	let_go(third, &seen);
}

/* Whether the third card may have the buffer while the second one has it bound. */
static int third_try(struct pair *p, struct client *third)
{
	uint32_t handle;
	int ret;

	CHECK_OK(drmPrimeFDToHandle(third->fd, p->dma_buf, &handle));
	ret = vm_map(third->fd, third->vm, handle, 0, third->next_va, p->bo.size, ACCESS_ALL);
	if (!ret)
		CHECK_OK(vm_unmap(third->fd, third->vm, third->next_va, p->bo.size));
	handle_close(third->fd, handle);
	return ret;
}

/*
 * As long as a third card has it that does not reach it, a buffer is in system memory for all.
 * A kernel without CONFIG_DMABUF_MOVE_NOTIFY pins it where the second card has found it: then
 * the third one is refused until that one has let go.
 */
static void test_shared_by_three(void)
{
	struct places places = cards_find();
	struct pair p = pair_create(places.near[0], places.near[1], DRM_EGRET_BO_VRAM, 5);
	struct client third = on_card(places.far, DRM_EGRET_QUEUE_COPY);
	bool near = kernel_has_p2p();
	uint64_t deadline;
	int ret;

	pair_use(&p.other, &p.seen, 5, 1);
	CHECK_EQ(fdinfo(p.owner.fd, "drm-resident-vram"), near ? p.bo.size : 0);
	ret = third_try(&p, &third);
	if (ret) {
		CHECK(near);
		CHECK_EQ(ret, -EBUSY);
		CHECK_EQ(fdinfo(p.owner.fd, "drm-resident-vram"), p.bo.size);
		pair_use(&p.other, &p.seen, 5, 6);
		CHECK_EQ(p.bo.u64[p.bo.size / 8 - 1], 6);
		let_go(&p.other, &p.seen);
		/* Its driver lets go in its own time. */
		deadline = now_ns() + PATIENCE_MS * 1000000ULL;
		while ((ret = third_try(&p, &third))) {
			CHECK_EQ(ret, -EBUSY);
			CHECK(now_ns() < deadline);
			sleep_ms(10);
		}
		p.seen = bo_import(&p.other, p.dma_buf);
		pair_use(&p.other, &p.seen, 5, 7);
	} else {
		third_use(&p, &third);
		third_use(&p, &third);
	}
	let_go(&p.other, &p.seen);
	CHECK(pair_returns(&p));
	/* The other way round: who is near comes to where the buffer is for the third. */
	if (near) {
		struct bo seen = bo_import(&third, p.dma_buf);

		pair_use(&third, &seen, 5, 8);
		p.seen = bo_import(&p.other, p.dma_buf);
		pair_use(&p.other, &p.seen, 5, 9);
		CHECK_EQ(fdinfo(p.owner.fd, "drm-resident-vram"), 0);
		pair_use(&third, &seen, 5, 10);
		CHECK_EQ(p.bo.u64[p.bo.size / 8 - 1], 10);
		let_go(&p.other, &p.seen);
		let_go(&third, &seen);
	}
	close(p.dma_buf);
	CHECK(pair_returns(&p));
	pair_use(&p.owner, &p.bo, 5, 2);
}

/* A card whose memory another one has bound does not sleep: nobody could wake it. */
static void test_shared_asleep(void)
{
	struct places places = cards_find();
	struct pair p = pair_create(places.near[0], places.near[1], DRM_EGRET_BO_VRAM, 9);
	bool near = kernel_has_p2p();
	char power[PATH_MAX];

	card_path(p.owner.fd, "power", power);
	pair_use(&p.other, &p.seen, 9, 1);
	CHECK_EQ(falls_asleep(power, near ? 500 : PATIENCE_MS), !near);
	pair_use(&p.other, &p.seen, 9, 2);
	CHECK_EQ(p.bo.u64[p.bo.size / 8 - 1], 2);
	close(p.dma_buf);
	let_go(&p.other, &p.seen);
	CHECK(falls_asleep(power, PATIENCE_MS));
	pair_use(&p.owner, &p.bo, 9, 2);
}

/* One job after the other, without a sync object: each waits for the other card. */
static void test_shared_in_turn(void)
{
	struct places places = cards_find();
	struct pair p = pair_create(places.near[0], places.near[1], DRM_EGRET_BO_VRAM, 1);
	struct bo word = client_bo(&p.owner, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t i;

	packet_wait(&p.owner, word.va, 1);
	packet_fill(&p.owner, p.bo.va + 8, 8, 8, 1000, EGRET_PKT_BARRIER);
	CHECK_OK(submit(&p.owner, NULL, 0));
	for (i = 0; i < 10; i++) {
		struct client *c = i % 2 ? &p.owner : &p.other;
		uint64_t va = i % 2 ? p.bo.va : p.seen.va;

		/* Each copies what the one before it wrote. */
		packet_copy(c, va + 16 + 8 * i, va + 8 + 8 * i, 8, 0);
		CHECK_OK(submit(c, NULL, 0));
	}
	word.u64[0] = 1;
	CHECK_OK(run(&p.owner));
	CHECK_OK(run(&p.other));
	CHECK_EQ(p.bo.u64[2 + 9], 1000);
}

enum hold { OWNER_HANDLE, OWNER_FILE, DMA_BUF, OTHER_HANDLE, HOLDS };

/* All orders in which what holds the buffer may go; who still has it can use it. */
static void test_shared_orders(void)
{
	struct places places = cards_find();
	unsigned int order, k;

	for (order = 0; order < HOLDS * HOLDS * HOLDS * HOLDS; order++) {
		unsigned int hold[HOLDS] = {
			order % HOLDS, order / HOLDS % HOLDS, order / 16 % HOLDS, order / 64
		};
		bool owner = true, other = true;
		struct pair p;

		if ((1U << hold[0] | 1U << hold[1] | 1U << hold[2] | 1U << hold[3]) != 15)
			continue;
		p = pair_create(places.near[0], places.near[1], DRM_EGRET_BO_VRAM, order);
		for (k = 0; k < HOLDS; k++) {
			switch (hold[k]) {
			case OWNER_HANDLE:
				if (owner)
					bo_close(p.owner.fd, &p.bo);
				break;
			case OWNER_FILE:
				CHECK_OK(munmap(p.owner.cmd.map, p.owner.cmd.size));
				client_close(&p.owner);
				owner = false;
				break;
			case DMA_BUF:
				close(p.dma_buf);
				break;
			default:
				handle_close(p.other.fd, p.seen.handle);
				CHECK_OK(vm_unmap(p.other.fd, p.other.vm, p.seen.va,
						  p.seen.size));
				other = false;
			}
			/* Bound, it does not need its handle. */
			if (owner)
				pair_use(&p.owner, &p.bo, order, k);
			if (other)
				pair_use(&p.other, &p.seen, order, k);
		}
		CHECK_OK(munmap(p.other.cmd.map, p.other.cmd.size));
		client_close(&p.other);
	}
}

/* Reset a card a few times, in a process of its own. */
static pid_t begin_resets(int fd)
{
	char path[PATH_MAX];
	pid_t pid = fork();
	unsigned int i;

	CHECK(pid >= 0);
	if (pid)
		return pid;
	card_path(fd, "reset_method", path);
	write_text(path, "flr");
	card_path(fd, "reset", path);
	for (i = 0; i < 5; i++) {
		write_text(path, "1");
		sleep_ms(50);
	}
	_exit(0);
}

/*
 * The card is reset whose memory another one reads. That one finds what is there, or that
 * nothing answers, which ends the queue; never something else.
 */
static void test_shared_reset(void)
{
	struct places places = cards_find();
	struct pair p = pair_create(places.near[0], places.near[1], DRM_EGRET_BO_VRAM, 6);
	struct bo out = client_bo(&p.other, PAIR_SIZE, DRM_EGRET_BO_SYSTEM);
	pid_t pid = begin_resets(p.owner.fd);
	unsigned int right = 0, refused = 0, i;
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		packet_fill(&p.other, out.va, out.size, 8, 0, 0);
		packet_copy(&p.other, out.va, p.seen.va, out.size, EGRET_PKT_BARRIER);
		if (run(&p.other)) {
			CHECK_EQ(queue_query(p.other.fd, p.other.queue).state,
				 DRM_EGRET_QUEUE_DEAD_FAULT);
			CHECK_OK(queue_destroy(p.other.fd, p.other.queue));
			p.other.queue = queue_create(p.other.fd, p.other.vm,
						     DRM_EGRET_QUEUE_COPY);
			refused++;
			continue;
		}
		for (i = 0; i < out.size / PAGE; i++)
			CHECK_EQ(out.u32[i * PAGE / 4], i + 6);
		right++;
	}
	CHECK_EQ(status, 0);
	CHECK(right > 0);
	printf("# %u copies were right, %u refused\n", right, refused);
	/* In system memory it is not concerned. */
	CHECK(kernel_has_p2p() || !refused);
	pair_use(&p.other, &p.seen, 6, 1);
	pair_use(&p.owner, &p.bo, 6, 2);
}

static void card_remove(int fd)
{
	char path[PATH_MAX];

	card_path(fd, "remove", path);
	write_text(path, "1");
}

/* The card goes that made a buffer, or has one of another card. */
static void check_shared_removed(unsigned int gone, unsigned int stays)
{
	struct pair made = pair_create(gone, stays, DRM_EGRET_BO_SYSTEM, 0x20);
	struct pair moved = pair_create(gone, stays, DRM_EGRET_BO_VRAM, 0x30);
	struct pair taken = pair_create(stays, gone, DRM_EGRET_BO_VRAM, 0x40);
	unsigned int i;

	pair_use(&made.other, &made.seen, 0x20, 1);
	pair_use(&moved.other, &moved.seen, 0x30, 1);
	pair_use(&taken.other, &taken.seen, 0x40, 1);
	card_remove(made.owner.fd);
	CHECK_ERR(submit(&made.owner, NULL, 0), ENODEV);
	/* What is gone cannot be used, but it can be unbound. */
	CHECK_ERR(run(&made.other), ENODEV);
	CHECK_OK(vm_unmap(made.other.fd, made.other.vm, made.seen.va, made.seen.size));
	CHECK_OK(run(&made.other));
	CHECK_ERR(run(&moved.other), ENODEV);
	/* What is only shared with it is as it was. */
	pair_use(&taken.owner, &taken.bo, 0x40, 2);
	CHECK_EQ(taken.bo.u64[taken.bo.size / 8 - 1], 2);

	/* In any order. */
	client_close(&made.owner);
	handle_close(made.other.fd, made.seen.handle);
	close(made.dma_buf);
	handle_close(moved.other.fd, moved.seen.handle);
	close(moved.dma_buf);
	client_close(&moved.owner);
	close(taken.dma_buf);
	client_close(&taken.other);
	CHECK_OK(munmap(made.bo.map, made.bo.size));
	CHECK_OK(munmap(moved.bo.map, moved.bo.size));
	CHECK_OK(munmap(made.owner.cmd.map, made.owner.cmd.size));
	CHECK_OK(munmap(moved.owner.cmd.map, moved.owner.cmd.size));
	CHECK_OK(munmap(taken.other.cmd.map, taken.other.cmd.size));
	pair_use(&taken.owner, &taken.bo, 0x40, 3);

	write_text("/sys/bus/pci/rescan", "1");
	for (i = 0; i < CARDS; i++) {
		struct client c = on_card(i, DRM_EGRET_QUEUE_COPY);
		struct bo bo = client_bo(&c, 2 * MiB, DRM_EGRET_BO_VRAM);

		check_card(&c, &bo, 800 + i);
	}
}

static void test_shared_removed(void)
{
	struct places places = cards_find();

	check_shared_removed(places.far, places.near[0]);
}

static void test_near_removed(void)
{
	struct places places = cards_find();

	check_shared_removed(places.near[1], places.near[0]);
}

/* One is taken away while all work, and comes back. */
static void test_removed(void)
{
	struct client clients[CARDS];
	struct bo bos[CARDS];
	uint32_t done;
	struct pollfd poll_fd = { .events = POLLIN };
	struct sync_file_info info = {};
	struct drm_egret_sync sync;
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
	card_remove(clients[3].fd);
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

	write_text("/sys/bus/pci/rescan", "1");
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
		TEST_LONG("a buffer that two cards share", test_shared, 90),
		TEST_LONG("a third card that does not reach it", test_shared_by_three, 90),
		TEST_LONG("a card whose memory another one uses stays awake", test_shared_asleep, 60),
		TEST_LONG("two cards work on a buffer in turn", test_shared_in_turn, 60),
		TEST_LONG("a shared buffer is let go of in every order", test_shared_orders, 90),
		TEST_LONG("a card is reset whose memory another one reads", test_shared_reset, 90),
		TEST_LONG("a card that shares buffers is removed", test_shared_removed, 90),
		TEST_LONG("a card near to others is removed", test_near_removed, 90),
		TEST_LONG("one is removed, others go on, it comes back", test_removed, 90),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
