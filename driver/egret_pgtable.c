// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Page tables of the device MMU: the tree alone, without contexts, caches or
 * buffers, so that it can be tested by itself.
 *
 * A change is made in steps, so that a bind of many operations is done as a whole
 * or not at all, and so that the part that changes anything can be done later, on
 * the fence-signalling path:
 *
 * - egret_pgtable_populate() and egret_pgtable_split() make the tables that the
 *   change needs, and reserve them. They may fail. They do not change what any
 *   address translates to: a new table is empty, like the entry that it takes the
 *   place of, and a large page that is split gives 512 small ones that say the
 *   same. So there is nothing to undo on failure but to release and trim.
 * - egret_pgtable_map() and egret_pgtable_unmap() change translations. They
 *   cannot fail. An entry goes from the old to the new value in one write, never
 *   through an invalid one, so the card sees one or the other.
 * - egret_pgtable_release() and egret_pgtable_release_split() end a reservation.
 * - egret_pgtable_trim() takes tables out that are empty and not reserved, after
 *   which the caller must invalidate the MMU's caches before it frees them.
 *
 * Between the first and the second step, other changes may come to pass. Whatever
 * they do, a reserved table stays. A reserved table of level 0 also keeps large
 * pages away, so the change can cut at its ends what others have mapped meanwhile.
 *
 * A large page is used where the virtual address, the memory and the size allow it.
 * It takes the place of a table of small pages, unless that one is reserved: it may
 * have been made for a later change that will cut the page.
 *
 * The tables are in device memory behind a write-combined mapping, where reads
 * are slow. What must be known of their contents is kept beside them.
 */
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "egret_pgtable.h"

#define EGRET_LARGE_SIZE	BIT_ULL(EGRET_MMU_LARGE_SHIFT)
#define EGRET_SMALL_SIZE	BIT_ULL(EGRET_MMU_PAGE_SHIFT)
#define EGRET_LARGE_LEVEL	1
#define EGRET_ROOT_LEVEL	(EGRET_MMU_LEVELS - 1)

static unsigned int pt_index(unsigned int level, u64 va)
{
	return (va >> EGRET_MMU_LEVEL_SHIFT(level)) & (EGRET_MMU_ENTRIES - 1);
}

/* First address behind the entry of @level that translates @va, or @end. */
static u64 pt_next(unsigned int level, u64 va, u64 end)
{
	u64 size = BIT_ULL(EGRET_MMU_LEVEL_SHIFT(level));

	return min(round_down(va, size) + size, end);
}

static void pt_write(struct egret_pt *pt, unsigned int i, u64 entry)
{
	writeq(entry, pt->map + i);
}

/* Begin to write entries: waits for memory that can be written. */
static void egret_pgtable_lock(struct egret_pgtable *pgt)
{
	bool ready = pgt->ops->begin && pgt->ops->begin(pgt);

	mutex_lock(&pgt->lock);
	pgt->ready = ready;
}

static void egret_pgtable_unlock(struct egret_pgtable *pgt)
{
	bool ready = pgt->ready;

	mutex_unlock(&pgt->lock);
	if (ready)
		pgt->ops->end(pgt);
}

/* ---- tables --------------------------------------------------------------- */

static void pt_free(struct egret_pgtable *pgt, struct egret_pt *pt)
{
	if (pt->map)
		pgt->ops->free(pgt, pt);
	kvfree(pt->child);
	kvfree(pt->leaf);
	kfree(pt);
}

