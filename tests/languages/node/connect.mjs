// Connect's own client against the gateway: node connect.mjs URL DESCRIPTORS, the key on stdin.
import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

const [url, descriptors] = process.argv.slice(2);
const key = readFileSync(0, "utf8").trim();
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));

function check(holds, what) {
  if (!holds) throw new Error(what);
}

async function refusal(call) {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("it was not refused");
}

for (const useBinaryFormat of [true, false]) {
  const authorize = (next) => (request) => {
    request.header.set("authorization", `Bearer ${key}`);
    return next(request);
  };
  const options = { baseUrl: url, httpVersion: "1.1", useBinaryFormat };
  const service = (name, interceptors = [authorize]) =>
    createClient(registry.getService(name), createConnectTransport({ ...options, interceptors }));
  const tracking = service("trackway.api.tracking.v1.TrackingService");
  const models = service("trackway.api.registry.v1.ModelRegistryService");

  const name = `connect ${useBinaryFormat}`;
  const { experiment } = await tracking.createExperiment({ name, tags: { by: "é" } });
  const found = await tracking.getExperiment({ experimentId: experiment.experimentId });
  check(found.experiment.tags.by === "é" && found.experiment.createTimeUs > 0n, "the experiment is another one");

  const taken = await refusal(tracking.createExperiment({ name }));
  check(taken.code === Code.AlreadyExists, `taken: ${taken}`);
  check(taken.details.some((detail) => detail.type === "google.rpc.ErrorInfo"), "no ErrorInfo");
  const missing = await refusal(tracking.getRun({ runId: "0".repeat(32) }));
  check(missing.code === Code.NotFound, `missing: ${missing}`);
  const anybody = service("trackway.api.tracking.v1.TrackingService", []);
  const unknown = await refusal(anybody.searchExperiments({}));
  check(unknown.code === Code.Unauthenticated, `unknown: ${unknown}`);
  const late = await refusal(models.resolve({ name, version: 1 }, { timeoutMs: 1 }));
  check([Code.DeadlineExceeded, Code.NotFound, Code.InvalidArgument].includes(late.code), `late: ${late}`);

  const model = `connect-${useBinaryFormat}`;
  await models.createModel({ name: model });
  const stop = new AbortController();
  let seen;
  try {
    for await (const told of models.watch({ modelName: model, fromStart: true }, { signal: stop.signal })) {
      seen = told.event;
      if (seen) stop.abort();
    }
  } catch (error) {
    check(ConnectError.from(error).code === Code.Canceled, `watch: ${error}`);
  }
  check(seen.modelName === model, "the watch told nothing");
  const ended = await refusal(models.watch({ resumeToken: "nonsense" })[Symbol.asyncIterator]().next());
  check(ended.code === Code.InvalidArgument, `ended: ${ended}`);
}
console.log("ok");
