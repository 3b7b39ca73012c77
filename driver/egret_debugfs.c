// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Files for people who look for a fault, in /sys/kernel/debug/accel/<device>. They
 * are no interface: what they contain changes as the driver does.
 * Documentation/accel/egret/debugging.rst describes them.
 *
 * Reading one changes nothing: it neither wakes the card (but for the firmware's log,
 * which nobody else has) nor keeps anybody from working for longer than a look takes.
 * Lines are "key=value", names of processes last, since they may contain anything.
 */
#include <linux/cred.h>
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_placement.h>

#include "egret_bind.h"
#include "egret_bo.h"
#include "egret_client.h"
#include "egret_coredump.h"
#include "egret_debugfs.h"
#include "egret_device.h"
#include "egret_hw.h"
#include "egret_pm.h"
#include "egret_queue.h"
#include "egret_ttm.h"
#include "egret_vm.h"

static struct egret_device *egret_debugfs_device(struct seq_file *m)
{
	const struct drm_debugfs_entry *entry = m->private;

	return to_egret_device(entry->dev);
}

static int egret_debugfs_firmware_log(struct seq_file *m, void *unused)
{
	struct egret_device *edev = egret_debugfs_device(m);
	struct drm_printer p = drm_seq_file_printer(m);
	int ret;

	ret = egret_pm_get(edev);
	if (ret)
		return ret;
	ret = egret_firmware_wait(edev);
	if (!ret)
		ret = egret_firmware_log_update(edev);
	egret_pm_put(edev);
	if (ret == -ERESTARTSYS)
		return ret;
	if (ret)
		drm_printf(&p, "# the firmware cannot be asked (%s): this is what was known\n",
			   egret_firmware_state_name(edev));
	egret_firmware_log_print(edev, &p);
	return 0;
}

static int egret_debugfs_memory(struct seq_file *m, void *unused)
{
	struct drm_printer p = drm_seq_file_printer(m);

	egret_ttm_print(egret_debugfs_device(m), &p);
	return 0;
}

/* ---- clients ---------------------------------------------------------------------- */

static unsigned int egret_debugfs_count(struct xarray *xa)
{
	unsigned long id;
	unsigned int n = 0;
	void *entry;

	xa_for_each(xa, id, entry)
		n++;
	return n;
}

static void egret_debugfs_show_client(struct seq_file *m, struct drm_file *file)
{
	struct egret_file *efile = file->driver_priv;
	u64 cycles[EGRET_QUEUE_TYPES];
	struct task_struct *task;

	egret_queue_file_cycles(efile, cycles);
	seq_printf(m, "client=%llu vms=%u queues=%u compute_cycles=%llu copy_cycles=%llu ",
		   efile->client->id, egret_debugfs_count(&efile->vms),
		   egret_debugfs_count(&efile->queues), cycles[DRM_EGRET_QUEUE_COMPUTE],
		   cycles[DRM_EGRET_QUEUE_COPY]);
	seq_printf(m, "offences=%llu banned=%u ", READ_ONCE(efile->client->offences),
		   READ_ONCE(efile->client->banned));
	rcu_read_lock();
	task = pid_task(rcu_dereference(file->pid), PIDTYPE_TGID);
	seq_printf(m, "uid=%d pid=%d comm=%s\n",
		   task ? (int)from_kuid_munged(seq_user_ns(m), __task_cred(task)->euid) : -1,
		   pid_vnr(rcu_dereference(file->pid)), task ? task->comm : "?");
	rcu_read_unlock();
}

static int egret_debugfs_clients(struct seq_file *m, void *unused)
{
	struct drm_device *drm = &egret_debugfs_device(m)->drm;
	struct drm_file *file;

	mutex_lock(&drm->filelist_mutex);
	list_for_each_entry_reverse(file, &drm->filelist, lhead)
		egret_debugfs_show_client(m, file);
	mutex_unlock(&drm->filelist_mutex);
	return 0;
}

/* ---- address spaces ------------------------------------------------------------------ */

static void egret_debugfs_show_place(struct seq_file *m, struct egret_bo *bo, u64 offset)
{
	struct egret_bo_cursor cursor;
	u64 addr;

	egret_bo_cursor_init(&cursor, bo, offset);
	egret_bo_cursor_next(&cursor, PAGE_SIZE, &addr);
	seq_printf(m, " at=%#llx", addr);
}

