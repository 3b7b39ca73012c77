// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Graphs: work that is recorded once and replayed by the card alone.
 *
 * A recording stream is a stream whose packets go into the graph's list instead of a ring.
 * The order that streams and events ask for is reduced to a number for each packet, its
 * level: packets of a level may run beside each other, and a level starts when the one
 * before has ended. Instantiating sorts the packets by level, gives the first of each level
 * the barrier flag, and writes all into device memory, followed by arguments and constant
 * data. A launch of the graph is then one CALL packet in a stream's ring, so it costs as
 * much as the launch of a kernel, whatever the graph does.
 *
 * Levels lose some freedom: work waits for all of the level before, also for what it does
 * not depend on. Rejected: a hardware queue for each recording stream, with WAIT and FENCE
 * packets between them. That keeps the freedom, and needs several submissions, queues that
 * a driver cannot see the dependencies of, and a place for every wait that survives two
 * replays at once.
 *
 * An update changes the host's copy of the list, and marks the launch. The next launch of
 * the graph brings what is marked to the card by COPY packets in front of the CALL, through
 * the stream's own data ring: so it is ordered like all work of the stream, and replays
 * that are under way are not disturbed. This asks for launches of one graph to run one
 * after the other, also on different streams. What a dead stream did not bring any more is
 * brought again: a launch's update counts as done when the batch that holds it completed.
 */
#include "graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"
#include "trace.h"

#define NO_LAUNCH UINT32_MAX

/* One packet of the list. */
struct node {
	union egret_packet packet;	/* with an address of zero for its data */
	uint32_t level;			/* from 1 */
	uint32_t address_at;		/* offset of the word that gets the address */
	size_t data_at, data_bytes;	/* in the graph's data; no data if 0 bytes */
	const struct accel_kernel *kernel;	/* of a launch, or NULL */
	uint64_t place;			/* in the list that the card runs */
};

/* A kernel launch among the nodes. */
struct launch {
	const struct accel_kernel *kernel;
	uint32_t node;
	bool args_changed, packet_changed;	/* since they were last queued for the card */
	uint64_t point;		/* of the batch on last_stream that brings the change */
};

struct accel_graph {
	refcount refs;		/* the program's, and each recording stream's */
	struct accel_context *context;

	/* Protects the rest, and `floor` and `top` of its recording streams. */
	pthread_mutex_t lock;
	bool ready;		/* instantiated */
	struct node *nodes;
	size_t node_count, node_room;
	struct launch *launches;
	size_t launch_count, launch_room;
	uint8_t *data;
	size_t data_bytes, data_room;
	bool changed;		/* some launch is marked */

	/* When it is ready: the list, and behind it the data. */
	struct accel_buffer *memory;
	uint32_t *order;	/* numbers of the nodes, as they are in the list */
	uint64_t data_address;
	unsigned int code_generation;
	/* Where and when it was last launched: a reference, or NULL. */
	struct accel_stream *last_stream;
	uint64_t last_point;
};

static void get(struct accel_graph *graph)
{
	ref_get(&graph->refs);
}

void accel_graph_put(struct accel_graph *graph)
{
	if (!graph || !ref_put(&graph->refs))
		return;
	accel_stream_put(graph->last_stream);
	accel_buffer_destroy(graph->memory);
	free(graph->nodes);
	free(graph->order);
	free(graph->launches);
	free(graph->data);
	pthread_mutex_destroy(&graph->lock);
	accel_context_put(graph->context);
	free(graph);
}

ACCEL_API
int accel_graph_create(struct accel_context *context, struct accel_graph **out)
{
	static const char what[] = "cannot create a graph";
	struct accel_graph *graph;
	int ret;

	if (!context || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    context ? "pointer for the graph" : "context");
	ret = accel_check_process(what, context->device);
	if (ret)
		return ret;
	graph = calloc(1, sizeof(*graph));
	if (!graph)
		return fail_errno(-ENOMEM, what);
	atomic_init(&graph->refs, 1);
	pthread_mutex_init(&graph->lock, NULL);
	accel_context_get(context);
	graph->context = context;
	*out = graph;
	return 0;
}

ACCEL_API
void accel_graph_destroy(struct accel_graph *graph)
{
	accel_graph_put(graph);
}

