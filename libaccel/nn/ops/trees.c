// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The operators that are forests of decision trees (forest.h), of the domain ai.onnx.ml:
 * TreeEnsemble, and the two of before version 5, which most models have.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest.h"

/* What a node has become when the model has been read. */
struct trees {
	struct nn_forest forest;
	enum nn_transform transform;
	double *bases;			/* of all targets; NULL: none */
	/* Of a classifier: */
	const int64_t *numbers;		/* labels, either */
	const char *const *texts;	/* or */
	bool one_score;			/* of two classes, the leaves know but one */
	bool positive;			/* no leaf has a negative weight */
};

/* Arrays of the model's, which end with it. */
static int make_forest(const struct nn_call *call, struct nn_arena *arena, struct nn_forest *f,
		       size_t votes)
{
	if (f->node_count >= NN_LEAF || f->leaf_count >= NN_LEAF)
		return nn_refuse(call, NULL, "it has %zu nodes", f->node_count);
	f->nodes = nn_alloc_array(arena, f->node_count + 1, sizeof(*f->nodes));
	f->roots = nn_alloc_array(arena, f->root_count + 1, sizeof(*f->roots));
	f->first = nn_alloc_array(arena, f->leaf_count + 1, sizeof(*f->first));
	f->votes = nn_alloc_array(arena, votes + 1, sizeof(*f->votes));
	return f->nodes && f->roots && f->first && f->votes ? 0 : nn_no_memory(call);
}

static int set_feature(struct nn_forest *f, struct nn_tree_node *node, int64_t feature)
{
	if (feature < 0 || feature > INT32_MAX)
		return -1;
	node->feature = (uint32_t)feature;
	if (feature >= f->features)
		f->features = feature + 1;
	return 0;
}

/* ---- TreeEnsemble ---- */

static const char *const node_lists[] = { "nodes_featureids", "nodes_falsenodeids", "nodes_truenodeids",
					  "nodes_falseleafs", "nodes_trueleafs" };
enum { FEATURE, IF_FALSE, IF_TRUE, FALSE_LEAF, TRUE_LEAF, NODE_LISTS };

struct ensemble {
	const struct nn_call *call;
	struct nn_forest *forest;
	const int64_t *nodes[NODE_LISTS], *roots, *targets, *missing;
	struct nn_tensor splits, modes, weights, members;
};

static int read_ensemble(struct ensemble *e)
{
	const struct nn_call *call = e->call;
	struct nn_forest *f = e->forest;
	size_t i, missing;
	int ret = 0;

	f->node_count = nn_attr_ints(call, node_lists[0], &e->nodes[0]);
	for (i = 1; i < NODE_LISTS; i++)
		if (nn_attr_ints(call, node_lists[i], &e->nodes[i]) != f->node_count)
			return nn_refuse(call, NULL, "its %s are not as many as its nodes", node_lists[i]);
	f->root_count = nn_attr_ints(call, "tree_roots", &e->roots);
	f->leaf_count = nn_attr_ints(call, "leaf_targetids", &e->targets);
	missing = nn_attr_ints(call, "nodes_missing_value_tracks_true", &e->missing);
	if (!missing)
		e->missing = NULL;
	ret = nn_attr_list(call, "nodes_splits", &e->splits);
	if (!ret)
		ret = nn_attr_list(call, "nodes_modes", &e->modes);
	if (!ret)
		ret = nn_attr_list(call, "leaf_weights", &e->weights);
	if (!ret && nn_attr_list(call, "membership_values", &e->members) < 0)
		ret = -ENOMEM;
	if (!ret && (!nn_is_float(e->splits.type) || e->modes.type != NN_U8 ||
		     !nn_is_float(e->weights.type) ||
		     (e->members.data && !nn_is_float(e->members.type))))
		ret = nn_refuse(call, NULL, "one of its tensors is of a wrong type");
	if (!ret && (e->splits.count != f->node_count || e->modes.count != f->node_count ||
		     e->weights.count != f->leaf_count || (missing && missing != f->node_count)))
		ret = nn_refuse(call, NULL, "the lists of its nodes and leaves are of different lengths");
	return ret;
}

/* Sets of members are in the order of the nodes that ask for them. */
static int copy_members(const struct ensemble *e, struct nn_arena *arena)
{
	struct nn_forest *f = e->forest;
	size_t i, at = 0;

	f->members = nn_alloc_array(arena, e->members.count + 1, sizeof(*f->members));
	if (!f->members)
		return nn_no_memory(e->call);
	for (i = 0; i < e->members.count; i++)
		f->members[i] = nn_get(&e->members, i);
	for (i = 0; i < f->node_count; i++) {
		if (f->nodes[i].mode != NN_TREE_MEMBER)
			continue;
		f->nodes[i].set = at;
		while (at < e->members.count && !isnan(f->members[at]))
			at++;
		if (at++ >= e->members.count)
			return nn_refuse(e->call, NULL,
					 "it has fewer sets of members than nodes that ask");
	}
	return 0;
}

