// Sends inference requests in a closed loop for `nereid tune`: each virtual user sends its next request when the last
// one is answered. What happens in the first seconds is not counted.
//
// From the environment: TARGET (http://HOST:PORT), MODEL, CONCURRENCY, WARM_UP_SECONDS, SECONDS, REPORT (the file that
// gets the figures), and optionally INPUT (a file with the body of a request) and SHAPES (JSON: sizes by input).

import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';

const MODEL_URL = `${__ENV.TARGET}/v2/models/${encodeURIComponent(__ENV.MODEL)}`;
const WARM_UP = 1000 * Number(__ENV.WARM_UP_SECONDS);
const PERIOD = 1000 * Number(__ENV.SECONDS);
const SHAPES = JSON.parse(__ENV.SHAPES || '{}');
const GIVEN = __ENV.INPUT ? open(__ENV.INPUT) : null;
const STRING_LENGTH = 16;
const SHOWN = 300;

const latency = new Trend('latency', true);
const predictions = new Counter('predictions');
const failures = new Counter('failures');

export const options = {
  scenarios: {
    load: {
      executor: 'constant-vus',
      vus: Number(__ENV.CONCURRENCY),
      duration: `${WARM_UP + PERIOD}ms`,
      gracefulStop: '30s',
    },
  },
  summaryTrendStats: ['med', 'p(99)', 'count'],
  discardResponseBodies: true,
  setupTimeout: '60s',
};

// By datatype: bytes of an element, and how a random one is written. Integers are 0 or 1, as they may be indices.
const bit = () => (Math.random() < 0.5 ? 0 : 1);
const WRITERS = {
  BOOL: [1, (view, at) => view.setUint8(at, bit())],
  INT8: [1, (view, at) => view.setInt8(at, bit())],
  UINT8: [1, (view, at) => view.setUint8(at, bit())],
  INT16: [2, (view, at) => view.setInt16(at, bit(), true)],
  UINT16: [2, (view, at) => view.setUint16(at, bit(), true)],
  INT32: [4, (view, at) => view.setInt32(at, bit(), true)],
  UINT32: [4, (view, at) => view.setUint32(at, bit(), true)],
  INT64: [8, (view, at) => view.setUint8(at, bit())],
  UINT64: [8, (view, at) => view.setUint8(at, bit())],
  // Any fraction, with the exponents of numbers from a half to one.
  FP16: [2, (view, at) => view.setUint16(at, 0x3800 | Math.floor(Math.random() * 0x400), true)],
  BF16: [2, (view, at) => view.setUint16(at, 0x3f00 | Math.floor(Math.random() * 0x80), true)],
  FP32: [4, (view, at) => view.setFloat32(at, Math.random(), true)],
  FP64: [8, (view, at) => view.setFloat64(at, Math.random(), true)],
  BYTES: [
    4 + STRING_LENGTH,
    (view, at) => {
      view.setUint32(at, STRING_LENGTH, true);
      for (let place = 0; place < STRING_LENGTH; place += 1) {
        view.setUint8(at + 4 + place, 97 + Math.floor(Math.random() * 26));
      }
    },
  ],
};

function shapeOf(input) {
  const given = SHAPES[input.name];
  const sizes = input.shape.map(Number);
  if (!given) {
    return sizes.map((size) => Math.max(1, size));
  }
  // A batch may be left out.
  return given.length === sizes.length - 1 ? [1, ...given] : given;
}

function tensor(input) {
  if (!(input.datatype in WRITERS)) {
    throw new Error(`input ${input.name} is ${input.datatype}, which cannot be generated: give --input`);
  }
  const [width, write] = WRITERS[input.datatype];
  const shape = shapeOf(input);
  const count = shape.reduce((product, size) => product * size, 1);
  const bytes = new Uint8Array(count * width);
  const view = new DataView(bytes.buffer);
  for (let element = 0; element < count; element += 1) {
    write(view, element * width);
  }
  return { bytes, head: { name: input.name, datatype: input.datatype, shape, parameters: { binary_data_size: bytes.length } } };
}

// KServe's protocol with its extension for binary tensors: JSON, and behind it the tensors' bytes.
function madeUp(metadata) {
  const tensors = metadata.inputs.map(tensor);
  const head = JSON.stringify({ inputs: tensors.map((one) => one.head), parameters: { binary_data_output: true } });
  const body = new Uint8Array(tensors.reduce((length, one) => length + one.bytes.length, head.length));
  for (let place = 0; place < head.length; place += 1) {
    body[place] = head.charCodeAt(place);
  }
  let end = head.length;
  for (const one of tensors) {
    body.set(one.bytes, end);
    end += one.bytes.length;
  }
  const headers = { 'Content-Type': 'application/octet-stream', 'Inference-Header-Content-Length': `${head.length}` };
  return { body: body.buffer, headers };
}

function makeRequest(metadata) {
  return GIVEN ? { body: GIVEN, headers: { 'Content-Type': 'application/json' } } : madeUp(metadata);
}

function rowsOf(metadata) {
  const takesBatches = metadata.inputs.every((input) => Number(input.shape[0]) === -1);
  return takesBatches && GIVEN ? Number(JSON.parse(GIVEN).inputs[0].shape[0]) : 1;
}

function demand(response, what) {
  if (response.status !== 200) {
    const said = response.error || `status ${response.status}: ${response.body}`;
    throw new Error(`${what} was rejected with ${said.slice(0, SHOWN)}`);
  }
}

export function setup() {
  const described = http.get(MODEL_URL, { responseType: 'text' });
  demand(described, `the metadata of model ${__ENV.MODEL}`);
  const metadata = described.json();
  const { body, headers } = makeRequest(metadata);
  demand(http.post(`${MODEL_URL}/infer`, body, { headers, responseType: 'text' }), 'the first request');
  return { metadata, rows: rowsOf(metadata) };
}

let request = null;

export default function send({ metadata, rows }) {
  request = request || makeRequest(metadata);
  const response = http.post(`${MODEL_URL}/infer`, request.body, { headers: request.headers });
  const since = Date.now() - exec.scenario.startTime;
  if (since < WARM_UP || since >= WARM_UP + PERIOD) {
    return;
  }
  if (response.status === 200) {
    latency.add(response.timings.duration);
    predictions.add(rows);
  } else {
    failures.add(1);
  }
}

export function handleSummary({ metrics }) {
  if (!metrics.latency && !metrics.failures) {
    return {};
  }
  const times = metrics.latency ? metrics.latency.values : { count: 0, med: 0, 'p(99)': 0 };
  const figures = {
    answers: times.count,
    predictions: metrics.predictions ? metrics.predictions.values.count : 0,
    failures: metrics.failures ? metrics.failures.values.count : 0,
    seconds: PERIOD / 1000,
    p50: times.med / 1000,
    p99: times['p(99)'] / 1000,
  };
  return { [__ENV.REPORT]: JSON.stringify(figures) };
}
