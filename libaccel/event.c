// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Events: what a program can wait for.
 *
 * An event stands for a point of a stream, or for a file descriptor from elsewhere. A point
 * is no object of the card's or the kernel's, so recording is as cheap as submitting.
 *
 * The time at which a point was reached is written by the card to a place in the stream's
 * memory, and not in the event's: so an event may be released at any time without the card
 * writing to memory that is another's by then. Places are few and used in turn; before one
 * is used again, the time in it is moved to the event that it belongs to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "graph.h"
#include "host.h"
#include "stream.h"

ACCEL_API
int accel_event_create(struct accel_context *context, const struct accel_event_options *options,
		       struct accel_event **out)
{
	static const char what[] = "cannot create an event";
	struct accel_event_options opts;
	struct accel_event *event;
	int ret;

	if (!context || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    context ? "pointer for the event" : "context");
	ret = accel_copy_in(what, &opts, sizeof(opts), options);
	if (ret == 0)
		ret = accel_check_process(what, context->device);
	if (ret)
		return ret;
	if (opts.flags & ~ACCEL_EVENT_TIMED)
		return fail(-EINVAL, what, NULL, "unknown flags 0x%x",
			    opts.flags & ~ACCEL_EVENT_TIMED);
	if (opts.reserved)
		return fail(-EINVAL, what, NULL, "a reserved option is set");
	event = calloc(1, sizeof(*event));
	if (!event)
		return fail_errno(-ENOMEM, what);
	accel_lock_init(&event->recording);
	accel_lock_init(&event->lock);
	accel_context_get(context);
	event->context = context;
	event->timed = opts.flags & ACCEL_EVENT_TIMED;
	event->fd = -1;
	*out = event;
	return 0;
}

/* ---- What it stands for ---- */

void accel_event_take_stamp(struct accel_event *event, const struct egret_timestamp *stamp)
{
	accel_lock(&event->lock);
	event->stamp = *stamp;
	event->stamped = true;
	event->in_place = false;
	accel_unlock(&event->lock);
}

/* Give the place for a time back. With the recording lock. */
static void leave_place(struct accel_event *event)
{
	struct accel_stream *stream = event->stream;

	if (!stream || stream->graph)
		return;
	accel_lock(&stream->lock);
	if (event->in_place)
		stream->stamped[event->place] = NULL;
	event->in_place = false;
	accel_unlock(&stream->lock);
}

/* Stand for something else from now on. With the recording lock. */
static void stand_for(struct accel_event *event, struct accel_stream *stream, uint64_t point,
		      int fd)
{
	struct accel_stream *stream_before;
	int fd_before;

	if (stream)
		accel_stream_get(stream);
	accel_lock(&event->lock);
	stream_before = event->stream;
	fd_before = event->fd;
	event->stream = stream;
	event->point = point;
	event->fd = fd;
	accel_unlock(&event->lock);
	accel_stream_put(stream_before);
	if (fd_before >= 0)
		close(fd_before);
}

ACCEL_API
void accel_event_destroy(struct accel_event *event)
{
	if (!event)
		return;
	if (accel_is_foreign(event->context->device)) {
		/* Another thread of the parent may have held the locks. */
		accel_stream_put(event->stream);
		if (event->fd >= 0)
			close(event->fd);
	} else {
		leave_place(event);
		stand_for(event, NULL, 0, -1);
	}
	accel_lock_destroy(&event->recording);
	accel_lock_destroy(&event->lock);
	accel_context_put(event->context);
	free(event);
}

/* Queue the packet that tells the time, and start it. With the recording lock. */
static int record_time(const char *what, struct accel_event *event, struct accel_stream *stream,
		       uint64_t *point)
{
	unsigned int place;
	int ret;

	accel_lock(&stream->lock);
	ret = accel_stream_stamp(what, stream, event, &place);
	if (ret == 0) {
		ret = accel_stream_submit(what, stream);
		if (ret)
			stream->stamped[place] = NULL;
	}
	if (ret == 0) {
		*point = stream->submitted;
		accel_lock(&event->lock);
		event->in_place = true;
		event->stamped = false;
		event->place = place;
		accel_unlock(&event->lock);
	}
	accel_unlock(&stream->lock);
	return ret;
}

static int record(const char *what, struct accel_event *event, struct accel_stream *stream)
{
	uint64_t point = 0;
	int ret = 0;

	if (stream->graph) {
		if (event->timed)
			return fail(-EINVAL, what, "create it without ACCEL_EVENT_TIMED",
				    "a timed event cannot be recorded in a graph");
		leave_place(event);
		stand_for(event, stream, accel_graph_point(stream), -1);
		return 0;
	}
	if (event->timed) {
		leave_place(event);
		ret = record_time(what, event, stream, &point);
	} else {
		accel_lock(&stream->lock);
		ret = accel_stream_submit_rest(what, stream);
		point = stream->submitted;
		accel_unlock(&stream->lock);
	}
	if (ret == 0)
		stand_for(event, stream, point, -1);
	return ret;
}

