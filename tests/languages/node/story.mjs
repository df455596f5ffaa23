// The whole way through Trackway from Node: node story.mjs HOST:PORT PROTOS < KEY
// Each step asserts what it sees; the last line is JSON for the Python side, which reads the same run.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { connect, Refusal } from "./trackway.mjs";

const [address, protos] = process.argv.slice(2);
const key = readFileSync(0, "utf8").trim();
const { tracking, artifacts, registry } = connect(address, key, protos);

const VALUES = [0.1, NaN, -0, 0, Infinity, -Infinity, 5e-324, -1.7976931348623157e308];
const STEPS = [0n, -1n, -1n, 7n, 9007199254740993n, -9223372036854775808n, 9223372036854775807n, 3n];
const MASK = (1n << 64n) - 1n;

const hex = () => randomBytes(16).toString("hex");
const bits = (values) => Buffer.from(new Float64Array(values).buffer).toString("hex");
const digest = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function refused(promise, status, reason) {
  const refusal = await promise.then(
    () => assert.fail(`not refused, where ${reason} was expected`),
    (error) => error,
  );
  assert.ok(refusal instanceof Refusal, refusal.stack);
  assert.deepEqual([refusal.status, refusal.domain, refusal.reason], [status, "trackway", reason]);
  assert.ok(refusal.message.length > 10, "a refusal says what to do");
  return refusal;
}

/** The deltas of steps as the protocol has them: modulo 2^64, signed. */
function deltas(steps) {
  return steps.slice(1).map((step, index) => String(BigInt.asIntN(64, (step - steps[index]) & MASK)));
}

/** One CRC-32 for each record, as AppendRecords.record_checksums wants them. */
function checksums(...records) {
  const packed = Buffer.alloc(4 * records.length);
  records.forEach((record, index) => packed.writeUInt32LE(crc32(record), 4 * index));
  return packed;
}

async function open(run, writer, epoch) {
  const stream = tracking.duplex("Ingest");
  stream.write({ open: { subject_id: run, writer_id: writer, epoch } });
  const { opened } = await stream.read();
  return { stream, opened };
}

/** What a stream answers to one append. */
async function append(stream, message) {
  stream.write({ append: message });
  return stream.read();
}

/** The refusal as a message, the half-close, and then the same reason as the status. */
async function streamRefused(stream, message, status, reason) {
  const answer = await append(stream, message);
  assert.equal(answer.kind, "refused");
  assert.equal(answer.refused.reason, `ERROR_REASON_${reason}`);
  return { ...answer.refused, refusal: await refused(stream.end(), status, reason) };
}

async function nobodyWithoutAKey() {
  for (const [wrong, reason] of [["", "CREDENTIALS_MISSING"], ["tw_wrong", "CREDENTIALS_INVALID"]]) {
    const stranger = connect(address, wrong, protos);
    await refused(stranger.tracking.unary("SearchExperiments", {}), "UNAUTHENTICATED", reason);
  }
}

async function experimentAndRun() {
  const name = `from node ${hex()}`;
  const { experiment } = await tracking.unary("CreateExperiment", { name, tags: { language: "JavaScript" } });
  assert.deepEqual([experiment.name, experiment.tags], [name, { language: "JavaScript" }]);
  const taken = tracking.unary("CreateExperiment", { name });
  await refused(taken, "ALREADY_EXISTS", "EXPERIMENT_ALREADY_EXISTS");
  const invalid = await refused(tracking.unary("CreateExperiment", {}), "INVALID_ARGUMENT", "INVALID_FIELD");
  assert.deepEqual(invalid.fields, ["name"]);
  const run = hex();
  const request = {
    run_id: run,
    start: { experiment_id: experiment.experiment_id, run_name: "node", start_time_us: "1700000000000000" },
  };
  const made = await tracking.unary("CreateRun", request);
  assert.deepEqual((await tracking.unary("CreateRun", request)).run, made.run, "repeated: the same run");
  return run;
}

