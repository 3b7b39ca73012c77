/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
/*
 * Tracepoints. Jobs can be followed by their fence (context, seqno), which is also
 * in the tracepoints of dma_fence and gpu_scheduler; so can asynchronous binds. "client"
 * is the drm-client-id of fdinfo, 0 for the kernel; "queue" and "vm" are numbers in
 * hardware. Documentation/accel/egret/debugging.rst explains them.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM egret

#if !defined(EGRET_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define EGRET_TRACE_H

#include <linux/tracepoint.h>

#include <drm/ttm/ttm_placement.h>

#include "egret_bo.h"
#include "egret_client.h"
#include "egret_fault.h"
#include "egret_fence.h"
#include "egret_job.h"
#include "egret_queue.h"
#include "egret_vm.h"

#define egret_trace_region(place)		\
	__print_symbolic(place,			\
			 { TTM_PL_SYSTEM, "none" },	\
			 { TTM_PL_TT, "system" },	\
			 { TTM_PL_VRAM, "vram" })

DECLARE_EVENT_CLASS(egret_job,
		    TP_PROTO(const struct egret_job *job),
		    TP_ARGS(job),
		    TP_STRUCT__entry(__string(dev, dev_name(job->queue->edev->drm.dev))
				     __field(u32, queue)
				     __field(u32, calls)
				     __field(u64, client)
				     __field(u64, context)
				     __field(u64, seqno)),
		    TP_fast_assign(__assign_str(dev);
				   __entry->queue = job->queue->hwid;
				   __entry->calls = job->num_calls;
				   __entry->client = egret_client_id(job->queue->client);
				   __entry->context = job->queue->fence_context;
				   __entry->seqno = job->seqno;),
		    TP_printk("dev=%s client=%llu queue=%u context=%llu seqno=%llu calls=%u",
			      __get_str(dev), __entry->client, __entry->queue, __entry->context,
			      __entry->seqno, __entry->calls));

/* It was accepted, and waits for what it depends on and for room in the ring. */
DEFINE_EVENT(egret_job, egret_job_submit,
	     TP_PROTO(const struct egret_job *job),
	     TP_ARGS(job));

/* It is given to the hardware. */
DEFINE_EVENT(egret_job, egret_job_run,
	     TP_PROTO(const struct egret_job *job),
	     TP_ARGS(job));

TRACE_EVENT(egret_job_end,
	    TP_PROTO(const struct egret_queue *queue, u64 seqno, bool cancelled),
	    TP_ARGS(queue, seqno, cancelled),
	    TP_STRUCT__entry(__string(dev, dev_name(queue->edev->drm.dev))
			     __field(u32, queue)
			     __field(u64, client)
			     __field(u64, context)
			     __field(u64, seqno)
			     __field(bool, cancelled)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue->hwid;
			   __entry->client = egret_client_id(queue->client);
			   __entry->context = queue->fence_context;
			   __entry->seqno = seqno;
			   __entry->cancelled = cancelled;),
	    TP_printk("dev=%s client=%llu queue=%u context=%llu seqno=%llu%s", __get_str(dev),
		      __entry->client, __entry->queue, __entry->context, __entry->seqno,
		      __entry->cancelled ? " cancelled" : ""));

TRACE_EVENT(egret_queue_kill,
	    TP_PROTO(const struct egret_queue *queue, u32 state),
	    TP_ARGS(queue, state),
	    TP_STRUCT__entry(__string(dev, dev_name(queue->edev->drm.dev))
			     __field(u32, queue)
			     __field(u32, state)
			     __field(u64, client)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue->hwid;
			   __entry->state = state;
			   __entry->client = egret_client_id(queue->client);),
	    TP_printk("dev=%s client=%llu queue=%u reason=%s", __get_str(dev),
		      __entry->client, __entry->queue,
		      __print_symbolic(__entry->state,
				       { DRM_EGRET_QUEUE_DEAD_FAULT, "fault" },
				       { DRM_EGRET_QUEUE_DEAD_HUNG, "hung" },
				       { DRM_EGRET_QUEUE_DEAD_RESET, "reset" },
				       { DRM_EGRET_QUEUE_DEAD_BANNED, "banned" },
				       { EGRET_QUEUE_CLOSED, "closed" })));

TRACE_EVENT(egret_ban,
	    TP_PROTO(const struct egret_queue *queue),
	    TP_ARGS(queue),
	    TP_STRUCT__entry(__string(dev, dev_name(queue->edev->drm.dev))
			     __field(u32, queue)
			     __field(u64, client)
			     __field(u64, offences)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue->hwid;
			   __entry->client = queue->client->id;
			   __entry->offences = queue->client->offences;),
	    TP_printk("dev=%s client=%llu queue=%u offences=%llu", __get_str(dev),
		      __entry->client, __entry->queue, __entry->offences));

TRACE_EVENT(egret_firmware_state,
	    TP_PROTO(const struct egret_device *edev, const char *state),
	    TP_ARGS(edev, state),
	    TP_STRUCT__entry(__string(dev, dev_name(edev->drm.dev))
			     __string(state, state)),
	    TP_fast_assign(__assign_str(dev);
			   __assign_str(state);),
	    TP_printk("dev=%s %s", __get_str(dev), __get_str(state)));