ACCEL_API
int accel_event_record(struct accel_event *event, struct accel_stream *stream)
{
	static const char what[] = "cannot record an event";
	int ret;

	if (!event || !stream)
		return fail(-EINVAL, what, NULL, "the %s is NULL", event ? "stream" : "event");
	ret = accel_check_process(what, stream->context->device);
	if (ret)
		return ret;
	if (event->context != stream->context)
		return fail(-EINVAL, what, NULL, "event and stream are of different contexts");
	accel_lock(&event->recording);
	ret = record(what, event, stream);
	accel_unlock(&event->recording);
	return ret;
}

/* True if it makes sense to wait for the descriptor. */
static bool can_be_polled(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int n;

	do {
		n = poll(&poll_fd, 1, 0);
	} while (n < 0 && errno == EINTR);
	return n >= 0 && !(poll_fd.revents & (POLLNVAL | POLLERR));
}

ACCEL_API
int accel_event_import(struct accel_event *event, int fd)
{
	static const char what[] = "cannot import a file descriptor into an event";
	int ret, own;

	if (!event)
		return fail(-EINVAL, what, NULL, "the event is NULL");
	ret = accel_check_process(what, event->context->device);
	if (ret)
		return ret;
	if (event->timed)
		return fail(-EINVAL, what, "create it without ACCEL_EVENT_TIMED",
			    "nothing tells when a file descriptor was signalled");
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return errno == EBADF ?
			fail(-EBADF, what, NULL, "%d is not an open file descriptor", fd) :
			fail_errno(-errno, what);
	if (!can_be_polled(own)) {
		close(own);
		return fail(-EINVAL, what, NULL, "file descriptor %d cannot be polled", fd);
	}
	accel_lock(&event->recording);
	leave_place(event);
	stand_for(event, NULL, 0, own);
	accel_unlock(&event->recording);
	return 0;
}

/* A point, or a descriptor of the caller's own. */
struct meaning {
	struct accel_stream *stream;	/* a reference, or NULL */
	uint64_t point;
	int fd;				/* or -1 */
};

static void drop_meaning(struct meaning *meaning)
{
	accel_stream_put(meaning->stream);
	if (meaning->fd >= 0)
		close(meaning->fd);
}

/* What the event stands for now. */
static int get_meaning(const char *what, struct accel_event *event, struct meaning *meaning)
{
	int ret = 0;

	if (!event)
		return fail(-EINVAL, what, NULL, "the event is NULL");
	ret = accel_check_process(what, event->context->device);
	if (ret)
		return ret;
	*meaning = (struct meaning){ .fd = -1 };
	accel_lock(&event->lock);
	if (event->stream) {
		accel_stream_get(event->stream);
		meaning->stream = event->stream;
		meaning->point = event->point;
	} else if (event->fd >= 0) {
		meaning->fd = fcntl(event->fd, F_DUPFD_CLOEXEC, 0);
		ret = meaning->fd < 0 ? -errno : 0;
	} else {
		ret = -EINVAL;
	}
	accel_unlock(&event->lock);
	if (ret == -EINVAL)
		return fail(ret, what, NULL, "the event has not been recorded");
	return ret ? fail_errno(ret, what) : 0;
}

/* The same for what asks about work that has been given to the card. */
static int get_real_meaning(const char *what, struct accel_event *event,
			    struct meaning *meaning)
{
	int ret = get_meaning(what, event, meaning);

	if (ret || !meaning->stream || !meaning->stream->graph)
		return ret;
	drop_meaning(meaning);
	return accel_graph_fail_recording(what);
}

/* ---- Waiting ---- */

/* Milliseconds until a deadline, for poll(): rounded up, at most what an int holds. */
static int milliseconds_left(int64_t deadline)
{
	int64_t left;

	if (deadline == ACCEL_FOREVER)
		return -1;
	left = deadline - accel_deadline(0);
	if (left <= 0)
		return 0;
	left = (left + 999999) / 1000000;
	return left < 1000000 ? left : 1000000;
}

static int wait_fd(const char *what, int fd, int64_t deadline)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int n, timeout, ret;

	do {
		timeout = milliseconds_left(deadline);
		n = poll(&poll_fd, 1, timeout);
	} while ((n < 0 && errno == EINTR) || (n == 0 && timeout != 0));
	if (n < 0)
		return fail_errno(-errno, what);
	if (n == 0)
		return fail(-ETIMEDOUT, what, NULL, "the work had not completed by the deadline");
	ret = accel_host_fence_status(fd);
	return ret ? fail(-ECANCELED, what, NULL, "the imported work failed: %s", strerror(-ret)) :
		     0;
}

ACCEL_API
int accel_event_wait(struct accel_event *event, int64_t deadline)
{
	static const char what[] = "cannot complete an event's work";
	struct meaning meaning;
	int ret;

	ret = get_real_meaning(what, event, &meaning);
	if (ret)
		return ret;
	ret = meaning.stream ?
		accel_stream_wait_point(what, meaning.stream, meaning.point, deadline) :
		wait_fd(what, meaning.fd, deadline);
	drop_meaning(&meaning);
	return ret;
}

