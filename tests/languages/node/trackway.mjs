// What another language needs to call Trackway: the protos, a key in the metadata, and the details of a refusal.
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import protobuf from "protobufjs";

const FILES = [
  "trackway/api/tracking/v1/tracking_service.proto",
  "trackway/api/artifacts/v1/artifact_store_service.proto",
  "trackway/api/registry/v1/model_registry_service.proto",
];

// google/rpc/status.proto and error_details.proto, as far as a client needs them.
const DETAILS = protobuf.parse(
  `
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message BadRequest {
    message FieldViolation { string field = 1; string description = 2; }
    repeated FieldViolation field_violations = 1;
  }
`,
  { keepCase: true },
).root;

const SECONDS = 20;

/** Clients of the three services at `address` ("HOST:PORT"), whose calls carry the key. */
export function connect(address, key, protos) {
  const definition = protoLoader.loadSync(FILES, {
    includeDirs: [protos],
    keepCase: true,
    longs: String, // 64 bits do not fit a JavaScript number
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const api = grpc.loadPackageDefinition(definition).trackway.api;
  const credentials = grpc.credentials.createInsecure();
  const metadata = new grpc.Metadata();
  if (key) metadata.set("authorization", `Bearer ${key}`);
  const service = (Client) => new Service(new Client(address, credentials), metadata);
  return {
    tracking: service(api.tracking.v1.TrackingService),
    artifacts: service(api.artifacts.v1.ArtifactStoreService),
    registry: service(api.registry.v1.ModelRegistryService),
  };
}

class Service {
  constructor(client, metadata) {
    this.client = client;
    this.metadata = metadata;
  }

  /** The answer to one request. Rejects with a Refusal. */
  unary(method, request) {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + SECONDS * 1000 };
      this.client[method](request, this.metadata, options, (error, answer) =>
        error ? reject(new Refusal(error)) : resolve(answer),
      );
    });
  }

  /** All answers to one request. */
  async all(method, request) {
    const call = this.client[method](request, this.metadata, { deadline: Date.now() + SECONDS * 1000 });
    return new Answers(call).rest();
  }

  /** A stream of answers that has no end. */
  watch(method, request) {
    return new Answers(this.client[method](request, this.metadata));
  }

  /** The answer to a stream of requests. */
  upload(method, requests) {
    return new Promise((resolve, reject) => {
      const call = this.client[method](this.metadata, (error, answer) =>
        error ? reject(new Refusal(error)) : resolve(answer),
      );
      for (const request of requests) call.write(request);
      call.end();
    });
  }

  /** Both ways. */
  duplex(method) {
    return new Answers(this.client[method](this.metadata));
  }
}

/** The messages of a stream, one `read` at a time; null at its end. Rejects with a Refusal where it ends with one. */
class Answers {
  constructor(call) {
    this.call = call;
    this.messages = [];
    this.waiting = [];
    this.ended = undefined;
    call.on("data", (message) => this.settle(message));
    call.on("error", (error) => this.finish({ error: new Refusal(error) }));
    call.on("end", () => this.finish({ message: null }));
  }

  read() {
    if (this.messages.length) return Promise.resolve(this.messages.shift());
    if (this.ended) return this.ended.error ? Promise.reject(this.ended.error) : Promise.resolve(null);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  async rest() {
    const messages = [];
    for (let message; (message = await this.read()) !== null; ) messages.push(message);
    return messages;
  }

  write(message) {
    this.call.write(message);
  }

  /** Half-close; answers what still came. */
  end() {
    this.call.end();
    return this.rest();
  }

  cancel() {
    this.call.cancel();
  }

  settle(message) {
    if (this.waiting.length) this.waiting.shift().resolve(message);
    else this.messages.push(message);
  }

  finish(ended) {
    // gRPC for Node tells "end" before "error": the status decides.
    setImmediate(() => {
      this.ended ??= ended;
      for (const { resolve, reject } of this.waiting.splice(0))
        this.ended.error ? reject(this.ended.error) : resolve(null);
    });
  }
}

/** A refusal: gRPC's status by name, and the reason and metadata of its one google.rpc.ErrorInfo. */
export class Refusal extends Error {
  constructor(error) {
    super(error.details || error.message);
    this.status = grpc.status[error.code];
    const [packed] = error.metadata?.get("grpc-status-details-bin") ?? [];
    if (!packed) return;
    const status = DETAILS.lookupType("Status").decode(packed);
    const found = (name) =>
      status.details
        .filter((detail) => detail.type_url === `type.googleapis.com/google.rpc.${name}`)
        .map((detail) => DETAILS.lookupType(name).decode(detail.value));
    const [info, ...more] = found("ErrorInfo");
    if (more.length || status.code !== error.code) throw new Error("a refusal has one status and one ErrorInfo");
    this.domain = info.domain;
    this.reason = info.reason;
    this.metadata = info.metadata;
    this.fields = found("BadRequest").flatMap((request) => request.field_violations.map((one) => one.field));
  }
}