/* ---- Recording ---- */

int accel_graph_fail_recording(const char *what)
{
	return fail(-EINVAL, what, "launch the graph on an ordinary stream, and use that one",
		    "a recording stream does no work that could be waited for");
}

ACCEL_API
int accel_graph_record(struct accel_graph *graph, struct accel_stream **out)
{
	static const char what[] = "cannot record a graph";
	struct accel_stream *stream;
	int ret;

	if (!graph || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    graph ? "pointer for the stream" : "graph");
	ret = accel_check_process(what, graph->context->device);
	if (ret)
		return ret;
	pthread_mutex_lock(&graph->lock);
	ret = graph->ready ? -EINVAL : 0;
	pthread_mutex_unlock(&graph->lock);
	if (ret)
		return fail(ret, what, "record another graph", "the graph has been instantiated");
	stream = accel_stream_new(graph->context, ACCEL_STREAM_COMPUTE);
	if (!stream)
		return fail_errno(-ENOMEM, what);
	get(graph);
	stream->graph = graph;
	stream->floor = 1;
	*out = stream;
	return 0;
}

/* Room for more elements of an array; returns 0 or -ENOMEM. */
static int make_room(void **array, size_t *room, size_t need, size_t element)
{
	size_t more = *room ? *room : 16;
	void *grown;

	while (more < need)
		more *= 2;
	if (more == *room)
		return 0;
	grown = realloc(*array, more * element);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*room = more;
	return 0;
}

/* Memory for one more packet with data, so that nothing can fail afterwards. */
static int make_rooms(const char *what, struct accel_graph *graph, size_t data_end, bool launch)
{
	int ret;

	if (graph->ready)
		return fail(-EINVAL, what, "record another graph",
			    "the graph has been instantiated, and takes no more work");
	if (graph->node_count == NO_LAUNCH - 1)
		return fail(-E2BIG, what, NULL, "the graph is too large");
	ret = make_room((void **)&graph->nodes, &graph->node_room, graph->node_count + 1,
			sizeof(*graph->nodes));
	if (ret == 0 && launch)
		ret = make_room((void **)&graph->launches, &graph->launch_room,
				graph->launch_count + 1, sizeof(*graph->launches));
	if (ret == 0)
		ret = make_room((void **)&graph->data, &graph->data_room, data_end, 1);
	return ret ? fail_errno(ret, what) : 0;
}

/* The level of the next packet of a recording stream. */
static uint32_t take_level(struct accel_stream *stream, bool barrier)
{
	uint32_t level = stream->floor;

	if (barrier && level < stream->top + 1)
		level = stream->top + 1;
	if (barrier)
		stream->floor = level;
	if (stream->top < level)
		stream->top = level;
	return level;
}