static int get_fd(const char *what, struct meaning *meaning)
{
	struct accel_device *device;
	int fd;

	if (!meaning->stream) {
		fd = meaning->fd;
		meaning->fd = -1;
		return fd;
	}
	device = meaning->stream->context->device;
	fd = device->backend->queue_fd(device->dev, meaning->stream->queue_id, meaning->point);
	return fd < 0 ? fail_errno(fd, what) : fd;
}

ACCEL_API
int accel_event_fd(struct accel_event *event)
{
	static const char what[] = "cannot get a file descriptor for an event";
	struct meaning meaning;
	int ret;

	ret = get_real_meaning(what, event, &meaning);
	if (ret)
		return ret;
	ret = get_fd(what, &meaning);
	drop_meaning(&meaning);
	return ret;
}

/* The same device knows the other's timeline; what comes from elsewhere is a descriptor. */
static int wait_for_meaning(const char *what, struct accel_stream *stream,
			    struct meaning *meaning)
{
	struct accel_stream *other = meaning->stream;
	int fd, ret;

	if (other == stream && !stream->graph)
		return 0;
	if (stream->graph != (other ? other->graph : NULL))
		return fail(-EINVAL, what, "let the stream that the graph is launched on wait, or "
			    "record the event on it", "a graph can only wait for its own work, and "
			    "nothing outside for a part of it");
	if (stream->graph) {
		accel_graph_wait(stream, meaning->point);
		return 0;
	}
	if (other && other->context->device == stream->context->device)
		return accel_stream_add_wait(what, stream, other, meaning->point);
	if (other && stream_completed(other) >= meaning->point)
		return 0;
	fd = get_fd(what, meaning);
	if (fd < 0)
		return fd;
	ret = accel_stream_add_wait_fd(what, stream, fd);
	close(fd);
	if (ret == -EINVAL && !other)
		return fail(ret, what, "wait for it with accel_event_wait()",
			    "the card can only wait for sync files, and the imported descriptor is "
			    "none");
	return ret;
}

ACCEL_API
int accel_stream_wait_event(struct accel_stream *stream, struct accel_event *event)
{
	static const char what[] = "cannot let a stream wait for an event";
	struct meaning meaning;
	int ret;

	if (!stream)
		return fail(-EINVAL, what, NULL, "the stream is NULL");
	ret = get_meaning(what, event, &meaning);
	if (ret)
		return ret;
	ret = wait_for_meaning(what, stream, &meaning);
	drop_meaning(&meaning);
	return ret;
}

/* ---- Times ---- */

/* When the event's point was reached, and on which stream. */
static int get_stamp(const char *what, struct accel_event *event, const char *which,
		     struct egret_timestamp *stamp, struct accel_stream **of)
{
	struct meaning meaning;
	bool known = false;
	int ret;

	ret = get_real_meaning(what, event, &meaning);
	if (ret)
		return ret;
	if (!event->timed) {
		drop_meaning(&meaning);
		return fail(-EINVAL, what, "create it with ACCEL_EVENT_TIMED",
			    "the %s event is not timed", which);
	}
	/* Also tells that the work was cancelled. */
	ret = accel_stream_wait_point(what, meaning.stream, meaning.point, ACCEL_NO_WAIT);
	if (ret == -ETIMEDOUT)
		ret = fail(-EBUSY, what, "wait for it first", "the %s event is not over", which);
	if (ret == 0) {
		accel_lock(&meaning.stream->lock);
		accel_lock(&event->lock);
		/* Unless it was recorded again meanwhile. */
		if (event->stream == meaning.stream && event->point == meaning.point) {
			known = event->in_place || event->stamped;
			*stamp = event->in_place ? stream_stamp(meaning.stream, event->place) :
						   event->stamp;
		}
		accel_unlock(&event->lock);
		accel_unlock(&meaning.stream->lock);
		if (!known)
			ret = fail(-EBUSY, what, NULL, "the %s event was recorded again", which);
	}
	*of = meaning.stream;
	drop_meaning(&meaning);
	return ret;
}

ACCEL_API
int accel_event_elapsed(struct accel_event *start, struct accel_event *end,
			struct accel_elapsed *elapsed)
{
	static const char what[] = "cannot tell the time between two events";
	struct accel_elapsed full = { .size = sizeof(full) };
	struct egret_timestamp from, to;
	struct accel_stream *from_stream, *to_stream;
	int ret;

	ret = get_stamp(what, start, "first", &from, &from_stream);
	if (ret == 0)
		ret = get_stamp(what, end, "second", &to, &to_stream);
	if (ret)
		return ret;
	if (start->context->device != end->context->device)
		return fail(-EINVAL, what, NULL, "the events are of different devices, whose clocks "
			    "are, too");
	full.time_ns = (int64_t)(to.time - from.time);
	if (from_stream == to_stream)
		full.cycles = (int64_t)(to.cycles - from.cycles);
	return accel_copy_out(what, elapsed, &full, sizeof(full));
}