TRACE_EVENT(egret_firmware_event,
	    TP_PROTO(const struct egret_device *edev, u32 event, u32 value),
	    TP_ARGS(edev, event, value),
	    TP_STRUCT__entry(__string(dev, dev_name(edev->drm.dev))
			     __field(u32, event)
			     __field(u32, value)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->event = event;
			   __entry->value = value;),
	    TP_printk("dev=%s event=%u value=%#x", __get_str(dev), __entry->event,
		      __entry->value));

TRACE_EVENT(egret_mailbox,
	    TP_PROTO(const struct egret_device *edev, u32 type, int result),
	    TP_ARGS(edev, type, result),
	    TP_STRUCT__entry(__string(dev, dev_name(edev->drm.dev))
			     __field(u32, type)
			     __field(int, result)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->type = type;
			   __entry->result = result;),
	    TP_printk("dev=%s type=%#x result=%d", __get_str(dev), __entry->type,
		      __entry->result));

TRACE_EVENT(egret_ras,
	    TP_PROTO(const struct egret_device *edev, const char *event, u64 value),
	    TP_ARGS(edev, event, value),
	    TP_STRUCT__entry(__string(dev, dev_name(edev->drm.dev))
			     __string(event, event)
			     __field(u64, value)),
	    TP_fast_assign(__assign_str(dev);
			   __assign_str(event);
			   __entry->value = value;),
	    TP_printk("dev=%s event=%s value=%#llx", __get_str(dev), __get_str(event),
		      __entry->value));

TRACE_EVENT(egret_reset,
	    TP_PROTO(const struct egret_device *edev, enum egret_reset_level level,
		     enum egret_reset_cause cause, int result),
	    TP_ARGS(edev, level, cause, result),
	    TP_STRUCT__entry(__string(dev, dev_name(edev->drm.dev))
			     __string(level, egret_reset_level_name(level))
			     __string(cause, egret_reset_cause_name(cause))
			     __field(int, result)),
	    TP_fast_assign(__assign_str(dev);
			   __assign_str(level);
			   __assign_str(cause);
			   __entry->result = result;),
	    TP_printk("dev=%s level=%s result=%d cause=\"%s\"", __get_str(dev),
		      __get_str(level), __entry->result, __get_str(cause)));

TRACE_EVENT(egret_pm,
	    TP_PROTO(const struct egret_device *edev, const char *event, int result),
	    TP_ARGS(edev, event, result),
	    TP_STRUCT__entry(__string(dev, dev_name(edev->drm.dev))
			     __string(event, event)
			     __field(int, result)),
	    TP_fast_assign(__assign_str(dev);
			   __assign_str(event);
			   __entry->result = result;),
	    TP_printk("dev=%s %s result=%d", __get_str(dev), __get_str(event),
		      __entry->result));

TRACE_EVENT(egret_fault,
	    TP_PROTO(const struct egret_queue *queue, const struct egret_fault *fault),
	    TP_ARGS(queue, fault),
	    TP_STRUCT__entry(__string(dev, dev_name(queue->edev->drm.dev))
			     __field(u32, queue)
			     __field(u32, code)
			     __field(u32, info)
			     __field(u32, value)
			     __field(u64, client)
			     __field(u64, addr)
			     __field(u64, pc)
			     __field(u64, cookie)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue->hwid;
			   __entry->client = egret_client_id(queue->client);
			   __entry->code = fault->code;
			   __entry->info = fault->info;
			   __entry->value = fault->value;
			   __entry->addr = fault->addr;
			   __entry->pc = fault->pc;
			   __entry->cookie = fault->cookie;),
	    TP_printk("dev=%s client=%llu queue=%u code=%#x info=%#x value=%#x addr=%#llx pc=%#llx cookie=%#llx",
		      __get_str(dev), __entry->client, __entry->queue, __entry->code,
		      __entry->info, __entry->value, __entry->addr, __entry->pc,
		      __entry->cookie));

TRACE_EVENT(egret_vm_bind_op,
	    TP_PROTO(const struct egret_vm *vm, const struct drm_egret_bind_op *op),
	    TP_ARGS(vm, op),
	    TP_STRUCT__entry(__string(dev, dev_name(vm->edev->drm.dev))
			     __field(u32, vm)
			     __field(u32, op)
			     __field(u32, flags)
			     __field(u32, handle)
			     __field(u64, client)
			     __field(u64, offset)
			     __field(u64, va)
			     __field(u64, size)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->vm = vm->context;
			   __entry->client = egret_client_id(vm->client);
			   __entry->op = op->op;
			   __entry->flags = op->flags;
			   __entry->handle = op->handle;
			   __entry->offset = op->offset;
			   __entry->va = op->va;
			   __entry->size = op->size;),
	    TP_printk("dev=%s client=%llu vm=%u %s va=%#llx size=%#llx handle=%u offset=%#llx flags=%x",
		      __get_str(dev), __entry->client, __entry->vm,
		      __print_symbolic(__entry->op,
				       { DRM_EGRET_BIND_MAP, "map" },
				       { DRM_EGRET_BIND_UNMAP, "unmap" },
				       { DRM_EGRET_BIND_UNMAP_ALL, "unmap-all" },
				       { DRM_EGRET_BIND_MAP_USERPTR, "map-userptr" }),
		      __entry->va, __entry->size, __entry->handle, __entry->offset,
		      __entry->flags));