/* With the lock. */
static int add(const char *what, struct accel_stream *stream, const union egret_packet *packet,
	       const struct accel_kernel *kernel, const void *data, size_t bytes,
	       size_t address_at)
{
	struct accel_graph *graph = stream->graph;
	size_t at = (graph->data_bytes + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN;
	struct node *node;
	int ret;

	ret = make_rooms(what, graph, at + bytes, kernel);
	if (ret)
		return ret;
	node = &graph->nodes[graph->node_count];
	*node = (struct node) {
		.packet = *packet,
		.level = take_level(stream, packet->header.flags & EGRET_PKT_BARRIER),
		.address_at = address_at,
		.data_at = at,
		.data_bytes = bytes,
		.kernel = kernel,
	};
	if (bytes) {
		memset(graph->data + graph->data_bytes, 0, at - graph->data_bytes);
		memcpy(graph->data + at, data, bytes);
		graph->data_bytes = at + bytes;
	}
	if (kernel)
		graph->launches[graph->launch_count++] = (struct launch) {
			.kernel = kernel,
			.node = graph->node_count,
		};
	graph->node_count++;
	return 0;
}

int accel_graph_add(const char *what, struct accel_stream *stream,
		    const union egret_packet *packet, const void *data, size_t bytes,
		    size_t address_at)
{
	int ret;

	pthread_mutex_lock(&stream->graph->lock);
	ret = add(what, stream, packet, NULL, data, bytes, address_at);
	pthread_mutex_unlock(&stream->graph->lock);
	return ret;
}

int accel_graph_add_launch(const char *what, struct accel_stream *stream,
			   const union egret_packet *packet, const struct accel_kernel *kernel,
			   const void *args, size_t args_size)
{
	int ret;

	pthread_mutex_lock(&stream->graph->lock);
	ret = add(what, stream, packet, kernel, args, args_size,
		  offsetof(struct egret_pkt_dispatch, args));
	pthread_mutex_unlock(&stream->graph->lock);
	return ret;
}

uint64_t accel_graph_point(struct accel_stream *stream)
{
	uint64_t point;

	pthread_mutex_lock(&stream->graph->lock);
	point = stream->top;
	pthread_mutex_unlock(&stream->graph->lock);
	return point;
}

void accel_graph_wait(struct accel_stream *stream, uint64_t point)
{
	pthread_mutex_lock(&stream->graph->lock);
	if (stream->floor < point + 1)
		stream->floor = point + 1;
	if (stream->top < point)
		stream->top = point;
	pthread_mutex_unlock(&stream->graph->lock);
}

ACCEL_API
size_t accel_graph_launch_count(struct accel_graph *graph)
{
	size_t count;

	if (!graph)
		return 0;
	pthread_mutex_lock(&graph->lock);
	count = graph->launch_count;
	pthread_mutex_unlock(&graph->lock);
	return count;
}

/* ---- Instantiating ---- */

/* Where each packet comes to lie: by level, and inside one in the order of recording. */
static int place_nodes(struct accel_graph *graph)
{
	uint32_t levels = 0, level;
	uint64_t *starts;
	size_t i;

	for (i = 0; i < graph->node_count; i++)
		if (levels < graph->nodes[i].level)
			levels = graph->nodes[i].level;
	starts = calloc(levels + 2, sizeof(*starts));
	if (!starts)
		return -ENOMEM;
	for (i = 0; i < graph->node_count; i++)
		starts[graph->nodes[i].level + 1]++;
	for (level = 1; level <= levels; level++)
		starts[level + 1] += starts[level];
	for (i = 0; i < graph->node_count; i++) {
		struct node *node = &graph->nodes[i];

		node->place = starts[node->level]++;
	}
	free(starts);
	return 0;
}

/* The packet as the card gets it. */
static void finish_packet(const struct accel_graph *graph, const struct node *node,
			  union egret_packet *packet)
{
	uint64_t address = graph->data_address + node->data_at;

	*packet = node->packet;
	if (node->data_bytes)
		memcpy((uint8_t *)packet + node->address_at, &address, sizeof(address));
}

/* The first packet of each level waits for the level before. */
static void set_barriers(struct accel_graph *graph, const uint32_t *order)
{
	uint32_t level = 0;
	size_t i;

	for (i = 0; i < graph->node_count; i++) {
		struct node *node = &graph->nodes[order[i]];

		node->packet.header.flags &= ~EGRET_PKT_BARRIER;
		if (node->level != level)
			node->packet.header.flags |= EGRET_PKT_BARRIER;
		level = node->level;
	}
}

static void write_list(struct accel_graph *graph, const uint32_t *order, uint8_t *to)
{
	union egret_packet packet;
	size_t i;

	/* Ascending, as write-combined memory likes it. */
	for (i = 0; i < graph->node_count; i++) {
		finish_packet(graph, &graph->nodes[order[i]], &packet);
		memcpy(to + i * EGRET_PACKET_SIZE, &packet, sizeof(packet));
	}
	if (graph->data_bytes)
		memcpy(to + graph->node_count * EGRET_PACKET_SIZE, graph->data,
		       graph->data_bytes);
}

static int instantiate(const char *what, struct accel_graph *graph)
{
	size_t list = graph->node_count * EGRET_PACKET_SIZE, i;
	uint32_t *order;
	void *memory;
	int ret;

	order = calloc(graph->node_count, sizeof(*order));
	if (!order || place_nodes(graph)) {
		free(order);
		return fail_errno(-ENOMEM, what);
	}
	for (i = 0; i < graph->node_count; i++)
		order[graph->nodes[i].place] = i;
	ret = accel_buffer_make(what, graph->context, &(struct buffer_plan) {
		.bytes = list + graph->data_bytes,
		.memory = ACCEL_MEMORY_DEVICE,
		.name = "(graph)",
	}, &graph->memory);
	if (ret == 0) {
		ret = accel_buffer_map(graph->memory, &memory);
		if (ret) {
			accel_buffer_destroy(graph->memory);
			graph->memory = NULL;
		}
	}
	if (ret == 0) {
		graph->data_address = graph->memory->address + list;
		set_barriers(graph, order);
		write_list(graph, order, memory);
		graph->order = order;
		graph->ready = true;
	} else {
		free(order);
	}
	return ret;
}

ACCEL_API
int accel_graph_instantiate(struct accel_graph *graph)
{
	static const char what[] = "cannot instantiate a graph";
	int ret;

	if (!graph)
		return fail(-EINVAL, what, NULL, "the graph is NULL");
	ret = accel_check_process(what, graph->context->device);
	if (ret)
		return ret;
	pthread_mutex_lock(&graph->lock);
	if (graph->ready)
		ret = fail(-EINVAL, what, NULL, "it has been instantiated already");
	else if (!graph->node_count)
		ret = fail(-EINVAL, what, "record work with accel_graph_record() first",
			   "nothing has been recorded");
	else
		ret = instantiate(what, graph);
	pthread_mutex_unlock(&graph->lock);
	return ret ? accel_fail_again(ret, what) : 0;
}

/* ---- Updating ---- */

static int update(const char *what, struct accel_graph *graph, size_t number,
		  const uint32_t grid[3], const void *args, size_t args_size)
{
	struct launch *launch;
	struct node *node;
	int ret;

	if (!graph->ready)
		return fail(-EINVAL, what, NULL, "it has not been instantiated");
	if (number >= graph->launch_count)
		return fail(-EINVAL, what, NULL, "it has %zu launches, and none of number %zu",
			    graph->launch_count, number);
	launch = &graph->launches[number];
	node = &graph->nodes[launch->node];
	ret = accel_check_launch(launch->kernel, grid ? grid : node->packet.dispatch.grid,
				 args ? args : graph->data + node->data_at,
				 args ? args_size : launch->kernel->info->args_size);
	if (ret)
		return accel_fail_again(ret, what);
	if (grid && memcmp(node->packet.dispatch.grid, grid, 3 * sizeof(*grid))) {
		memcpy(node->packet.dispatch.grid, grid, 3 * sizeof(*grid));
		launch->packet_changed = true;
	}
	if (args && args_size && memcmp(graph->data + node->data_at, args, args_size)) {
		memcpy(graph->data + node->data_at, args, args_size);
		launch->args_changed = true;
	}
	graph->changed |= launch->packet_changed || launch->args_changed;
	return 0;
}

ACCEL_API
int accel_graph_update(struct accel_graph *graph, size_t number, const uint32_t grid[3],
		       const void *args, size_t args_size)
{
	static const char what[] = "cannot update a graph";
	int ret;

	if (!graph)
		return fail(-EINVAL, what, NULL, "the graph is NULL");
	if (!args && args_size)
		return fail(-EINVAL, what, NULL, "the arguments are NULL");
	ret = accel_check_process(what, graph->context->device);
	if (ret)
		return ret;
	pthread_mutex_lock(&graph->lock);
	ret = update(what, graph, number, grid, args, args_size);
	pthread_mutex_unlock(&graph->lock);
	return ret;
}

/* ---- Launching; with the graph's lock ---- */

/* Bring bytes to the card in the stream's order. With the stream's lock too. */
static int bring(const char *what, struct accel_stream *stream, uint64_t dst, const void *data,
		 size_t bytes)
{
	uint64_t position;
	int ret;

	ret = stream_reserve(what, stream, bytes, &position);
	if (ret)
		return ret;
	memcpy(stream_data(stream, position), data, bytes);
	*stream_next(stream, position, bytes) = (union egret_packet) {
		.copy = {
			.header = { .opcode = EGRET_OP_COPY, .flags = EGRET_PKT_BARRIER },
			.src = stream_data_address(stream, position),
			.dst = dst,
			.size = bytes,
		},
	};
	return 0;
}

static int bring_launch(const char *what, struct accel_graph *graph,
			struct accel_stream *stream, struct launch *launch)
{
	const struct node *node = &graph->nodes[launch->node];
	union egret_packet packet;
	int ret = 0;

	if (launch->args_changed)
		ret = bring(what, stream, graph->data_address + node->data_at,
			    graph->data + node->data_at, node->data_bytes);
	if (ret == 0 && launch->packet_changed) {
		finish_packet(graph, node, &packet);
		ret = bring(what, stream,
			    graph->memory->address + node->place * EGRET_PACKET_SIZE, &packet,
			    sizeof(packet));
	}
	return ret;
}

static int queue_plain(const char *what, struct accel_stream *stream,
		       const union egret_packet *packet)
{
	uint64_t position;
	int ret;

	ret = stream_reserve(what, stream, 0, &position);
	if (ret == 0)
		*stream_next(stream, position, 0) = *packet;
	return ret;
}

/* Everything that is marked; the marks stay until all is queued. */
static int bring_changes(const char *what, struct accel_graph *graph,
			 struct accel_stream *stream)
{
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < graph->launch_count; i++) {
		struct launch *launch = &graph->launches[i];

		if (launch->args_changed || launch->packet_changed)
			ret = bring_launch(what, graph, stream, launch);
	}
	return ret;
}

