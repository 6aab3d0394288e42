// What the pages do by themselves: follow what happens, copy, and keep the curl line up to date. Without it the pages
// still show and do everything.
"use strict";

const main = document.querySelector("main");

// What an element is known by among its siblings: its key, or what kind of thing it is.
function keyOf(node) {
  if (node.nodeType !== 1) return "#text";
  const key = node.getAttribute("data-key") || node.id || node.getAttribute("aria-labelledby");
  return `${node.nodeName} ${key || (node.getAttribute("class") || "").split(" ")[0]}`;
}

// Makes an element like another one, changing as little as possible: what has the focus, is unfolded or is under the
// pointer stays what it is.
function becomeLike(element, wanted) {
  for (const { name } of [...element.attributes]) {
    if (!wanted.hasAttribute(name) && name !== "open" && name !== "hidden") element.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name === "open" || name === "hidden") continue;
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
  if (element.matches("form, .done, .fresh, .copy")) return;
  if (element.hasAttribute("data-hold") && isUsed(element)) holdBack(element, wanted);
  else becomeLikeChildren(element, wanted);
}

function becomeLikeChildren(element, wanted) {
  const before = Map.groupBy([...element.childNodes], keyOf);
  const after = new Set([...wanted.childNodes].map(keyOf));
  for (const [key, nodes] of before) if (!after.has(key)) nodes.forEach((node) => node.remove());
  let place = element.firstChild;
  for (const child of [...wanted.childNodes]) {
    const found = before.get(keyOf(child))?.shift();
    if (!found) {
      element.insertBefore(document.importNode(child, true), place);
      continue;
    }
    // Stepping over what is left of the text between elements moves none of them.
    while (place && place !== found && place.nodeType !== 1) place = place.nextSibling;
    if (found === place) place = place.nextSibling;
    else element.insertBefore(found, place);
    if (found.nodeType !== 1) {
      if (found.data !== child.data) found.data = child.data;
    } else if (!found.isEqualNode(child)) becomeLike(found, child);
  }
  for (const nodes of before.values()) nodes.forEach((node) => node.remove());
}

// Somebody reads or walks through the rows: they stay where they are, and what is new waits for a word.
function isUsed(element) {
  return element.matches(":hover") || element.contains(document.activeElement);
}

function holdBack(element, wanted) {
  const shown = new Set([...element.children].map(keyOf));
  for (const row of wanted.children) {
    if (!shown.has(keyOf(row))) continue;
    becomeLike([...element.children].find((one) => keyOf(one) === keyOf(row)), row);
  }
  const fresh = [...wanted.children].filter((row) => !shown.has(keyOf(row))).length;
  const button = document.getElementById("fresh");
  if (!button || !fresh) return;
  button.textContent = fresh === 1 ? "1 new instance: show it" : `${fresh} new instances: show them`;
  button.hidden = false;
  button.onclick = () => {
    button.hidden = true;
    becomeLikeChildren(element, wanted);
  };
}

function follow() {
  let tag = null;
  let lastSeen = new Date();
  const offline = document.getElementById("offline");
  document.querySelector(".live-note").hidden = false;

  async function look() {
    const began = performance.now();
    try {
      if (!document.hidden) await update();
      lastSeen = new Date();
      offline.hidden = true;
    } catch {
      offline.querySelector("span").textContent = `at ${lastSeen.toISOString().slice(11, 19)}`;
      offline.hidden = false;
    }
    // A page that is much work for the host is asked for less often.
    const took = performance.now() - began;
    setTimeout(look, Math.max(1000 * Number(main.dataset.live), Math.min(3 * took, 10000)));
  }

  async function update() {
    const address = new URL(location.href);
    address.searchParams.delete("done");
    const answer = await fetch(address, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    if (answer.status === 304) return;
    tag = answer.headers.get("ETag");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const wanted = page.querySelector("main");
    if (!wanted) return;
    document.title = page.title;
    const rows = document.getElementById("rows");
    const button = document.getElementById("fresh");
    if (button && rows && !isUsed(rows)) button.hidden = true;
    becomeLike(main, wanted);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) update().catch(() => {});
  });
  setTimeout(look, 1000 * Number(main.dataset.live));
}

function offerCopies() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    if (navigator.clipboard) button.hidden = false;
  }
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    const words = button.firstChild;
    words.data = "Copied";
    setTimeout(() => (words.data = "Copy"), 1500);
  });
}

function keepCurl(form) {
  let latest = 0;
  for (const button of document.querySelectorAll("[data-scriptless]")) button.hidden = true;
  form.addEventListener("input", async () => {
    const mine = ++latest;
    const values = new URLSearchParams(new FormData(form));
    values.delete("token");
    const answer = await fetch(`${form.action}?${values}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const line = page.getElementById("curl");
    if (line && mine === latest) document.getElementById("curl").textContent = line.textContent;
  });
}

offerCopies();
if (main.dataset.live) follow();
const form = document.querySelector("form[data-curl]");
if (form) keepCurl(form);
