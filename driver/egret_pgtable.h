/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_PGTABLE_H
#define EGRET_PGTABLE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include <egret/mmu.h>

/**
 * struct egret_pt - one table of a page table tree
 */
struct egret_pt {
	/** @addr: Where it is in device memory. */
	u64 addr;
	/** @map: Its entries. Written, never read: see @leaf and @child. */
	u64 __iomem *map;
	/** @priv: Of the allocator. */
	void *priv;
	/** @level: 3 for the root to 0. */
	unsigned int level;
	/** @live: Entries in use. */
	unsigned int live;
	/** @reserved: Changes that are yet to come and need the table. */
	unsigned int reserved;
	/** @link: In a list of tables that are not in a tree (any more). */
	struct list_head link;
	/** @child: Levels 3 to 1: tables that the entries point to, or NULL. */
	struct egret_pt **child;
	/** @leaf: Levels 1 and 0: entries that are leaves, or zero. */
	u64 *leaf;
};

struct egret_pgtable;

/*
 * Instead of an address in egret_pgtable_populate(): whatever will be mapped at @va,
 * it will be in small pages.
 */
#define EGRET_PGTABLE_SMALL(va)	((va) + BIT_ULL(EGRET_MMU_PAGE_SHIFT))

/**
 * struct egret_pgtable_ops - where tables come from
 */
struct egret_pgtable_ops {
	/** @alloc: Make the memory of @pt (addr, map, priv), filled with zeros. */
	int (*alloc)(struct egret_pgtable *pgt, struct egret_pt *pt);
	/** @free: Undo @alloc. */
	void (*free)(struct egret_pgtable *pgt, struct egret_pt *pt);
	/**
	 * @begin: Before entries are written. Optional. Returns false if nobody
	 * will read them any more; then @end is not called.
	 */
	bool (*begin)(struct egret_pgtable *pgt);
	/** @end: After entries were written. Set if @begin is. */
	void (*end)(struct egret_pgtable *pgt);
};

/**
 * struct egret_pgtable - a page table tree
 */
struct egret_pgtable {
	/** @ops: Where tables come from. */
	const struct egret_pgtable_ops *ops;
	/** @root: Level 3. */
	struct egret_pt *root;
	/**
	 * @lock: Protects all tables: which there are, their entries and their
	 * reservations. Never held over an allocation, so that it may be taken
	 * on the fence-signalling path and in MMU notifiers.
	 */
	struct mutex lock;
	/** @ready: What &egret_pgtable_ops.begin returned. Under @lock. */
	bool ready;
};

int egret_pgtable_init(struct egret_pgtable *pgt, const struct egret_pgtable_ops *ops);
void egret_pgtable_fini(struct egret_pgtable *pgt);

int egret_pgtable_populate(struct egret_pgtable *pgt, u64 va, u64 addr, u64 size);
void egret_pgtable_release(struct egret_pgtable *pgt, u64 va, u64 addr, u64 size);
int egret_pgtable_split(struct egret_pgtable *pgt, u64 va, bool later);
void egret_pgtable_release_split(struct egret_pgtable *pgt, u64 va);
bool egret_pgtable_map(struct egret_pgtable *pgt, u64 va, u64 addr, u64 size, u64 flags,
		       struct list_head *unused);
bool egret_pgtable_unmap(struct egret_pgtable *pgt, u64 va, u64 size);
bool egret_pgtable_zap(struct egret_pgtable *pgt, u64 va, u64 addr, u64 size);
void egret_pgtable_trim(struct egret_pgtable *pgt, u64 va, u64 size,
			struct list_head *unused);
void egret_pgtable_free_list(struct egret_pgtable *pgt, struct list_head *tables);

/* What the root register of a context holds. */
static inline u64 egret_pgtable_root_entry(const struct egret_pgtable *pgt)
{
	return pgt->root->addr | EGRET_PTE_VALID;
}

#endif /* EGRET_PGTABLE_H */