static struct egret_pt *pt_alloc(struct egret_pgtable *pgt, unsigned int level)
{
	struct egret_pt *pt = kzalloc(sizeof(*pt), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (!pt)
		return ERR_PTR(-ENOMEM);
	pt->level = level;
	INIT_LIST_HEAD(&pt->link);
	if (level) {
		pt->child = kvcalloc(EGRET_MMU_ENTRIES, sizeof(*pt->child), GFP_KERNEL_ACCOUNT);
		if (!pt->child)
			goto err_free;
	}
	if (level <= EGRET_LARGE_LEVEL) {
		pt->leaf = kvcalloc(EGRET_MMU_ENTRIES, sizeof(*pt->leaf), GFP_KERNEL_ACCOUNT);
		if (!pt->leaf)
			goto err_free;
	}
	ret = pgt->ops->alloc(pgt, pt);
	if (ret)
		goto err_free;
	return pt;

err_free:
	pt_free(pgt, pt);
	return ERR_PTR(ret);
}

static void pt_free_tree(struct egret_pgtable *pgt, struct egret_pt *pt)
{
	unsigned int i;

	for (i = 0; pt->child && i < EGRET_MMU_ENTRIES; i++)
		if (pt->child[i])
			pt_free_tree(pgt, pt->child[i]);
	pt_free(pgt, pt);
}

/**
 * egret_pgtable_init() - make an empty tree
 * @pgt: tree
 * @ops: where tables come from
 *
 * Return: 0, or a negative errno.
 */
int egret_pgtable_init(struct egret_pgtable *pgt, const struct egret_pgtable_ops *ops)
{
	pgt->ops = ops;
	pgt->root = pt_alloc(pgt, EGRET_ROOT_LEVEL);
	if (IS_ERR(pgt->root))
		return PTR_ERR(pgt->root);
	mutex_init(&pgt->lock);
	return 0;
}

/**
 * egret_pgtable_fini() - free a tree with all of its tables
 * @pgt: tree, which no unit of the card uses any more
 */
void egret_pgtable_fini(struct egret_pgtable *pgt)
{
	pt_free_tree(pgt, pgt->root);
	mutex_destroy(&pgt->lock);
}

/**
 * egret_pgtable_free_list() - free tables that were trimmed
 * @pgt: tree that they were in
 * @tables: the tables; empty afterwards
 */
void egret_pgtable_free_list(struct egret_pgtable *pgt, struct list_head *tables)
{
	struct egret_pt *pt, *next;

	list_for_each_entry_safe(pt, next, tables, link) {
		list_del(&pt->link);
		pt_free(pgt, pt);
	}
}

/* ---- step 1: make tables ---------------------------------------------------- */

/* Copy a large page's translation into the table that will replace it. */
static void pt_fill_from_leaf(struct egret_pt *pt, u64 leaf)
{
	unsigned int i;

	for (i = 0; i < EGRET_MMU_ENTRIES; i++) {
		pt->leaf[i] = leaf + i * EGRET_SMALL_SIZE;
		pt_write(pt, i, pt->leaf[i]);
	}
	pt->live = EGRET_MMU_ENTRIES;
}

/* Put a new table behind entry @i, in place of the large page if there is one. */
static void pt_insert(struct egret_pt *pt, unsigned int i, struct egret_pt *child)
{
	if (pt->leaf && pt->leaf[i]) {
		pt_fill_from_leaf(child, pt->leaf[i]);
		pt->leaf[i] = 0;
	} else {
		pt->live++;
	}
	pt->child[i] = child;
	/* The card must not find the table before its contents. */
	wmb();
	pt_write(pt, i, child->addr | EGRET_PTE_VALID);
}

/*
 * Reserve the table behind entry @i of @pt, which is made if there is none. @pt is
 * the root or reserved.
 */
static struct egret_pt *pt_reserve_child(struct egret_pgtable *pgt, struct egret_pt *pt,
					 unsigned int i)
{
	struct egret_pt *child, *spare = NULL;

	egret_pgtable_lock(pgt);
	if (!pt->child[i]) {
		egret_pgtable_unlock(pgt);
		spare = pt_alloc(pgt, pt->level - 1);
		if (IS_ERR(spare))
			return spare;
		egret_pgtable_lock(pgt);
	}
	if (!pt->child[i]) {
		pt_insert(pt, i, spare);
		spare = NULL;
	}
	child = pt->child[i];
	child->reserved++;
	egret_pgtable_unlock(pgt);
	/* Somebody else was faster. */
	if (spare)
		pt_free(pgt, spare);
	return child;
}

static void pt_release(struct egret_pgtable *pgt, struct egret_pt *pt)
{
	if (pt == pgt->root)
		return;
	egret_pgtable_lock(pgt);
	pt->reserved--;
	egret_pgtable_unlock(pgt);
}

/*
 * Reserve the table of @level that translates @va. Those above it stay as long as
 * it does, without being reserved.
 */
static struct egret_pt *pt_reserve(struct egret_pgtable *pgt, u64 va, unsigned int level)
{
	struct egret_pt *pt = pgt->root;