/*
 * The operations that were traced before it, by the same process, are in the tree of
 * bindings; the page tables follow when it is done. A bind that is done at once
 * has no fence: its seqno is 0.
 */
TRACE_EVENT(egret_vm_bind_submit,
	    TP_PROTO(const struct egret_vm *vm, const struct dma_fence *fence, u32 ops),
	    TP_ARGS(vm, fence, ops),
	    TP_STRUCT__entry(__string(dev, dev_name(vm->edev->drm.dev))
			     __field(u32, vm)
			     __field(u32, ops)
			     __field(u64, client)
			     __field(u64, context)
			     __field(u64, seqno)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->vm = vm->context;
			   __entry->ops = ops;
			   __entry->client = egret_client_id(vm->client);
			   __entry->context = vm->bind_context;
			   __entry->seqno = fence ? fence->seqno : 0;),
	    TP_printk("dev=%s client=%llu vm=%u context=%llu seqno=%llu ops=%u", __get_str(dev),
		      __entry->client, __entry->vm, __entry->context, __entry->seqno,
		      __entry->ops));

TRACE_EVENT(egret_vm_bind_done,
	    TP_PROTO(const struct egret_vm *vm, const struct dma_fence *fence, int result),
	    TP_ARGS(vm, fence, result),
	    TP_STRUCT__entry(__string(dev, dev_name(vm->edev->drm.dev))
			     __field(u32, vm)
			     __field(int, result)
			     __field(u64, client)
			     __field(u64, context)
			     __field(u64, seqno)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->vm = vm->context;
			   __entry->result = result;
			   __entry->client = egret_client_id(vm->client);
			   __entry->context = vm->bind_context;
			   __entry->seqno = fence ? fence->seqno : 0;),
	    TP_printk("dev=%s client=%llu vm=%u context=%llu seqno=%llu result=%d",
		      __get_str(dev), __entry->client, __entry->vm, __entry->context,
		      __entry->seqno, __entry->result));

TRACE_EVENT(egret_vm_revalidate,
	    TP_PROTO(const struct egret_vm *vm),
	    TP_ARGS(vm),
	    TP_STRUCT__entry(__string(dev, dev_name(vm->edev->drm.dev))
			     __field(u32, vm)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->vm = vm->context;),
	    TP_printk("dev=%s vm=%u", __get_str(dev), __entry->vm));

TRACE_EVENT(egret_bo_move,
	    TP_PROTO(const struct egret_bo *bo, u32 to, bool evict),
	    TP_ARGS(bo, to, evict),
	    TP_STRUCT__entry(__string(dev, dev_name(bo->ttm.base.dev->dev))
			     __field(const void *, bo)
			     __field(u64, size)
			     __field(u32, from)
			     __field(u32, to)
			     __field(bool, evict)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->bo = bo;
			   __entry->size = bo->ttm.base.size;
			   __entry->from = bo->region;
			   __entry->to = to;
			   __entry->evict = evict;),
	    TP_printk("dev=%s bo=%p size=%#llx %s -> %s%s", __get_str(dev), __entry->bo,
		      __entry->size, egret_trace_region(__entry->from),
		      egret_trace_region(__entry->to),
		      __entry->evict ? " evict" : ""));

TRACE_EVENT(egret_migrate_begin,
	    TP_PROTO(const struct egret_device *edev, u64 seqno, u64 size, bool to_vram,
		     const void *pages),
	    TP_ARGS(edev, seqno, size, to_vram, pages),
	    TP_STRUCT__entry(__string(dev, dev_name(edev->drm.dev))
			     __field(u64, seqno)
			     __field(u64, size)
			     __field(bool, to_vram)
			     __field(bool, clear)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->seqno = seqno;
			   __entry->size = size;
			   __entry->to_vram = to_vram;
			   __entry->clear = !pages;),
	    TP_printk("dev=%s seqno=%llu size=%#llx %s", __get_str(dev), __entry->seqno,
		      __entry->size, __entry->clear ? "clear" :
		      __entry->to_vram ? "in" : "out"));

TRACE_EVENT(egret_migrate_end,
	    TP_PROTO(const struct egret_device *edev, u64 seqno, int error),
	    TP_ARGS(edev, seqno, error),
	    TP_STRUCT__entry(__string(dev, dev_name(edev->drm.dev))
			     __field(u64, seqno)
			     __field(int, error)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->seqno = seqno;
			   __entry->error = error;),
	    TP_printk("dev=%s seqno=%llu error=%d", __get_str(dev), __entry->seqno,
		      __entry->error));

#endif /* EGRET_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE egret_trace
#include <trace/define_trace.h>