static bool is_place(int64_t place, size_t count)
{
	return place >= 0 && (uint64_t)place < count;
}

static int copy_node(const struct ensemble *e, size_t i)
{
	struct nn_forest *f = e->forest;
	struct nn_tree_node *node = &f->nodes[i];
	int64_t mode = nn_get_int(&e->modes, i), next;
	bool leaf;
	int way;

	if (mode < 0 || mode >= NN_TREE_MODES)
		return nn_refuse(e->call, NULL, "its node %zu has mode %" PRId64 ", which ONNX does "
				 "not have", i, mode);
	if (set_feature(f, node, e->nodes[FEATURE][i]))
		return nn_refuse(e->call, NULL, "its node %zu asks for feature %" PRId64, i,
				 e->nodes[FEATURE][i]);
	for (way = 0; way < 2; way++) {
		next = e->nodes[IF_FALSE + way][i];
		leaf = e->nodes[FALSE_LEAF + way][i];
		if (!is_place(next, leaf ? f->leaf_count : f->node_count))
			return nn_refuse(e->call, NULL, "its node %zu leads to %s %" PRId64 " of %zu", i,
					 leaf ? "leaf" : "node", next,
					 leaf ? f->leaf_count : f->node_count);
		node->next[way] = (uint32_t)next | (leaf ? NN_LEAF : 0);
	}
	node->mode = (uint8_t)mode;
	node->missing_is_yes = e->missing && e->missing[i];
	if (mode != NN_TREE_MEMBER)
		node->split = nn_get(&e->splits, i);
	return 0;
}

static int copy_ensemble(const struct ensemble *e, struct nn_arena *arena)
{
	struct nn_forest *f = e->forest;
	int ret = make_forest(e->call, arena, f, f->leaf_count);
	size_t i;

	for (i = 0; i < f->node_count && !ret; i++)
		ret = copy_node(e, i);
	for (i = 0; i < f->root_count && !ret; i++) {
		if (!is_place(e->roots[i], f->node_count))
			ret = nn_refuse(e->call, NULL, "its tree %zu begins with node %" PRId64 " of %zu",
					i, e->roots[i], f->node_count);
		f->roots[i] = (uint32_t)e->roots[i];
	}
	for (i = 0; i < f->leaf_count && !ret; i++) {
		if (!is_place(e->targets[i], f->target_count))
			ret = nn_refuse(e->call, NULL, "its leaf %zu is for target %" PRId64 " of %zu", i,
					e->targets[i], f->target_count);
		f->votes[i] = (struct nn_vote){ nn_get(&e->weights, i), (uint32_t)e->targets[i] };
		f->first[i + 1] = i + 1;
	}
	return ret ? ret : copy_members(e, arena);
}

static int check_circles(const struct nn_call *call, const struct nn_forest *f, size_t *node)
{
	*node = nn_forest_find_circle(f);
	return *node == SIZE_MAX ? nn_no_memory(call) : 0;
}

static int prepare_ensemble(const struct nn_call *call, struct nn_arena *arena, const void **prepared)
{
	int64_t aggregate = nn_attr_int(call, "aggregate_function");
	int64_t transform = nn_attr_int(call, "post_transform");
	int64_t targets = nn_attr_int(call, "n_targets");
	struct trees *trees = nn_alloc(arena, sizeof(*trees));
	struct ensemble e = { .call = call };
	size_t node;
	int ret;

	if (!trees)
		return nn_no_memory(call);
	if (aggregate < 0 || aggregate >= NN_AGGREGATES || transform < 0 ||
	    transform >= NN_TRANSFORMS || targets < 1 || targets > INT32_MAX)
		return nn_refuse(call, NULL, "its aggregate_function, post_transform or n_targets is "
				 "something that ONNX does not have");
	e.forest = &trees->forest;
	trees->forest.aggregate = (enum nn_aggregate)aggregate;
	trees->forest.target_count = (size_t)targets;
	trees->transform = (enum nn_transform)transform;
	ret = read_ensemble(&e);
	if (!ret)
		ret = copy_ensemble(&e, arena);
	if (!ret)
		ret = check_circles(call, e.forest, &node);
	if (!ret && node < e.forest->node_count)
		ret = nn_refuse(call, NULL, "its node %zu leads back to itself", node);
	nn_tensor_release(&e.splits);
	nn_tensor_release(&e.modes);
	nn_tensor_release(&e.weights);
	nn_tensor_release(&e.members);
	*prepared = trees;
	return ret;
}

