// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

#include "graph.h"

ACCEL_API
int accel_event_create(struct accel_context *context, struct accel_event **out)
{
	static const char what[] = "cannot create an event";
	struct accel_event *event;

	if (!context || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    context ? "pointer for the event" : "context");
	event = calloc(1, sizeof(*event));
	if (!event)
		return fail_errno(-ENOMEM, what);
	pthread_mutex_init(&event->lock, NULL);
	accel_context_get(context);
	event->context = context;
	*out = event;
	return 0;
}

ACCEL_API
void accel_event_destroy(struct accel_event *event)
{
	if (!event)
		return;
	accel_stream_put(event->stream);
	pthread_mutex_destroy(&event->lock);
	accel_context_put(event->context);
	free(event);
}

ACCEL_API
int accel_event_record(struct accel_event *event, struct accel_stream *stream)
{
	static const char what[] = "cannot record an event";
	struct accel_stream *before;
	uint64_t point;
	int ret;

	if (!event || !stream)
		return fail(-EINVAL, what, NULL, "the %s is NULL", event ? "stream" : "event");
	if (event->context != stream->context)
		return fail(-EINVAL, what, NULL, "event and stream are of different contexts");
	ret = accel_stream_flush(stream);
	if (ret)
		return accel_fail_again(ret, what);
	if (stream->graph) {
		point = accel_graph_point(stream);
	} else {
		pthread_mutex_lock(&stream->lock);
		point = stream->submitted;
		pthread_mutex_unlock(&stream->lock);
	}

	accel_stream_get(stream);
	pthread_mutex_lock(&event->lock);
	before = event->stream;
	event->stream = stream;
	event->point = point;
	pthread_mutex_unlock(&event->lock);
	accel_stream_put(before);
	return 0;
}

/* What the event stands for now, with a reference to the stream. */
static int get_point(const char *what, struct accel_event *event, struct accel_stream **stream,
		     uint64_t *point)
{
	if (!event)
		return fail(-EINVAL, what, NULL, "the event is NULL");
	pthread_mutex_lock(&event->lock);
	*stream = event->stream;
	*point = event->point;
	if (*stream)
		accel_stream_get(*stream);
	pthread_mutex_unlock(&event->lock);
	if (!*stream)
		return fail(-EINVAL, what, NULL, "the event has not been recorded");
	return 0;
}

/* The same for what asks about work that has been given to the card. */
static int get_real_point(const char *what, struct accel_event *event,
			  struct accel_stream **stream, uint64_t *point)
{
	int ret = get_point(what, event, stream, point);

	if (ret || !(*stream)->graph)
		return ret;
	accel_stream_put(*stream);
	return accel_graph_fail_recording(what);
}

ACCEL_API
int accel_event_wait(struct accel_event *event, int64_t deadline)
{
	static const char what[] = "cannot complete an event's work";
	struct accel_stream *stream;
	uint64_t point;
	int ret;

	ret = get_real_point(what, event, &stream, &point);
	if (ret)
		return ret;
	ret = accel_stream_wait_point(what, stream, point, deadline);
	accel_stream_put(stream);
	return ret;
}

ACCEL_API
int accel_event_fd(struct accel_event *event)
{
	static const char what[] = "cannot get a file descriptor for an event";
	struct accel_device *device;
	struct accel_stream *stream;
	uint64_t point;
	int ret;

	ret = get_real_point(what, event, &stream, &point);
	if (ret)
		return ret;
	device = stream->context->device;
	ret = device->backend->timeline_fd(device->dev, stream->timeline, point);
	accel_stream_put(stream);
	return ret < 0 ? fail_errno(ret, what) : ret;
}

ACCEL_API
int accel_stream_wait_event(struct accel_stream *stream, struct accel_event *event)
{
	static const char what[] = "cannot let a stream wait for an event";
	struct accel_stream *other;
	uint64_t point;
	int ret;

	if (!stream)
		return fail(-EINVAL, what, NULL, "the stream is NULL");
	ret = get_point(what, event, &other, &point);
	if (ret)
		return ret;
	if (event->context != stream->context) {
		ret = fail(-EINVAL, what, NULL, "event and stream are of different contexts");
	} else if (other->graph != stream->graph) {
		ret = fail(-EINVAL, what, "let the stream that the graph is launched on wait, or "
			   "record the event on it", "a graph can only wait for its own work, and "
			   "nothing outside for a part of it");
	} else if (stream->graph) {
		accel_graph_wait(stream, point);
	} else if (other != stream) {
		ret = accel_stream_add_wait(what, stream, other, point);
	}
	accel_stream_put(other);
	return ret;
}