/* The address space is locked; a buffer that others share is perhaps. */
static void egret_debugfs_show_buffer(struct seq_file *m, struct egret_bo *bo, u64 offset)
{
	static const char * const regions[] = {
		[TTM_PL_SYSTEM] = "none",
		[TTM_PL_TT] = "system",
		[TTM_PL_VRAM] = "vram",
		[EGRET_PL_FOREIGN] = "foreign",
	};
	bool locked = bo->vm_root || dma_resv_trylock(bo->ttm.base.resv);

	seq_printf(m, " buffer=%#zx offset=%#llx %s region=%s", bo->ttm.base.size, offset,
		   bo->vm_root ? "private" : "shared", regions[READ_ONCE(bo->region)]);
	if (!locked)
		return;
	if (egret_bo_is_placed(bo))
		egret_debugfs_show_place(m, bo, offset);
	if (!bo->vm_root)
		dma_resv_unlock(bo->ttm.base.resv);
}

static void egret_debugfs_show_binding(struct seq_file *m, struct egret_vma *vma)
{
	const struct drm_gpuva *va = &vma->base;

	seq_printf(m, "  va=%#llx size=%#llx access=%s%s%s", va->va.addr, va->va.range,
		   vma->flags & EGRET_PTE_READ ? "r" : "-",
		   vma->flags & EGRET_PTE_WRITE ? "w" : "-",
		   vma->flags & EGRET_PTE_EXEC ? "x" : "-");
	if (vma->userptr)
		seq_printf(m, " userptr=%#llx", va->gem.offset);
	else
		egret_debugfs_show_buffer(m, to_egret_bo(va->gem.obj), va->gem.offset);
	seq_putc(m, '\n');
}

static int egret_debugfs_show_vm(struct seq_file *m, struct egret_vm *vm)
{
	struct dma_resv *resv = drm_gpuvm_resv(&vm->base);
	struct drm_gpuva *va;
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;
	seq_printf(m, "vm=%u client=%llu users=%u pending_binds=%u\n", vm->context,
		   egret_client_id(vm->client), kref_read(&vm->users) - 1,
		   egret_vm_binds_pending(vm));
	drm_gpuvm_for_each_va(va, &vm->base)
		if (va != &vm->base.kernel_alloc_node)
			egret_debugfs_show_binding(m, to_egret_vma(va));
	dma_resv_unlock(resv);
	return 0;
}

static int egret_debugfs_vms(struct seq_file *m, void *unused)
{
	struct egret_device *edev = egret_debugfs_device(m);
	struct egret_vm *vm = NULL;
	int ret;

	while ((vm = egret_vm_next(edev, vm))) {
		ret = egret_debugfs_show_vm(m, vm);
		if (ret) {
			egret_vm_put(vm);
			return ret;
		}
	}
	return 0;
}

/* ---- queues ---------------------------------------------------------------------------- */

static const char *egret_debugfs_queue_state(u32 state)
{
	switch (state) {
	case DRM_EGRET_QUEUE_OK:
		return "ok";
	case DRM_EGRET_QUEUE_DEAD_FAULT:
		return "fault";
	case DRM_EGRET_QUEUE_DEAD_HUNG:
		return "hung";
	case DRM_EGRET_QUEUE_DEAD_RESET:
		return "reset";
	case DRM_EGRET_QUEUE_DEAD_BANNED:
		return "banned";
	default:
		return "closed";
	}
}

static void egret_debugfs_show_registers(struct seq_file *m, struct egret_queue *queue)
{
	static const char * const states[] = {
		[EGRET_Q_STATE_DISABLED] = "disabled",
		[EGRET_Q_STATE_IDLE] = "idle",
		[EGRET_Q_STATE_ACTIVE] = "active",
		[EGRET_Q_STATE_WAITING] = "waiting",
		[EGRET_Q_STATE_STOPPED] = "stopped",
		[EGRET_Q_STATE_FAULTED] = "faulted",
	};
	struct egret_device *edev = queue->edev;
	u32 status;

	if (!egret_hw_try_enter(edev)) {
		seq_puts(m, " hardware=down");
		return;
	}
	status = egret_queue_read(edev, queue->hwid, EGRET_Q_STATUS);
	seq_printf(m, " hardware=%s head=%llu tail=%llu progress=%llu",
		   status < ARRAY_SIZE(states) ? states[status] : "?",
		   egret_queue_read64(edev, queue->hwid, EGRET_Q_HEAD),
		   egret_queue_read64(edev, queue->hwid, EGRET_Q_TAIL),
		   egret_queue_read64(edev, queue->hwid, EGRET_Q_PROGRESS));
	egret_hw_exit(edev);
}

