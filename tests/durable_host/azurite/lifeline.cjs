// Loaded into Azurite before its own code (node --require), to end it in an orderly way on every platform.
//
// Azurite saves its data when it gets SIGTERM. Windows has no such signal (there, terminating a process is killing it,
// and up to five seconds of data are lost), and no signal comes at all when the process that started us is killed.
// So Azurite also stops when the thing that it was started for is gone:
//   AZURITE_LIFELINE=stdin       our standard input closes: the starter ended, however it ended
//   AZURITE_LIFELINE=file:PATH   the file PATH is removed: the last host that used us has left
"use strict";
const { existsSync } = require("node:fs");

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
