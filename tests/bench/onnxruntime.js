// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
//
// How long ONNX Runtime takes for a model on this machine's processor, with one thread: prints
// milliseconds of the quickest run and of the one in the middle, for tests/bench/models.
//
//   NODE_PATH=... node onnxruntime.js FILE RUNS DIM...
'use strict';

const ort = require('onnxruntime-node');

async function main(file, runs, dims) {
	const session = await ort.InferenceSession.create(file, {
		intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential',
	});
	const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
	const times = [];
	let state = 1;

	for (let i = 0; i < data.length; i++) {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		data[i] = (state >>> 8) / (1 << 23) - 1;
	}
	const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', data, dims) };

	for (let run = -1; run < runs; run++) {
		const begin = performance.now();

		await session.run(feeds);
		if (run >= 0)
			times.push(performance.now() - begin);
	}
	times.sort((a, b) => a - b);
	console.log(times[0].toFixed(3), times[times.length >> 1].toFixed(3));
}

main(process.argv[2], Number(process.argv[3]), process.argv.slice(4).map(Number));
