// Draws formulas that become visible. The typesetter is a separate file, fetched for the first formula.
//
// A formula is drawn into the shadow of its element. The children of the element, the source in code, belong to the app, and
// no node of the app changes. If the typesetter does not load, the source stays.

/** How many sources are remembered. */
const KNOWN_MAX = 1_000;

let typesetter;
/** Its function, once it is there. */
let typeset;
/** The sources of formulas that were drawn. */
const known = new Set();

async function draw(formula) {
  typesetter ??= import(new URL("./TYPESETTER", import.meta.url));
  ({ draw: typeset } = await typesetter);
  if (known.size >= KNOWN_MAX) known.clear();
  known.add(formula.textContent);
  typeset(formula);
}

// Formulas outside the screen are drawn, too, so that none grows while someone scrolls to it.
const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      draw(target).catch(() => {
        typesetter = undefined;
      });
    }
  },
  // Before they are on the screen, so that nothing on it moves. The timeline is a box that scrolls, for which `rootMargin` does not count.
  { rootMargin: "1000px", scrollMargin: "1000px" },
);

class Formula extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    // A row that changes is replaced. Its formula must not be drawn later, or the rows below it would move.
    if (typeset && known.has(this.textContent)) typeset(this);
    else seen.observe(this);
  }

  disconnectedCallback() {
    seen.unobserve(this);
  }
}

customElements.define("tex-formula", Formula);
