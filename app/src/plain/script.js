// Small enhancements for pages without wasm. Everything works without them.
(page => {
  const own = page.querySelector(".plain-page");
  // A refused form is drawn at the address it was posted to, and a status is shown once. A reload must show the page itself.
  if (location.pathname + location.search !== own.dataset.path) history.replaceState(null, "", own.dataset.path);

  // The back link leads to the room that the user came from.
  try {
    const { origin, pathname } = new URL(page.referrer || "about:blank");
    if (origin === location.origin && /^\/(r\/|$)/.test(pathname)) sessionStorage.setItem("roost:back", pathname);
    const back = sessionStorage.getItem("roost:back");
    if (back) for (const link of page.querySelectorAll("[data-back]")) link.href = back;
  } catch {
    // Without storage, the link leads to the list of rooms.
  }

  // Whether this browser may forget a draft: a server has it, or it is empty. (`client::LocalDraft` says how drafts are stored.)
  const isTold = kept => {
    const [head, bytes] = /^\u0001\d+ \S+ (\d+)\n/.exec(kept) ?? ["", 0];
    const texts = kept.slice(head.length), half = texts.length / 2, length = new TextEncoder().encode(texts).length;
    return length === Number(bytes) || (length === 2 * bytes && texts.slice(0, half) === texts.slice(half));
  };

  // Signing out removes unsent texts from this browser, except a draft that no server has yet: it would be lost.
  addEventListener("submit", ({ target }) => {
    if (target.getAttribute("action") !== "/sign-out") return;
    // The bytes of files that wait to be sent.
    globalThis.caches?.delete(`roost-files-${own.dataset.me}`).catch(() => {});
    try {
      const keys = Object.keys(localStorage).filter(key => key.startsWith(`roost:${own.dataset.me}:`));
      for (const key of keys) if (!key.includes(":draft:") || isTold(localStorage.getItem(key))) localStorage.removeItem(key);
    } catch {
      // Nothing was stored.
    }
  });

  // All time zones that the browser knows, its own first.
  const zones = page.querySelector("[data-zones]");
  if (zones) {
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const [none, ...some] = zones.options, chosen = zones.value;
    const all = new Set([own, ...some.map(({ value }) => value), ...(Intl.supportedValuesOf?.("timeZone") ?? [])]);
    all.delete(undefined);
    const [first, ...others] = all;
    const words = zone => zone.replaceAll("_", " ") + (zone === own ? ` · ${zones.dataset.zones}` : "");
    const options = [first, ...others.sort()].map(zone => new Option(words(zone), zone, zone === chosen, zone === chosen));
    zones.replaceChildren(none, ...options);
  }

  addEventListener("focusin", ({ target }) => {
    if (target.matches(".copy input")) target.select();
  });
  addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copied]");
    if (!button) return;
    const box = button.closest(".copy"), field = box.querySelector("input");
    field.select();
    // Without HTTPS there is no clipboard.
    const done = await Promise.resolve(navigator.clipboard?.writeText(field.value).then(() => true)).catch(() => false);
    box.querySelector("[role=status]").textContent = done ? button.dataset.copied : button.dataset.failed;
  });
})(document);