/* ---- TreeEnsembleClassifier, TreeEnsembleRegressor: nodes ---- */

/* A node is known by its tree's number and by its own in that. Leaves are nodes as well. */
struct key {
	int64_t tree, node;
	size_t entry;			/* in the lists */
};

static const char *const lists[] = { "nodes_treeids", "nodes_nodeids", "nodes_featureids",
				     "nodes_falsenodeids", "nodes_truenodeids" };
enum { TREE, NODE, OF_FEATURE, TO_FALSE, TO_TRUE, LISTS };

struct old {
	const struct nn_call *call;
	struct nn_forest *forest;
	size_t count;			/* entries of the lists */
	const int64_t *lists[LISTS], *missing;
	const char *const *modes;
	struct nn_tensor splits;
	struct key *keys;		/* of all entries, in order */
	uint32_t *links;		/* what each entry has become, as in struct nn_tree_node */
	size_t *entries;		/* which one a node was */
	bool *is_child;
	/* Votes: "class" or "target", and what is said of each. */
	const char *what;
	const int64_t *trees, *nodes, *targets;
	size_t vote_count;
	struct nn_tensor weights;
};

/* Numbers are float32 in one attribute, or of any type in another. */
static int read_numbers(const struct nn_call *call, const char *name, struct nn_tensor *numbers)
{
	char tensor[40];
	int ret;

	strcpy(tensor, name);
	strcat(tensor, "_as_tensor");
	if (nn_attr_given(call, name) && nn_attr_given(call, tensor))
		return nn_refuse(call, NULL, "it has %s and %s", name, tensor);
	ret = nn_attr_list(call, nn_attr_given(call, tensor) ? tensor : name, numbers);
	if (!ret && !nn_is_float(numbers->type))
		ret = nn_refuse(call, NULL, "its %s are of type %s", tensor, nn_type_name(numbers->type));
	return ret == 1 ? 0 : ret;
}

static int check_count(const struct old *o, const char *name, size_t count)
{
	return count == o->count ? 0 : nn_refuse(o->call, NULL, "it has %zu %s, but %zu %s", o->count,
						 lists[0], count, name);
}

static int read_nodes(struct old *o)
{
	size_t i, missing;
	int ret;

	o->count = nn_attr_ints(o->call, lists[0], &o->lists[0]);
	if (!o->count)
		return nn_refuse(o->call, NULL, "its %s are missing", lists[0]);
	for (i = 1; i < LISTS; i++) {
		ret = check_count(o, lists[i], nn_attr_ints(o->call, lists[i], &o->lists[i]));
		if (ret)
			return ret;
	}
	ret = check_count(o, "nodes_modes", nn_attr_texts(o->call, "nodes_modes", &o->modes));
	if (!ret)
		ret = read_numbers(o->call, "nodes_values", &o->splits);
	if (!ret)
		ret = check_count(o, "nodes_values", o->splits.data ? o->splits.count : 0);
	missing = nn_attr_ints(o->call, "nodes_missing_value_tracks_true", &o->missing);
	if (!missing)
		o->missing = NULL;
	return ret || !missing ? ret : check_count(o, "nodes_missing_value_tracks_true", missing);
}

static int compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_keys(const void *left, const void *right)
{
	const struct key *a = left, *b = right;

	return a->tree != b->tree ? compare_numbers(a->tree, b->tree) : compare_numbers(a->node, b->node);
}

static int sort_keys(struct old *o)
{
	size_t i;

	o->keys = calloc(o->count, sizeof(*o->keys));
	o->links = calloc(o->count, sizeof(*o->links));
	o->entries = calloc(o->count, sizeof(*o->entries));
	o->is_child = calloc(o->count, sizeof(*o->is_child));
	if (!o->keys || !o->links || !o->entries || !o->is_child)
		return nn_no_memory(o->call);
	for (i = 0; i < o->count; i++)
		o->keys[i] = (struct key){ o->lists[TREE][i], o->lists[NODE][i], i };
	qsort(o->keys, o->count, sizeof(*o->keys), compare_keys);
	for (i = 1; i < o->count; i++)
		if (!compare_keys(&o->keys[i - 1], &o->keys[i]))
			return nn_refuse(o->call, NULL, "it has two nodes %" PRId64 " in tree %" PRId64,
					 o->keys[i].node, o->keys[i].tree);
	return 0;
}

