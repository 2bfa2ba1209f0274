/** An HTTP server with probes, metrics and a description of its routes, and streams of events to browsers. */
// Its types let schemas of routes have a summary and tags.
/// <reference types="@fastify/swagger" preserve="true" />
export { Http, Routes, httpServer } from "./http-server.js";
export type { HttpServer, HttpServerOptions, Plugin } from "./http-server.js";
export { Metrics } from "./metrics.js";
export type { Collector, MetricsOptions } from "./metrics.js";
export type { OpenApiOptions } from "./openapi.js";
export { eventStream } from "./event-stream.js";
export type { EventStream, EventStreamOptions, StreamedEvent, StreamedReply } from "./event-stream.js";
