// A service on loopback that answers as fast as it can, so that the client is what is measured: one workflow with many runs, each row
// in the shape of the recorded answers.
'use strict';
const http = require('http');
const fs = require('fs');
const path = require('path');

const count = Number(process.argv[2] || 100000);
const fixtures = path.join(__dirname, '..', 'fixtures');
const bodyOf = (name) => JSON.parse(JSON.parse(fs.readFileSync(path.join(fixtures, name + '.json'), 'utf8')).body);
const row = bodyOf('runs-v2-limit2').find((run) => run.status === 'success');
const single = bodyOf('run-get-success-3-images');

const idOf = (i) => `${(i + 1).toString(16).padStart(8, '0')}-0000-4000-8000-${((i * 2654435761) % 2 ** 47).toString(16).padStart(12, '0')}`;
const newest = Date.parse('2026-11-23T18:00:00Z');
const rows = [];
for (let i = 0; i < count; i++) {
  const created = newest - i * 1000;
  const at = (ms) => new Date(created + ms).toISOString();
  const queue = 300 + (i % 97);
  const cold = 400 + (i % 89);
  const run = 1300 + (i % 83);
  const text = (ms) => (ms / 1000).toFixed(6);
  rows.push(JSON.stringify({
    ...row,
    id: idOf(i),
    gpu: 'A10G',
    created_at: at(0),
    queued_at: at(queue),
    started_at: at(queue + cold),
    ended_at: at(queue + cold + run),
    updated_at: at(queue + cold + run),
    modal_function_call_id: `fc-01M84${i.toString(36).toUpperCase().padStart(21, 'Z')}`,
    duration: text(queue + cold + run),
    comfy_deploy_cold_start: text(queue),
    cold_start_duration: text(cold),
    cold_start_duration_total: text(queue + cold),
    run_duration: text(run),
  }));
}
const list = Buffer.from(rows.join(','));
const starts = [0];
for (const text of rows) starts.push(starts[starts.length - 1] + Buffer.byteLength(text) + 1);
rows.length = 0;

let latency = 0;
let requests = 0;
let inFlight = 0;
let most = 0;

function answer(url) {
  if (url.pathname === '/bench') {
    const seen = { requests, most };
    [requests, most] = [0, 0];
    latency = Number(url.searchParams.get('latency') || 0);
    return [JSON.stringify(seen)];
  }
  if (/^\/api\/v2\/workflow\/[^/]+\/runs$/.test(url.pathname)) {
    const from = Math.min(Number(url.searchParams.get('offset') || 0), count);
    const to = Math.min(from + Number(url.searchParams.get('limit') || 100), count);
    return ['[', from < to ? list.subarray(starts[from], starts[to] - 1) : '', ']'];
  }
  const run = /^\/api\/run\/([^/]+)$/.exec(url.pathname);
  if (run) return [JSON.stringify({ ...single, id: run[1] })];
  if (url.pathname === '/api/platform/gpu-pricing') return ['{"A10G":0.000337}'];
  return ['[]'];
}

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (url.pathname !== '/bench') {
    requests++;
    most = Math.max(most, ++inFlight);
  }
  const reply = () => {
    if (url.pathname !== '/bench') inFlight--;
    const parts = answer(url);
    const length = parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': length });
    for (const part of parts) response.write(part);
    response.end();
  };
  if (latency > 0 && url.pathname !== '/bench') setTimeout(reply, latency);
  else reply();
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port, megabytes: Math.round(list.length / 1e6) })));
// The script that started it holds the other end of the input: without it the server ends too.
process.stdin.on('end', () => process.exit()).resume();
