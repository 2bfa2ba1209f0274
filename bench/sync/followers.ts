/** Everybody who takes part, by name; loaded in a process of its own. */
import type { Follow } from "./follower.js";

export const FOLLOWERS = {
  "change stream, awaited SETs": async () => {
    const [{ changeStream }, { awaitedSets }] = await Promise.all([import("./floors/change-stream.js"), import("./floors/sinks.js")]);
    return changeStream(awaitedSets);
  },
  "change stream, MSET": async () => {
    const [{ changeStream }, { mset }] = await Promise.all([import("./floors/change-stream.js"), import("./floors/sinks.js")]);
    return changeStream(mset);
  },
  "change stream, script": async () => {
    const [{ changeStream }, { scripted }] = await Promise.all([import("./floors/change-stream.js"), import("./floors/sinks.js")]);
    return changeStream(scripted);
  },
  "raw getMore, MSET": async () => {
    const [{ rawGetMore }, { mset }] = await Promise.all([import("./floors/raw-get-more.js"), import("./floors/sinks.js")]);
    return rawGetMore(mset);
  },
  "raw getMore, script": async () => {
    const [{ rawGetMore }, { scripted }] = await Promise.all([import("./floors/raw-get-more.js"), import("./floors/sinks.js")]);
    return rawGetMore(scripted);
  },
  mongochangestream: async () => (await import("./followers/mongochangestream.js")).mongochangestream(),
  "mongochangestream, 10 ms": async () => (await import("./followers/mongochangestream.js")).mongochangestream({ timeout: 10 }),
  "mongochangestream, copy": async () => (await import("./followers/mongochangestream.js")).mongochangestreamCopy,
  "find, MSET": async () => (await import("./floors/copy.js")).copy(false),
  "raw find, MSET": async () => (await import("./floors/copy.js")).copy(true),
  "outbox, one lane": async () => (await import("./floors/outbox.js")).outbox(1),
  "outbox, two lanes": async () => (await import("./floors/outbox.js")).outbox(2),
  "versions only": async () => (await import("./floors/compare.js")).compareVersions,
  "all values": async () => (await import("./floors/compare.js")).compareValues,
  millrace: async () => (await import("./followers/millrace.js")).millrace(),
  "millrace, comparing": async () => (await import("./followers/millrace.js")).millraceComparing,
  "millrace, no doorbell": async () => (await import("./followers/millrace.js")).millrace("doorbell=off"),
} satisfies Readonly<Record<string, () => Promise<Follow>>>;

export type FollowerName = keyof typeof FOLLOWERS;
