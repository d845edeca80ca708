// What a page without wasm does better with a little script. Everything works without it.
(page => {
  const own = page.querySelector(".plain-page");
  // A refused form is drawn at the address it was posted to, and a status is said once: a reload shows the page itself.
  if (location.pathname + location.search !== own.dataset.path) history.replaceState(null, "", own.dataset.path);

  // The way back leads to the room that one has come from.
  try {
    const { origin, pathname } = new URL(page.referrer || "about:blank");
    if (origin === location.origin && /^\/(r\/|$)/.test(pathname)) sessionStorage.setItem("roost:back", pathname);
    const back = sessionStorage.getItem("roost:back");
    if (back) for (const link of page.querySelectorAll("[data-back]")) link.href = back;
  } catch {
    // The browser keeps nothing for us, and the link leads to the rooms.
  }

  // What was written and not sent stays in no browser that one has signed out of.
  addEventListener("submit", ({ target }) => {
    if (target.getAttribute("action") !== "/sign-out") return;
    try {
      const keys = Object.keys(localStorage).filter(key => key.startsWith(`roost:${own.dataset.me}:`));
      for (const key of keys) localStorage.removeItem(key);
    } catch {
      // Nothing was kept.
    }
  });

  addEventListener("focusin", ({ target }) => {
    if (target.matches(".copy input")) target.select();
  });
  addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copied]");
    if (!button) return;
    const box = button.closest(".copy"), field = box.querySelector("input");
    field.select();
    // A page that was not loaded by https has no clipboard at all.
    const done = await Promise.resolve(navigator.clipboard?.writeText(field.value).then(() => true)).catch(() => false);
    box.querySelector("[role=status]").textContent = done ? button.dataset.copied : button.dataset.failed;
  });
})(document);
