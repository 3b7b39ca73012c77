// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Page tables of the device MMU: the tree alone, without contexts, caches or
 * buffers, so that it can be tested by itself.
 *
 * A change is made in three steps, so that a bind of many operations is done as
 * a whole or not at all:
 *
 * - egret_pgtable_populate() and egret_pgtable_split() make the tables that the
 *   change needs. They may fail. They do not change what any address translates
 *   to: a new table is empty, like the entry that it takes the place of, and a
 *   large page that is split gives 512 small ones that say the same. So there is
 *   nothing to undo on failure but to trim.
 * - egret_pgtable_map() and egret_pgtable_unmap() change translations. They
 *   cannot fail. An entry goes from the old to the new value in one write, never
 *   through an invalid one, so the card sees one or the other.
 * - egret_pgtable_trim() takes empty tables out, after which the caller must
 *   invalidate the MMU's caches before it frees them.
 *
 * A large page is used where the virtual address, the memory and the size allow
 * it and no table is in the way. A table that is in the way stays in use: the
 * steps of one bind may overlap, and a table that an early operation drops may
 * have been made for a late one.
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

/* ---- tables --------------------------------------------------------------- */

static void pt_free(struct egret_pgtable *pgt, struct egret_pt *pt)
{
	if (pt->map)
		pgt->ops->free(pgt, pt);
	kvfree(pt->child);
	kvfree(pt->leaf);
	bitmap_free(pt->valid);
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
	if (level == EGRET_LARGE_LEVEL) {
		pt->leaf = kvcalloc(EGRET_MMU_ENTRIES, sizeof(*pt->leaf), GFP_KERNEL_ACCOUNT);
		if (!pt->leaf)
			goto err_free;
	}
	if (!level) {
		pt->valid = bitmap_zalloc(EGRET_MMU_ENTRIES, GFP_KERNEL_ACCOUNT);
		if (!pt->valid)
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

	for (i = 0; i < EGRET_MMU_ENTRIES; i++)
		pt_write(pt, i, leaf + i * EGRET_SMALL_SIZE);
	bitmap_fill(pt->valid, EGRET_MMU_ENTRIES);
	pt->live = EGRET_MMU_ENTRIES;
}

/* The table behind entry @i of @pt, made if there is none. */
static struct egret_pt *pt_get_child(struct egret_pgtable *pgt, struct egret_pt *pt,
				     unsigned int i)
{
	struct egret_pt *child = pt->child[i];

	if (child)
		return child;
	child = pt_alloc(pgt, pt->level - 1);
	if (IS_ERR(child))
		return child;

	mutex_lock(&pgt->lock);
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
	mutex_unlock(&pgt->lock);
	return child;
}

/* The table of level 1 that translates @va, made if there is none. */
static struct egret_pt *pt_get_large(struct egret_pgtable *pgt, u64 va)
{
	struct egret_pt *pt = pgt->root;

	while (!IS_ERR(pt) && pt->level > EGRET_LARGE_LEVEL)
		pt = pt_get_child(pgt, pt, pt_index(pt->level, va));
	return pt;
}

/* The table of level 1 that translates @va, or NULL. */
static struct egret_pt *pt_find_large(struct egret_pgtable *pgt, u64 va)
{
	struct egret_pt *pt = pgt->root;

	while (pt && pt->level > EGRET_LARGE_LEVEL)
		pt = pt->child[pt_index(pt->level, va)];
	return pt;
}

static bool is_large(u64 va, u64 addr, u64 size)
{
	return size == EGRET_LARGE_SIZE && IS_ALIGNED(va, EGRET_LARGE_SIZE) &&
	       IS_ALIGNED(addr, EGRET_LARGE_SIZE);
}

/**
 * egret_pgtable_populate() - make the tables that a mapping needs
 * @pgt: tree
 * @va: first virtual address, page aligned
 * @addr: where it will be mapped to, page aligned
 * @size: contiguous bytes, whole pages
 *
 * Return: 0, -ENOMEM or -ENOSPC.
 */
int egret_pgtable_populate(struct egret_pgtable *pgt, u64 va, u64 addr, u64 size)
{
	u64 end = va + size;

	while (va < end) {
		u64 next = pt_next(EGRET_LARGE_LEVEL, va, end);
		struct egret_pt *pt = pt_get_large(pgt, va);

		if (!IS_ERR(pt) && !is_large(va, addr, next - va))
			pt = pt_get_child(pgt, pt, pt_index(EGRET_LARGE_LEVEL, va));
		if (IS_ERR(pt))
			return PTR_ERR(pt);
		addr += next - va;
		va = next;
	}
	return 0;
}

/**
 * egret_pgtable_split() - make a boundary of large pages small
 * @pgt: tree
 * @va: address, page aligned; afterwards no large page reaches across it
 * @later: whether none may come to do so before the next egret_pgtable_trim(),
 *	either
 *
 * Return: 0, -ENOMEM or -ENOSPC.
 */
int egret_pgtable_split(struct egret_pgtable *pgt, u64 va, bool later)
{
	struct egret_pt *pt;
	unsigned int i = pt_index(EGRET_LARGE_LEVEL, va);

	if (IS_ALIGNED(va, EGRET_LARGE_SIZE))
		return 0;
	pt = later ? pt_get_large(pgt, va) : pt_find_large(pgt, va);
	if (IS_ERR_OR_NULL(pt))
		return PTR_ERR_OR_ZERO(pt);
	if (!later && !pt->leaf[i])
		return 0;
	return PTR_ERR_OR_ZERO(pt_get_child(pgt, pt, i));
}

/* ---- step 2: change translations ---------------------------------------------- */

/* Write small pages [@va, @end) of one table. Return whether old ones went. */
static bool pt_map_small(struct egret_pt *pt, u64 va, u64 end, u64 addr, u64 flags)
{
	bool changed = false;

	for (; va < end; va += EGRET_SMALL_SIZE, addr += EGRET_SMALL_SIZE) {
		unsigned int i = pt_index(0, va);

		if (__test_and_set_bit(i, pt->valid))
			changed = true;
		else
			pt->live++;
		pt_write(pt, i, addr | flags | EGRET_PTE_VALID);
	}
	return changed;
}

static bool pt_map_large(struct egret_pt *pt, unsigned int i, u64 entry)
{
	bool changed = pt->leaf[i];

	if (!changed)
		pt->live++;
	pt->leaf[i] = entry;
	pt_write(pt, i, entry);
	return changed;
}

/**
 * egret_pgtable_map() - map contiguous memory, in place of what was mapped
 * @pgt: tree, populated for exactly these arguments
 * @va: first virtual address
 * @addr: address of the memory
 * @size: bytes
 * @flags: EGRET_PTE_*, with one of read, write and execute at least
 *
 * Return: whether the MMU may have cached an entry that was replaced.
 */
bool egret_pgtable_map(struct egret_pgtable *pgt, u64 va, u64 addr, u64 size, u64 flags)
{
	u64 end = va + size;
	bool changed = false;

	mutex_lock(&pgt->lock);
	while (va < end) {
		u64 next = pt_next(EGRET_LARGE_LEVEL, va, end);
		struct egret_pt *pt = pt_find_large(pgt, va);
		unsigned int i = pt_index(EGRET_LARGE_LEVEL, va);

		if (pt->child[i])
			changed |= pt_map_small(pt->child[i], va, next, addr, flags);
		else
			changed |= pt_map_large(pt, i, addr | flags | EGRET_PTE_VALID);
		addr += next - va;
		va = next;
	}
	mutex_unlock(&pgt->lock);
	return changed;
}

static bool pt_unmap_small(struct egret_pt *pt, u64 va, u64 end)
{
	bool changed = false;

	for (; va < end; va += EGRET_SMALL_SIZE) {
		unsigned int i = pt_index(0, va);

		if (!__test_and_clear_bit(i, pt->valid))
			continue;
		pt->live--;
		pt_write(pt, i, 0);
		changed = true;
	}
	return changed;
}

static bool pt_unmap(struct egret_pt *pt, u64 va, u64 end)
{
	bool changed = false;
	u64 next;

	if (!pt->level)
		return pt_unmap_small(pt, va, end);
	for (; pt->live && va < end; va = next) {
		unsigned int i = pt_index(pt->level, va);

		next = pt_next(pt->level, va, end);
		if (pt->child[i]) {
			changed |= pt_unmap(pt->child[i], va, next);
		} else if (pt->leaf && pt->leaf[i]) {
			/* Not split at the boundary: the caller's mistake. */
			WARN_ON_ONCE(next - va != EGRET_LARGE_SIZE);
			pt->leaf[i] = 0;
			pt->live--;
			pt_write(pt, i, 0);
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

	mutex_lock(&pgt->lock);
	changed = pt_unmap(pgt->root, va, va + size);
	mutex_unlock(&pgt->lock);
	return changed;
}

/* ---- step 3: remove tables ------------------------------------------------------ */

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
		if (child->live)
			continue;
		pt->child[i] = NULL;
		pt->live--;
		pt_write(pt, i, 0);
		list_add_tail(&child->link, unused);
	}
}

/**
 * egret_pgtable_trim() - take tables out that translate nothing any more
 * @pgt: tree
 * @va: first virtual address of the tables to look at
 * @size: bytes
 * @unused: list that they are added to. They may be freed when the MMU's caches
 *	have been invalidated for the range.
 */
void egret_pgtable_trim(struct egret_pgtable *pgt, u64 va, u64 size,
			struct list_head *unused)
{
	mutex_lock(&pgt->lock);
	pt_trim(pgt->root, va, va + size, unused);
	mutex_unlock(&pgt->lock);
}
