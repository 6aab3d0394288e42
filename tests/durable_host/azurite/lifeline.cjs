// Loaded into Azurite before its own code (node --require), to end it in an orderly way on every platform.
//
// Azurite saves its data when it gets SIGTERM. Windows has no such signal (there, terminating a process is killing it,
// and up to five seconds of data are lost), and no signal comes at all when the process that started us is killed.
// So Azurite also stops when the thing that it was started for is gone:
//   AZURITE_LIFELINE=stdin       our standard input closes: the starter ended, however it ended
//   AZURITE_LIFELINE=file:PATH   the file PATH is removed: the last host that used us has left
//
// And it keeps an Azurite in memory answering: see below.
"use strict";
const { existsSync } = require("node:fs");
const { dirname, join } = require("node:path");

let stopping = false;

process.on("SIGTERM", () => {
  // Only this listener left on the first signal: Azurite is not up yet, there is nothing to save.
  if (!stopping && process.listenerCount("SIGTERM") === 1) process.exit(1);
  stopping = true; // and a second signal must not cut the saving short
});

function stop() {
  if (!stopping) process.emit("SIGTERM", "SIGTERM");
}

const lifeline = process.env.AZURITE_LIFELINE ?? "";
if (lifeline === "stdin") {
  process.stdin.on("end", stop).on("error", stop).resume();
  process.stdin.unref?.();
} else if (lifeline.startsWith("file:")) {
  const path = lifeline.slice("file:".length);
  setInterval(() => existsSync(path) || stop(), 100).unref();
}

// In memory, every message text is an extent of its own, and those of deleted messages are collected once a minute, in a
// time that grows with the square of their number: after some thousands Azurite answers nobody for half a minute. One
// that keeps nothing does not live long enough to need that.
if (process.argv.includes("--inMemoryPersistence")) {
  const constants = require(join(dirname(process.argv[1]), "queue", "utils", "constants.js"));
  constants.DEFAULT_GC_INTERVAL_MS = 24 * 60 * 60 * 1000;
}

// Before every request to a queue but a put, Azurite looks for messages that have expired, and lets LokiJS remove them.
// To remove none, LokiJS sorts its indexes of all messages anew: with 4,000 messages that takes ten times as long as
// everything else that the request needs.
const { Collection } = require(require.resolve("lokijs", { paths: [dirname(process.argv[1])] }));
const remove = Collection.prototype.remove;
Collection.prototype.remove = function (documents) {
  return Array.isArray(documents) && documents.length === 0 ? undefined : remove.call(this, documents);
};
