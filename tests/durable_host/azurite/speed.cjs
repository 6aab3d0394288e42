// Loaded into Azurite before its own code (node --require), to keep it answering where it holds thousands of messages.
"use strict";
const { dirname, join } = require("node:path");

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