async function pointsAndARefusedParam(run) {
  const writer = hex();
  const { stream, opened } = await open(run, writer, "1");
  assert.deepEqual([opened.durable_sequence, opened.prefix_checksum], ["0", 0]);
  const records = [
    { sequence_offset: 0, params: { params: { lr: "0.1" } } },
    { sequence_offset: 1, series: { series_id: 0, key: "loss", context: { rank: "0" } } },
    { sequence_offset: 2, params: { params: { lr: "0.2" } } },
  ];
  const history = checksums("a", "b", "c");
  const first = await append(stream, { record_count: 3, record_checksums: history, records });
  assert.equal(first.acknowledged.durable_sequence, "3");
  const [lost, ...more] = first.acknowledged.refused;
  assert.deepEqual([lost.sequence, lost.reason, more], ["2", "ERROR_REASON_PARAM_IMMUTABLE", []]);
  const block = {
    row_count: VALUES.length,
    series_ids: [0],
    first_time_us: "1700000000000000",
    time_deltas: VALUES.slice(1).map(() => "-1000"),
    first_step: String(STEPS[0]),
    step_deltas: deltas(STEPS),
    values: VALUES,
  };
  const more_history = checksums(..."defghijk");
  const message = {
    first_sequence: "3",
    record_count: VALUES.length,
    record_checksums: more_history,
    prefix_checksum: crc32(history),
    records: [{ points: block }],
  };
  assert.equal((await append(stream, message)).acknowledged.durable_sequence, "11");
  assert.equal((await append(stream, message)).acknowledged.durable_sequence, "11", "sent again: trimmed");
  assert.deepEqual(await stream.end(), []);
  return { writer, checksum: crc32(Buffer.concat([history, more_history])) };
}

async function readBack(run, writer) {
  const answers = await tracking.all("ReadSeries", { run_ids: [run], series: { keys: ["loss"], any_context: true } });
  const chunks = answers.map((answer) => answer.points);
  assert.ok(chunks.every((chunk) => chunk.writer_id === writer && chunk.context.rank === "0"));
  const column = (name) => chunks.flatMap((chunk) => chunk[name]);
  assert.equal(bits(column("values")), bits(VALUES), "every bit");
  assert.deepEqual(column("steps"), STEPS.map(String));
  assert.deepEqual(column("times_us"), VALUES.map((_, index) => String(1700000000000000n - 1000n * BigInt(index))));
  assert.deepEqual(column("sequences"), VALUES.map((_, index) => String(3 + index)));
  const { records } = await tracking.unary("ListRefusedRecords", { run_id: run });
  assert.deepEqual(records.map((record) => record.refused.reason), ["ERROR_REASON_PARAM_IMMUTABLE"]);
}

async function fencingGapAndDivergence(run, writer, checksum) {
  const older = await open(run, writer, "2");
  assert.deepEqual(
    [older.opened.durable_sequence, older.opened.prefix_checksum],
    ["11", checksum],
    "the server's checksum of the history is our own",
  );
  const newer = await open(run, writer, "3");
  const tags = { first_sequence: "11", record_count: 1, prefix_checksum: checksum };
  const fenced = await streamRefused(older.stream, tags, "ABORTED", "WRITER_FENCED");
  assert.deepEqual([fenced.retryable, fenced.refusal.metadata], [false, { writer_id: writer, epoch: "3" }]);

  const gap = await streamRefused(newer.stream, { ...tags, first_sequence: "99" }, "OUT_OF_RANGE", "SEQUENCE_GAP");
  assert.deepEqual([gap.durable_sequence, gap.refusal.metadata.durable_sequence], ["11", "11"]);

  const diverged = await open(run, writer, "4");
  const other = { ...tags, record_checksums: checksums("l"), prefix_checksum: crc32("another history") };
  await streamRefused(diverged.stream, other, "FAILED_PRECONDITION", "WRITER_DIVERGED");

  const last = await open(run, writer, "5");
  const record_checksums = checksums("l");
  const records = [{ tags: { set: { "sent from": "node" } } }];
  const answer = await append(last.stream, { ...tags, record_checksums, records });
  assert.equal(answer.acknowledged.durable_sequence, "12");
  await last.stream.end();
  const { run: found } = await tracking.unary("GetRun", { run_id: run });
  assert.equal(found.tags["sent from"], "node");
  assert.equal(found.params.lr, "0.1");
}