	while (pt->level > level) {
		struct egret_pt *child = pt_reserve_child(pgt, pt, pt_index(pt->level, va));

		pt_release(pgt, pt);
		if (IS_ERR(child))
			return child;
		pt = child;
	}
	return pt;
}

/* The table of @level that translates @va, or NULL. */
static struct egret_pt *pt_find(struct egret_pgtable *pgt, u64 va, unsigned int level)
{
	struct egret_pt *pt = pgt->root;

	lockdep_assert_held(&pgt->lock);
	while (pt && pt->level > level)
		pt = pt->child[pt_index(pt->level, va)];
	return pt;
}

/* The table of level 1 that translates @va, or NULL. */
static struct egret_pt *pt_find_large(struct egret_pgtable *pgt, u64 va)
{
	return pt_find(pgt, va, EGRET_LARGE_LEVEL);
}

static bool is_large(u64 va, u64 addr, u64 size)
{
	return size == EGRET_LARGE_SIZE && IS_ALIGNED(va, EGRET_LARGE_SIZE) &&
	       IS_ALIGNED(addr, EGRET_LARGE_SIZE);
}

/* The level of the table whose entries map @size bytes at @va to @addr. */
static unsigned int pt_leaf_level(u64 va, u64 addr, u64 size)
{
	return is_large(va, addr, size) ? EGRET_LARGE_LEVEL : 0;
}

/**
 * egret_pgtable_populate() - make and reserve the tables that a mapping needs
 * @pgt: tree
 * @va: first virtual address, page aligned
 * @addr: where it will be mapped to, page aligned
 * @size: contiguous bytes, whole pages
 *
 * After a failure nothing is reserved, but empty tables may be left to be trimmed.
 *
 * Return: 0, -ENOMEM or -ENOSPC.
 */
int egret_pgtable_populate(struct egret_pgtable *pgt, u64 va, u64 addr, u64 size)
{
	u64 pos = va, end = va + size;

	while (pos < end) {
		u64 next = pt_next(EGRET_LARGE_LEVEL, pos, end);
		struct egret_pt *pt;

		pt = pt_reserve(pgt, pos, pt_leaf_level(pos, addr + (pos - va), next - pos));
		if (IS_ERR(pt)) {
			egret_pgtable_release(pgt, va, addr, pos - va);
			return PTR_ERR(pt);
		}
		pos = next;
	}
	return 0;
}

/**
 * egret_pgtable_release() - end the reservation of egret_pgtable_populate()
 * @pgt: tree
 * @va: as there
 * @addr: as there
 * @size: as there
 */
void egret_pgtable_release(struct egret_pgtable *pgt, u64 va, u64 addr, u64 size)
{
	u64 end = va + size;

	egret_pgtable_lock(pgt);
	while (va < end) {
		u64 next = pt_next(EGRET_LARGE_LEVEL, va, end);

		pt_find(pgt, va, pt_leaf_level(va, addr, next - va))->reserved--;
		addr += next - va;
		va = next;
	}
	egret_pgtable_unlock(pgt);
}

/* Whether a table or a large page is behind the entry of level 1 for @va. */
static bool pt_has_large(struct egret_pgtable *pgt, u64 va)
{
	unsigned int i = pt_index(EGRET_LARGE_LEVEL, va);
	struct egret_pt *pt;
	bool found;

	egret_pgtable_lock(pgt);
	pt = pt_find_large(pgt, va);
	found = pt && (pt->child[i] || pt->leaf[i]);
	egret_pgtable_unlock(pgt);
	return found;
}

/**
 * egret_pgtable_split() - make a boundary of large pages small
 * @pgt: tree
 * @va: address, page aligned; until the reservation is released, no large page
 *	reaches across it
 * @later: whether something may come to be mapped there meanwhile; otherwise
 *	nothing needs to be done where nothing is mapped
 *
 * Return: 1 if a table was reserved, for egret_pgtable_release_split(); 0 if there
 * is no need to; -ENOMEM or -ENOSPC.
 */
int egret_pgtable_split(struct egret_pgtable *pgt, u64 va, bool later)
{
	struct egret_pt *pt;

	if (IS_ALIGNED(va, EGRET_LARGE_SIZE))
		return 0;
	if (!later && !pt_has_large(pgt, va))
		return 0;
	pt = pt_reserve(pgt, va, 0);
	return IS_ERR(pt) ? PTR_ERR(pt) : 1;
}

/**
 * egret_pgtable_release_split() - end the reservation of egret_pgtable_split()
 * @pgt: tree
 * @va: as there
 */
void egret_pgtable_release_split(struct egret_pgtable *pgt, u64 va)
{
	egret_pgtable_lock(pgt);
	pt_find(pgt, va, 0)->reserved--;
	egret_pgtable_unlock(pgt);
}

/* ---- step 2: change translations ---------------------------------------------- */

/* Write a leaf. Return whether an old one went. */
static bool pt_set_leaf(struct egret_pt *pt, unsigned int i, u64 entry)
{
	bool changed = pt->leaf[i];

	if (!changed)
		pt->live++;
	pt->leaf[i] = entry;
	pt_write(pt, i, entry);
	return changed;
}

static void pt_clear_leaf(struct egret_pt *pt, unsigned int i)
{
	pt->leaf[i] = 0;
	pt->live--;
	pt_write(pt, i, 0);
}

/* Write small pages [@va, @end) of one table. Return whether old ones went. */
static bool pt_map_small(struct egret_pt *pt, u64 va, u64 end, u64 entry)
{
	bool changed = false;

	for (; va < end; va += EGRET_SMALL_SIZE, entry += EGRET_SMALL_SIZE)
		changed |= pt_set_leaf(pt, pt_index(0, va), entry);
	return changed;
}

/* Put a large page in the place of a table. */
static void pt_merge(struct egret_pt *pt, unsigned int i, u64 entry, struct list_head *unused)
{
	list_add_tail(&pt->child[i]->link, unused);
	pt->child[i] = NULL;
	pt->leaf[i] = entry;
	pt_write(pt, i, entry);
}

/* Write what one entry of @pt, a table of level 1, translates. */
static bool pt_map(struct egret_pt *pt, u64 va, u64 end, u64 entry, struct list_head *unused)
{
	unsigned int i = pt_index(EGRET_LARGE_LEVEL, va);
	struct egret_pt *child = pt->child[i];

	if (!child)
		return pt_set_leaf(pt, i, entry);
	if (child->reserved || !is_large(va, entry & EGRET_PTE_ADDR_MASK, end - va))
		return pt_map_small(child, va, end, entry);
	pt_merge(pt, i, entry, unused);
	return true;
}

/**
 * egret_pgtable_map() - map contiguous memory, in place of what was mapped
 * @pgt: tree, populated for exactly these arguments, and not released yet
 * @va: first virtual address
 * @addr: address of the memory
 * @size: bytes
 * @flags: EGRET_PTE_*, with one of read, write and execute at least
 * @unused: list that tables are added to which large pages took the place of; as
 *	with egret_pgtable_trim()
 *
 * Return: whether the MMU may have cached an entry that was replaced.
 */
bool egret_pgtable_map(struct egret_pgtable *pgt, u64 va, u64 addr, u64 size, u64 flags,
		       struct list_head *unused)
{
	u64 end = va + size;
	bool changed = false;