static void egret_debugfs_show_queue(struct seq_file *m, struct egret_queue *queue)
{
	u64 submitted;

	mutex_lock(&queue->submit_lock);
	submitted = queue->last_seqno;
	mutex_unlock(&queue->submit_lock);
	seq_printf(m, "queue=%u client=%llu id=%u vm=%u type=%s priority=%u state=%s",
		   queue->hwid, egret_client_id(queue->client), READ_ONCE(queue->id),
		   queue->vm->context, queue->type == DRM_EGRET_QUEUE_COPY ? "copy" : "compute",
		   (u32)FIELD_GET(EGRET_Q_CONFIG_PRIORITY_MASK, queue->config),
		   egret_debugfs_queue_state(READ_ONCE(queue->state)));
	egret_debugfs_show_registers(m, queue);
	seq_printf(m, " submitted=%llu completed=%llu on_card=%u cycles=%llu pid=%d comm=%s\n",
		   submitted, (u64)atomic64_read(&queue->completed),
		   egret_queue_count_on_card(queue), egret_queue_busy_cycles(queue),
		   queue->owner.pid, queue->client ? queue->owner.comm : "(kernel)");
}

static int egret_debugfs_queues(struct seq_file *m, void *unused)
{
	struct egret_device *edev = egret_debugfs_device(m);
	struct egret_queue *queue = NULL;
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	while ((queue = egret_queue_next(edev, queue)))
		egret_debugfs_show_queue(m, queue);
	drm_dev_exit(idx);
	return 0;
}

/* ---- the card ------------------------------------------------------------------------------ */

static int egret_debugfs_registers(struct seq_file *m, void *unused)
{
	struct egret_device *edev = egret_debugfs_device(m);
	struct drm_printer p = drm_seq_file_printer(m);
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	if (egret_hw_try_enter(edev)) {
		egret_coredump_print_registers(edev, &p);
		egret_hw_exit(edev);
	} else {
		seq_puts(m, "# the card sleeps, or is being reset: its registers do not answer\n");
	}
	drm_dev_exit(idx);
	return 0;
}

/* Write the name of a step: the ladder of resets begins there. */
static ssize_t egret_debugfs_reset(struct file *filp, const char __user *from, size_t size,
				   loff_t *pos)
{
	struct egret_device *edev = file_inode(filp)->i_private;
	enum egret_reset_level level;
	char name[16] = "";
	int idx, ret;

	if (size >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, from, size))
		return -EFAULT;
	level = egret_reset_level_by_name(name);
	if (level == EGRET_RESET_LEVEL_NONE)
		return -EINVAL;
	ret = egret_pm_get(edev);
	if (ret)
		return ret;
	if (drm_dev_enter(&edev->drm, &idx)) {
		egret_reset_and_wait(edev, level, EGRET_RESET_CAUSE_DEBUG);
		drm_dev_exit(idx);
	} else {
		ret = -ENODEV;
	}
	egret_pm_put(edev);
	return ret ?: size;
}

static const struct file_operations egret_debugfs_reset_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = egret_debugfs_reset,
	.llseek = noop_llseek,
};

static const struct drm_debugfs_info egret_debugfs_files[] = {
	{ "clients", egret_debugfs_clients },
	{ "firmware_log", egret_debugfs_firmware_log },
	{ "memory", egret_debugfs_memory },
	{ "queues", egret_debugfs_queues },
	{ "registers", egret_debugfs_registers },
	{ "vms", egret_debugfs_vms },
};

/**
 * egret_debugfs_init() - add the files
 * @edev: card, not yet registered
 */
void egret_debugfs_init(struct egret_device *edev)
{
	drm_debugfs_add_files(&edev->drm, egret_debugfs_files, ARRAY_SIZE(egret_debugfs_files));
	debugfs_create_file("reset", 0200, edev->drm.debugfs_root, edev,
			    &egret_debugfs_reset_fops);
}