async function files(run) {
  const owner = `runs/${run}`;
  const bytes = randomBytes(3_000_000);
  const upload = (claimed) => {
    const data = [];
    for (let at = 0; at < bytes.length; at += 1 << 20) data.push({ data: bytes.subarray(at, at + (1 << 20)) });
    const trailer = { digest: claimed, size_bytes: bytes.length };
    return artifacts.upload("UploadArtifact", [{ header: { owner, path: "model/weights.bin" } }, ...data, { trailer }]);
  };
  await refused(upload(digest("other bytes")), "DATA_LOSS", "DIGEST_MISMATCH");
  assert.equal((await upload(digest(bytes))).artifact.digest, digest(bytes));
  const [first, ...rest] = await artifacts.all("DownloadArtifact", { owner, path: "model/weights.bin" });
  const received = Buffer.concat(rest.map((message) => message.data));
  assert.deepEqual([digest(received), first.artifact.digest], [digest(bytes), digest(bytes)]);
  const missing = artifacts.all("DownloadArtifact", { owner, path: "nothing" });
  await refused(missing, "NOT_FOUND", "ARTIFACT_NOT_FOUND");
  return digest(bytes);
}

async function modelWatchedAndResolved(run, weights) {
  const name = `node-${hex()}`;
  const watch = registry.watch("Watch", { model_name: name });
  const bookmark = await watch.read();
  assert.equal(bookmark.event, null, "a bookmark comes first");
  await registry.unary("CreateModel", { name });
  const request = { name, source: `runs:/${run}/model`, request_id: "once" };
  const { version } = await registry.unary("CreateVersion", request);
  assert.equal((await registry.unary("CreateVersion", request)).version.version, version.version, "repeated: the same");
  const made = await watch.read();
  assert.equal(made.event.kind, "EVENT_KIND_MODEL_CREATED");
  assert.equal((await watch.read()).event.kind, "EVENT_KIND_VERSION_CREATED");
  watch.cancel();

  await registry.unary("TransitionStage", { name, version: 1, stage: "Production", reason: "from node" });
  await registry.unary("SetAlias", { name, alias: "champion", version: 1, expected_version: 0 });
  const moved = registry.unary("SetAlias", { name, alias: "champion", version: 1, expected_version: 0 });
  await refused(moved, "ABORTED", "ALIAS_CONFLICT");

  const resumed = registry.watch("Watch", { model_name: name, resume_token: made.resume_token });
  const events = [];
  while (events.length < 3) {
    const { event } = await resumed.read();
    if (event) events.push([event.kind.replace("EVENT_KIND_", ""), event.reason]);
  }
  resumed.cancel();
  assert.deepEqual(events, [["VERSION_CREATED", ""], ["STAGE_CHANGED", "from node"], ["ALIAS_SET", ""]]);

  const resolved = await registry.unary("Resolve", { name, alias: "champion" });
  const { entries, digest: manifest } = resolved.manifest;
  assert.deepEqual(entries, [{ path: "weights.bin", digest: weights, size_bytes: "3000000" }]);
  assert.equal(manifest, digest(`${weights} 3000000 weights.bin\n`), "the digest of a manifest is computable");
  await refused(registry.unary("Resolve", { name, stage: "Staging" }), "NOT_FOUND", "MODEL_VERSION_NOT_FOUND");
  return name;
}

await nobodyWithoutAKey();
const run = await experimentAndRun();
const { writer, checksum } = await pointsAndARefusedParam(run);
await readBack(run, writer);
await fencingGapAndDivergence(run, writer, checksum);
const weights = await files(run);
const model = await modelWatchedAndResolved(run, weights);
console.log(JSON.stringify({ run, model, weights, value_bits: bits(VALUES), steps: STEPS.map(String) }));
process.exit(0);