	egret_pgtable_lock(pgt);
	while (va < end) {
		u64 next = pt_next(EGRET_LARGE_LEVEL, va, end);

		changed |= pt_map(pt_find_large(pgt, va), va, next,
				  addr | flags | EGRET_PTE_VALID, unused);
		addr += next - va;
		va = next;
	}
	egret_pgtable_unlock(pgt);
	return changed;
}

static bool pt_unmap(struct egret_pt *pt, u64 va, u64 end)
{
	bool changed = false;
	u64 next;

	for (; pt->live && va < end; va = next) {
		unsigned int i = pt_index(pt->level, va);

		next = pt_next(pt->level, va, end);
		if (pt->child && pt->child[i]) {
			changed |= pt_unmap(pt->child[i], va, next);
		} else if (pt->leaf && pt->leaf[i]) {
			/* Not split at the boundary: the caller's mistake. */
			WARN_ON_ONCE(next - va != BIT_ULL(EGRET_MMU_LEVEL_SHIFT(pt->level)));
			pt_clear_leaf(pt, i);
			changed = true;
		}
	}
	return changed;
}

/**
 * egret_pgtable_unmap() - unmap whatever is mapped in a range
 * @pgt: tree, split at both ends of the range
 * @va: first virtual address
 * @size: bytes
 *
 * Return: whether the MMU may have cached an entry that is gone.
 */
bool egret_pgtable_unmap(struct egret_pgtable *pgt, u64 va, u64 size)
{
	bool changed;

	egret_pgtable_lock(pgt);
	changed = pt_unmap(pgt->root, va, va + size);
	egret_pgtable_unlock(pgt);
	return changed;
}

/*
 * Clear the leaves among the entries of @pt for [@va, @end) that translate to what
 * would be at @addr if @va were mapped there.
 */
static bool pt_zap(struct egret_pt *pt, u64 va, u64 end, u64 addr)
{
	bool changed = false;
	u64 next;

	for (; pt->live && va < end; addr += next - va, va = next) {
		unsigned int i = pt_index(pt->level, va);
		u64 skip = va & (BIT_ULL(EGRET_MMU_LEVEL_SHIFT(pt->level)) - 1);

		next = pt_next(pt->level, va, end);
		if (pt->child && pt->child[i]) {
			changed |= pt_zap(pt->child[i], va, next, addr);
		} else if (pt->leaf && pt->leaf[i] &&
			   (pt->leaf[i] & EGRET_PTE_SYSTEM) &&
			   (pt->leaf[i] & EGRET_PTE_ADDR_MASK) == addr - skip) {
			pt_clear_leaf(pt, i);
			changed = true;
		}
	}
	return changed;
}

/**
 * egret_pgtable_zap() - unmap system memory wherever a range still maps to it
 * @pgt: tree
 * @va: first virtual address
 * @addr: where it was mapped to
 * @size: contiguous bytes
 *
 * Pages of the range that map to something else by now are left alone. A large page
 * that is only a part of the range goes as a whole.
 *
 * Return: whether the MMU may have cached an entry that is gone.
 */
bool egret_pgtable_zap(struct egret_pgtable *pgt, u64 va, u64 addr, u64 size)
{
	bool changed;

	egret_pgtable_lock(pgt);
	changed = pt_zap(pgt->root, va, va + size, addr);
	egret_pgtable_unlock(pgt);
	return changed;
}

/* ---- the end: remove tables ----------------------------------------------------- */

static void pt_trim(struct egret_pt *pt, u64 va, u64 end, struct list_head *unused)
{
	u64 next;

	for (; pt->live && va < end; va = next) {
		unsigned int i = pt_index(pt->level, va);
		struct egret_pt *child = pt->child[i];

		next = pt_next(pt->level, va, end);
		if (!child)
			continue;
		if (child->level)
			pt_trim(child, va, next, unused);
		if (child->live || child->reserved)
			continue;
		pt->child[i] = NULL;
		pt->live--;
		pt_write(pt, i, 0);
		list_add_tail(&child->link, unused);
	}
}

/**
 * egret_pgtable_trim() - take tables out that nobody needs any more
 * @pgt: tree
 * @va: first virtual address of the tables to look at
 * @size: bytes
 * @unused: list that they are added to. They may be freed when the MMU's caches
 *	have been invalidated for the range.
 */
void egret_pgtable_trim(struct egret_pgtable *pgt, u64 va, u64 size,
			struct list_head *unused)
{
	egret_pgtable_lock(pgt);
	pt_trim(pgt->root, va, va + size, unused);
	egret_pgtable_unlock(pgt);
}