static const struct key *find_key(const struct old *o, int64_t tree, int64_t node)
{
	const struct key key = { tree, node, 0 };

	return bsearch(&key, o->keys, o->count, sizeof(key), compare_keys);
}

/* NN_TREE_MODES is a leaf; more is none of ONNX's modes. */
static int find_mode(const char *name)
{
	static const char *const names[] = {
		"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ",
	};
	int i, count = sizeof(names) / sizeof(names[0]);

	if (!strcmp(name, "LEAF"))
		return NN_TREE_MODES;
	for (i = 0; i < count && strcmp(names[i], name); i++)
		;
	return i < count ? i : NN_TREE_MODES + 1;
}

/* Say something about a node of a tree. */
#define refuse_node(o, i, text, ...) \
	nn_refuse((o)->call, NULL, "node %" PRId64 " of its tree %" PRId64 " " text, \
		  (o)->lists[NODE][i], (o)->lists[TREE][i], ##__VA_ARGS__)

/* Nodes and leaves get their numbers. */
static int number_nodes(struct old *o)
{
	struct nn_forest *f = o->forest;
	char clean[32];
	size_t i;
	int mode;

	if (o->count >= NN_LEAF)
		return nn_refuse(o->call, NULL, "it has %zu nodes", o->count);
	for (i = 0; i < o->count; i++) {
		mode = find_mode(o->modes[i]);
		nn_clean(clean, sizeof(clean), o->modes[i]);
		if (mode > NN_TREE_MODES)
			return refuse_node(o, i, "has mode '%s', which ONNX does not have", clean);
		if (mode == NN_TREE_MODES) {
			o->links[i] = (uint32_t)f->leaf_count++ | NN_LEAF;
		} else {
			o->entries[f->node_count] = i;
			o->links[i] = (uint32_t)f->node_count++;
		}
	}
	for (i = 0; i < o->count; i++)
		f->root_count += !i || o->keys[i].tree != o->keys[i - 1].tree;
	return 0;
}

static int write_node(struct old *o, size_t n)
{
	struct nn_tree_node *node = &o->forest->nodes[n];
	size_t i = o->entries[n];
	const struct key *next;
	int way;

	node->mode = (uint8_t)find_mode(o->modes[i]);
	node->split = nn_get(&o->splits, i);
	node->missing_is_yes = o->missing && o->missing[i];
	if (set_feature(o->forest, node, o->lists[OF_FEATURE][i]))
		return refuse_node(o, i, "asks for feature %" PRId64, o->lists[OF_FEATURE][i]);
	for (way = 0; way < 2; way++) {
		next = find_key(o, o->lists[TREE][i], o->lists[TO_FALSE + way][i]);
		if (!next)
			return refuse_node(o, i, "leads to node %" PRId64 ", which is not there",
					   o->lists[TO_FALSE + way][i]);
		node->next[way] = o->links[next->entry];
		o->is_child[next->entry] = true;
	}
	return 0;
}

/*
 * The root of a tree is no node's child: without circles, there is one. If there are several such
 * nodes, it is the one that is listed first: the others are in no tree, and do no harm.
 */
static void find_roots(struct old *o)
{
	size_t i, k, tree = 0, best;

	for (i = 0; i < o->count; i = k) {
		best = SIZE_MAX;
		for (k = i; k < o->count && o->keys[k].tree == o->keys[i].tree; k++)
			if (!o->is_child[o->keys[k].entry] && o->keys[k].entry < best)
				best = o->keys[k].entry;
		o->forest->roots[tree++] = o->links[best];
	}
}

/* ---- Their votes ---- */

static int read_votes(struct old *o)
{
	const char *what = o->what;
	char ids[4][20];
	size_t counts[2];
	int ret;

	strcat(strcpy(ids[0], what), "_treeids");
	strcat(strcpy(ids[1], what), "_nodeids");
	strcat(strcpy(ids[2], what), "_ids");
	strcat(strcpy(ids[3], what), "_weights");
	counts[0] = nn_attr_ints(o->call, ids[0], &o->trees);
	counts[1] = nn_attr_ints(o->call, ids[1], &o->nodes);
	o->vote_count = nn_attr_ints(o->call, ids[2], &o->targets);
	ret = read_numbers(o->call, ids[3], &o->weights);
	if (ret)
		return ret;
	if (!o->weights.data)
		o->weights.count = 0;
	if (!o->vote_count || counts[0] != o->vote_count || counts[1] != o->vote_count ||
	    o->weights.count != o->vote_count)
		return nn_refuse(o->call, NULL, "it has %zu %s, %zu %s, %zu %s and %zu %s", counts[0],
				 ids[0], counts[1], ids[1], o->vote_count, ids[2], o->weights.count,
				 ids[3]);
	return 0;
}

/* The leaf that a vote is of; leaf_count: it is a node's, where no walk ends. */
static int find_leaf(const struct old *o, size_t i, size_t *leaf)
{
	const struct key *key = find_key(o, o->trees[i], o->nodes[i]);

	if (!key)
		return nn_refuse(o->call, NULL, "weight %zu is for node %" PRId64 " of tree %" PRId64
				 ", which is not there", i, o->nodes[i], o->trees[i]);
	if (!is_place(o->targets[i], o->forest->target_count))
		return nn_refuse(o->call, NULL, "%s_ids %zu is %" PRId64 " of %zu", o->what, i,
				 o->targets[i], o->forest->target_count);
	*leaf = o->links[key->entry] & NN_LEAF ? o->links[key->entry] & ~NN_LEAF : o->forest->leaf_count;
	return 0;
}

/* Votes are counted for each leaf first, then put where the leaf has its own. */
static int write_votes(struct old *o)
{
	struct nn_forest *f = o->forest;
	size_t i, leaf, *next;
	int ret = 0;

	for (i = 0; i < o->vote_count && !ret; i++) {
		ret = find_leaf(o, i, &leaf);
		if (!ret && leaf < f->leaf_count)
			f->first[leaf + 1]++;
	}
	next = ret ? NULL : calloc(f->leaf_count + 1, sizeof(*next));
	if (!next)
		return ret ? ret : nn_no_memory(o->call);
	for (i = 0; i < f->leaf_count; i++) {
		f->first[i + 1] += f->first[i];
		next[i] = f->first[i];
	}
	for (i = 0; i < o->vote_count && !ret; i++) {
		ret = find_leaf(o, i, &leaf);
		if (!ret && leaf < f->leaf_count)
			f->votes[next[leaf]++] = (struct nn_vote){ nn_get(&o->weights, i),
								   (uint32_t)o->targets[i] };
	}
	free(next);
	return ret;
}

static int write_forest(struct old *o, struct nn_arena *arena)
{
	struct nn_forest *f = o->forest;
	size_t i, circle;
	int ret = sort_keys(o);

	if (!ret)
		ret = number_nodes(o);
	if (!ret)
		ret = make_forest(o->call, arena, f, o->vote_count);
	for (i = 0; i < f->node_count && !ret; i++)
		ret = write_node(o, i);
	if (!ret)
		ret = check_circles(o->call, f, &circle);
	if (!ret && circle < f->node_count)
		ret = refuse_node(o, o->entries[circle], "leads back to itself");
	if (ret)
		return ret;
	find_roots(o);
	return write_votes(o);
}

/* ---- The rest of their attributes ---- */

static int read_bases(const struct old *o, struct trees *trees, struct nn_arena *arena)
{
	struct nn_tensor bases = { .data = NULL };
	size_t i, targets = o->forest->target_count;
	int ret = read_numbers(o->call, "base_values", &bases);

	if (!ret && bases.data && bases.count && bases.count != targets &&
	    (bases.count != 1 || !trees->one_score))
		ret = nn_refuse(o->call, NULL, "it has %zu base_values for %zu of its %s_ids", bases.count,
				targets, o->what);
	if (!ret && bases.data && bases.count) {
		trees->bases = nn_alloc_array(arena, targets, sizeof(*trees->bases));
		ret = trees->bases ? 0 : nn_no_memory(o->call);
	}
	/* The only one of two classes of which there is but one score is that score's. */
	for (i = 0; i < targets && !ret && trees->bases; i++)
		trees->bases[i] = nn_get(&bases, bases.count == 1 ? 0 : i);
	nn_tensor_release(&bases);
	return ret;
}

static void look_at_votes(const struct old *o, struct trees *trees)
{
	size_t i;

	trees->one_score = o->forest->target_count == 2;
	trees->positive = true;
	for (i = 0; i < o->vote_count; i++) {
		trees->one_score &= o->targets[i] == o->targets[0];
		trees->positive &= nn_get(&o->weights, i) >= 0;
	}
}

static int read_transform(const struct nn_call *call, struct trees *trees)
{
	const char *name = nn_attr_text(call, "post_transform");
	char clean[32];

	trees->transform = nn_find_transform(name);
	nn_clean(clean, sizeof(clean), name);
	return trees->transform < NN_TRANSFORMS ? 0 :
	       nn_refuse(call, NULL, "its post_transform is '%s', which ONNX does not have", clean);
}

static int read_old(struct old *o, struct trees *trees, struct nn_arena *arena)
{
	int ret = read_transform(o->call, trees);

	o->forest = &trees->forest;
	if (!ret)
		ret = read_nodes(o);
	if (!ret)
		ret = read_votes(o);
	if (!ret)
		ret = write_forest(o, arena);
	if (!ret && trees->forest.target_count == 2 && (trees->numbers || trees->texts))
		look_at_votes(o, trees);
	if (!ret)
		ret = read_bases(o, trees, arena);
	nn_tensor_release(&o->splits);
	nn_tensor_release(&o->weights);
	free(o->keys);
	free(o->links);
	free(o->entries);
	free(o->is_child);
	return ret;
}

static int prepare_regressor(const struct nn_call *call, struct nn_arena *arena, const void **prepared)
{
	static const char *const names[] = { "AVERAGE", "SUM", "MIN", "MAX" };
	const char *name = nn_attr_text(call, "aggregate_function");
	int64_t targets = nn_attr_int(call, "n_targets");
	struct trees *trees = nn_alloc(arena, sizeof(*trees));
	struct old o = { .call = call, .what = "target" };
	char clean[32];

	*prepared = trees;
	if (!trees)
		return nn_no_memory(call);
	nn_clean(clean, sizeof(clean), name);
	while (trees->forest.aggregate < NN_AGGREGATES && strcmp(names[trees->forest.aggregate], name))
		trees->forest.aggregate++;
	if (trees->forest.aggregate == NN_AGGREGATES)
		return nn_refuse(call, NULL, "its aggregate_function is '%s', which ONNX does not have",
				 clean);
	if (targets < 1 || targets > INT32_MAX)
		return nn_refuse(call, NULL, "it has %" PRId64 " targets", targets);
	trees->forest.target_count = (size_t)targets;
	return read_old(&o, trees, arena);
}

static int prepare_classifier(const struct nn_call *call, struct nn_arena *arena, const void **prepared)
{
	struct trees *trees = nn_alloc(arena, sizeof(*trees));
	struct old o = { .call = call, .what = "class" };
	size_t numbers, texts;

	*prepared = trees;
	if (!trees)
		return nn_no_memory(call);
	trees->forest.aggregate = NN_SUM;
	numbers = nn_attr_ints(call, "classlabels_int64s", &trees->numbers);
	texts = nn_attr_texts(call, "classlabels_strings", &trees->texts);
	if (!numbers == !texts || numbers + texts > INT32_MAX)
		return nn_refuse(call, NULL, "it has %zu classlabels_int64s and %zu classlabels_strings, "
				 "where it should have either", numbers, texts);
	trees->numbers = numbers ? trees->numbers : NULL;
	trees->texts = texts ? trees->texts : NULL;
	trees->forest.target_count = numbers + texts;
	return read_old(&o, trees, arena);
}

/* ---- Shapes ---- */

/* A single row may be without the first dimension. The number of rows, or a symbol. */
static int infer_rows(struct nn_call *call, int64_t *rows)
{
	const struct trees *trees = call->node->prepared;
	const struct nn_shape *in = &call->in[0]->shape;
	int64_t features = in->rank > 0 ? in->dims[in->rank - 1] : -1;

	*rows = in->rank < 0 ? nn_unknown(call) : in->rank == 1 ? 1 : in->dims[0];
	if (in->rank >= 0 && in->rank != 2 && in->rank != 1)
		return nn_refuse(call, NULL, "its input has %d dimensions, not two", in->rank);
	if (features >= 0 && features < trees->forest.features)
		return nn_refuse(call, NULL, "it asks for feature %" PRId64 ", and its input has %" PRId64,
				 trees->forest.features - 1, features);
	return 0;
}

static int infer_scores(struct nn_call *call)
{
	const struct trees *trees = call->node->prepared;
	int64_t rows;
	int ret = infer_rows(call, &rows);

	if (!ret)
		call->out[0]->shape = (struct nn_shape){ 2, { rows, (int64_t)trees->forest.target_count } };
	return ret;
}

static int infer_classes(struct nn_call *call)
{
	const struct trees *trees = call->node->prepared;
	int64_t rows;
	int ret = infer_rows(call, &rows);

	call->out[0]->type = trees->texts ? NN_STRING : NN_I64;
	call->out[0]->shape = (struct nn_shape){ 1, { rows } };
	call->out[1]->shape = (struct nn_shape){ 2, { rows, (int64_t)trees->forest.target_count } };
	return ret;
}

/* ---- Rows ---- */

/* What a row needs; freed by whoever asked for it. */
struct room {
	double *row, *sums;
	struct nn_score *scores;
	size_t features;
};

static int make_room(const struct nn_call *call, struct room *room)
{
	const struct trees *trees = call->node->prepared;
	const struct nn_tensor *x = nn_contents(call->in[0]);
	size_t targets = trees->forest.target_count;

	room->features = (size_t)x->shape.dims[x->shape.rank - 1];
	room->row = calloc(room->features + 1, sizeof(*room->row));
	room->sums = calloc(targets, sizeof(*room->sums));
	room->scores = calloc(targets, sizeof(*room->scores));
	return room->row && room->sums && room->scores ? 0 : nn_no_memory(call);
}

static void release_room(struct room *room)
{
	free(room->row);
	free(room->sums);
	free(room->scores);
}

static void score_row(const struct nn_call *call, size_t row, struct room *room)
{
	const struct trees *trees = call->node->prepared;
	const struct nn_tensor *x = nn_contents(call->in[0]);
	size_t i;

	for (i = 0; i < room->features; i++)
		room->row[i] = nn_get(x, row * room->features + i);
	nn_forest_score(&trees->forest, room->row, room->scores);
	for (i = 0; i < trees->forest.target_count; i++)
		room->sums[i] = room->scores[i].sum + (trees->bases ? trees->bases[i] : 0);
}

static int evaluate_scores(struct nn_call *call)
{
	const struct trees *trees = call->node->prepared;
	size_t count = trees->forest.target_count, i, k;
	struct nn_tensor *y = nn_result(call, 0);
	struct room room = { .row = NULL };
	int ret = make_room(call, &room);

	for (i = 0; i < (size_t)y->shape.dims[0] && !ret; i++) {
		score_row(call, i, &room);
		nn_transform_scores(trees->transform, room.sums, count);
		for (k = 0; k < count; k++)
			nn_set(y, i * count + k, room.sums[k]);
	}
	release_room(&room);
	return ret;
}

/* ---- Classes ---- */

/*
 * Two classes of which the leaves know one: what they say is how much it is the second, and the
 * other's score follows. ONNX does not say how. This is what exporters rely on, as ONNX Runtime
 * has it, but for transforms of such scores, most of which that leaves out. Leaves that know the
 * second class only leave the first with nothing.
 */
static size_t choose_of_two(const struct trees *trees, const struct room *room)
{
	bool probable = trees->transform == NN_PROBIT || (trees->transform == NN_AS_IS && trees->positive);
	uint32_t known = trees->forest.votes[0].target;
	double sum = room->sums[known];

	if (!known) {
		room->sums[0] = probable ? 1 - sum : -sum;
		room->sums[1] = sum;
	}
	return sum > (probable ? 0.5 : 0);
}

static size_t choose(const struct trees *trees, const struct room *room)
{
	size_t i, best = 0;

	for (i = 1; i < trees->forest.target_count; i++)
		if (room->sums[i] > room->sums[best])
			best = i;
	return best;
}

static void write_label(const struct trees *trees, struct nn_tensor *labels, size_t row, size_t class)
{
	if (trees->texts)
		((const char **)labels->data)[row] = trees->texts[class];
	else
		nn_set_int(labels, row, trees->numbers[class]);
}

static int evaluate_classes(struct nn_call *call)
{
	const struct trees *trees = call->node->prepared;
	size_t count = trees->forest.target_count, rows, i, k, class;
	struct nn_tensor *scores = nn_result(call, 1);
	struct room room = { .row = NULL };
	int ret = make_room(call, &room);

	rows = (size_t)scores->shape.dims[0];
	for (i = 0; i < rows && !ret; i++) {
		score_row(call, i, &room);
		class = trees->one_score ? choose_of_two(trees, &room) : choose(trees, &room);
		write_label(trees, nn_result(call, 0), i, class);
		nn_transform_scores(trees->transform, room.sums, count);
		for (k = 0; k < count; k++)
			nn_set(scores, i * count + k, room.sums[k]);
	}
	release_room(&room);
	return ret;
}

/* ---- Table ---- */

#define ML		.domain = NN_CLASSIC, .costly = true
#define ANY		(NN_SET(NN_F32) | NN_SET(NN_F64) | NN_SET(NN_I64) | NN_SET(NN_I32))
#define TREES(what, ...) \
	NN_ATTRS(NN_TEXT("post_transform", "NONE"), \
		 NN_OPTIONAL_ATTR("base_values", FLOATS), \
		 NN_OPTIONAL_ATTR(what "_ids", INTS), \
		 NN_OPTIONAL_ATTR(what "_nodeids", INTS), \
		 NN_OPTIONAL_ATTR(what "_treeids", INTS), \
		 NN_OPTIONAL_ATTR(what "_weights", FLOATS), \
		 NN_OPTIONAL_ATTR("nodes_falsenodeids", INTS), \
		 NN_OPTIONAL_ATTR("nodes_featureids", INTS), \
		 NN_OPTIONAL_ATTR("nodes_hitrates", FLOATS), \
		 NN_OPTIONAL_ATTR("nodes_missing_value_tracks_true", INTS), \
		 NN_OPTIONAL_ATTR("nodes_modes", STRINGS), \
		 NN_OPTIONAL_ATTR("nodes_nodeids", INTS), \
		 NN_OPTIONAL_ATTR("nodes_treeids", INTS), \
		 NN_OPTIONAL_ATTR("nodes_truenodeids", INTS), \
		 NN_OPTIONAL_ATTR("nodes_values", FLOATS), __VA_ARGS__)
#define TENSORS(what) \
	NN_OPTIONAL_ATTR("base_values_as_tensor", TENSOR), \
	NN_OPTIONAL_ATTR(what "_weights_as_tensor", TENSOR), \
	NN_OPTIONAL_ATTR("nodes_hitrates_as_tensor", TENSOR), \
	NN_OPTIONAL_ATTR("nodes_values_as_tensor", TENSOR)
#define REGRESSOR	NN_TEXT("aggregate_function", "SUM"), NN_REQUIRED_ATTR("n_targets", INT)
#define CLASSIFIER	NN_OPTIONAL_ATTR("classlabels_int64s", INTS), \
			NN_OPTIONAL_ATTR("classlabels_strings", STRINGS)
#define SCORES(v, a) \
	{ ML, .name = "TreeEnsembleRegressor", .since = v, \
	  .inputs = NN_PORTS({ "X", 0, ANY, NN_ONE }), \
	  .outputs = NN_PORTS({ "Y", 0, NN_SET(NN_F32), NN_ONE }), .attrs = a, \
	  .prepare = prepare_regressor, .infer = infer_scores, .evaluate = evaluate_scores }
#define CLASSES(v, a) \
	{ ML, .name = "TreeEnsembleClassifier", .since = v, \
	  .inputs = NN_PORTS({ "X", 0, ANY, NN_ONE }), \
	  .outputs = NN_PORTS({ "Y", 0, 0, NN_ONE }, { "Z", 0, NN_SET(NN_F32), NN_ONE }), \
	  .attrs = a, .prepare = prepare_classifier, .infer = infer_classes, \
	  .evaluate = evaluate_classes }

const struct nn_op nn_ops_trees[] = {
	SCORES(1, TREES("target", REGRESSOR)),
	SCORES(3, TREES("target", REGRESSOR, TENSORS("target"))),
	CLASSES(1, TREES("class", CLASSIFIER)),
	CLASSES(3, TREES("class", CLASSIFIER, TENSORS("class"))),
	{ ML, .name = "TreeEnsemble", .since = 5,
	  .inputs = NN_PORTS({ "X", 'T', NN_FLOATS, NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 'T', NN_FLOATS, NN_ONE }),
	  .attrs = NN_ATTRS(NN_INT("aggregate_function", NN_SUM),
			    NN_REQUIRED_ATTR("leaf_targetids", INTS),
			    NN_REQUIRED_ATTR("leaf_weights", TENSOR),
			    NN_OPTIONAL_ATTR("membership_values", TENSOR),
			    NN_REQUIRED_ATTR("n_targets", INT),
			    NN_REQUIRED_ATTR("nodes_falseleafs", INTS),
			    NN_REQUIRED_ATTR("nodes_falsenodeids", INTS),
			    NN_REQUIRED_ATTR("nodes_featureids", INTS),
			    NN_OPTIONAL_ATTR("nodes_hitrates", TENSOR),
			    NN_OPTIONAL_ATTR("nodes_missing_value_tracks_true", INTS),
			    NN_REQUIRED_ATTR("nodes_modes", TENSOR),
			    NN_REQUIRED_ATTR("nodes_splits", TENSOR),
			    NN_REQUIRED_ATTR("nodes_trueleafs", INTS),
			    NN_REQUIRED_ATTR("nodes_truenodeids", INTS), NN_INT("post_transform", 0),
			    NN_REQUIRED_ATTR("tree_roots", INTS)),
	  .prepare = prepare_ensemble, .infer = infer_scores, .evaluate = evaluate_scores },
	{ 0 }
};
