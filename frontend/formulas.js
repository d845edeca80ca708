// Draws formulas that become visible. The typesetter is a separate file, fetched for the first formula.
//
// A formula is drawn into the shadow of its element. The children of the element, the source in code, belong to the app, and
// no node of the app changes. If the typesetter does not load, the source stays.

let typesetter;

async function draw(formula) {
  typesetter ??= import(new URL("./TYPESETTER", import.meta.url));
  const { draw } = await typesetter;
  draw(formula);
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
  { rootMargin: "1000px" },
);

class Formula extends HTMLElement {
  connectedCallback() {
    if (!this.shadowRoot) seen.observe(this);
  }

  disconnectedCallback() {
    seen.unobserve(this);
  }
}

customElements.define("tex-formula", Formula);