static void take_marks(struct accel_graph *graph, uint64_t point)
{
	size_t i;

	for (i = 0; i < graph->launch_count; i++) {
		struct launch *launch = &graph->launches[i];

		if (launch->args_changed || launch->packet_changed)
			launch->point = point;
		launch->args_changed = launch->packet_changed = false;
	}
	graph->changed = false;
}

/*
 * The stream is another one than the last time: come after it, and mark what it was to
 * bring and has not brought so far, since it may die before.
 */
static int change_stream(const char *what, struct accel_graph *graph,
			 struct accel_stream *stream)
{
	struct accel_stream *last = graph->last_stream;
	bool submitted;
	uint64_t done;
	size_t i;
	int ret = 0;

	if (!last)
		return 0;
	accel_lock(&last->lock);
	if (!last->dead && last->submitted < graph->last_point)
		ret = accel_stream_submit(what, last);
	done = stream_completed(last);
	submitted = last->submitted >= graph->last_point;
	accel_unlock(&last->lock);
	/* That it is dead is not this launch's failure. */
	if (ret && ret != -ECANCELED)
		return ret;
	for (i = 0; i < graph->launch_count; i++) {
		struct launch *launch = &graph->launches[i];

		if (launch->point > done)
			launch->args_changed = launch->packet_changed = graph->changed = true;
		launch->point = 0;
	}
	return submitted ? accel_stream_add_wait(what, stream, last, graph->last_point) : 0;
}

/* The whole list, by one packet. */
static int queue_call(const char *what, struct accel_graph *graph, struct accel_stream *stream)
{
	const union egret_packet packet = {
		.call = {
			.header = { .opcode = EGRET_OP_CALL, .flags = EGRET_PKT_BARRIER },
			.count = graph->node_count,
			.addr = graph->memory->address,
		},
	};

	return queue_plain(what, stream, &packet);
}

/* What a packet of a list does, in words of the program; what it works on is not known. */
static struct trace_item describe(const struct node *node)
{
	const union egret_packet *packet = &node->packet;

	if (node->kernel)
		return (struct trace_item) {
			.kind = ACCEL_TRACE_LAUNCH, .name = node->kernel->info->name,
			.grid = packet->dispatch.grid,
		};
	if (packet->header.opcode == EGRET_OP_FILL)
		return (struct trace_item) {
			.kind = ACCEL_TRACE_FILL, .name = "", .bytes = packet->fill.size,
		};
	if (packet->header.opcode == EGRET_OP_COPY)
		return (struct trace_item) {
			.kind = node->data_bytes ? ACCEL_TRACE_UPLOAD : ACCEL_TRACE_COPY,
			.name = "", .bytes = packet->copy.size,
		};
	return (struct trace_item) {
		.kind = ACCEL_TRACE_COPY, .name = "",
		.bytes = (uint64_t)packet->copy_rect.width * packet->copy_rect.rows *
			 packet->copy_rect.slices,
	};
}

/* The packets of the list, one by one, each between the marks of a trace. */
static int queue_nodes(const char *what, struct accel_graph *graph, struct accel_stream *stream)
{
	union egret_packet packet;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < graph->node_count; i++) {
		const struct node *node = &graph->nodes[graph->order[i]];
		const struct trace_item item = describe(node);
		struct trace_mark mark;

		ret = accel_trace_begin(what, stream, &item, &mark);
		if (ret)
			break;
		finish_packet(graph, node, &packet);
		if (node->kernel && !packet.dispatch.profile)
			packet.dispatch.profile = accel_trace_profile(&mark);
		ret = queue_plain(what, stream, &packet);
		if (ret == 0)
			ret = accel_trace_end(what, stream, &mark);
		else
			accel_trace_cancel(&mark);
	}
	return ret;
}

/* With the stream's lock too. */
static int queue_graph(const char *what, struct accel_graph *graph, struct accel_stream *stream,
		       bool by_nodes)
{
	unsigned int generation = atomic_load(&graph->context->code_generation);
	union egret_packet packet = {
		.nop.header = { .opcode = EGRET_OP_BARRIER, .flags = EGRET_PKT_BARRIER },
	};
	int ret = 0;

	if (graph->changed)
		ret = bring_changes(what, graph, stream);
	/* The list may be read ahead of the CALL that names it, but not of this packet. */
	if (ret == 0 && (graph->changed || generation != stream->code_generation)) {
		if (generation != stream->code_generation)
			packet.header.flags |= EGRET_PKT_INVALIDATE_CODE;
		ret = queue_plain(what, stream, &packet);
		if (ret == 0)
			stream->code_generation = generation;
	}
	if (ret)
		return ret;
	return by_nodes ? queue_nodes(what, graph, stream) : queue_call(what, graph, stream);
}

static int launch_graph(const char *what, struct accel_graph *graph, struct accel_stream *stream)
{
	static const struct trace_item item = { .kind = ACCEL_TRACE_GRAPH, .name = "graph" };
	struct accel_stream *before = graph->last_stream;
	struct trace_mark mark = { .trace = NULL };
	int ret = 0;

	if (!graph->ready)
		return fail(-EINVAL, what, "call accel_graph_instantiate()",
			    "it has not been instantiated");
	if (graph->launch_count && stream->type != ACCEL_STREAM_COMPUTE)
		return fail(-EINVAL, what, NULL,
			    "the stream is for copies only, and the graph has launches");
	if (before != stream)
		ret = change_stream(what, graph, stream);
	if (ret)
		return ret;
	accel_lock(&stream->lock);
	if (accel_is_traced(stream))
		ret = accel_trace_begin(what, stream, &item, &mark);
	if (ret == 0)
		ret = queue_graph(what, graph, stream, accel_trace_wants_nodes(&mark));
	if (ret == 0)
		ret = accel_trace_end(what, stream, &mark);
	else
		accel_trace_cancel(&mark);
	if (ret == 0) {
		graph->last_point = stream->submitted + 1;
		if (graph->changed)
			take_marks(graph, graph->last_point);
	}
	accel_unlock(&stream->lock);
	if (ret == 0 && before != stream) {
		accel_stream_get(stream);
		graph->last_stream = stream;
		accel_stream_put(before);
	}
	return ret;
}

ACCEL_API
int accel_graph_launch(struct accel_graph *graph, struct accel_stream *stream)
{
	static const char what[] = "cannot launch a graph";
	int ret;

	if (!graph || !stream)
		return fail(-EINVAL, what, NULL, "the %s is NULL", graph ? "stream" : "graph");
	ret = accel_check_process(what, graph->context->device);
	if (ret)
		return ret;
	if (graph->context != stream->context)
		return fail(-EINVAL, what, NULL, "graph and stream are of different contexts");
	if (stream->graph)
		return fail(-EINVAL, what, "record what it holds once more",
			    "a graph cannot be recorded in another");
	pthread_mutex_lock(&graph->lock);
	ret = launch_graph(what, graph, stream);
	pthread_mutex_unlock(&graph->lock);
	return ret;
}
