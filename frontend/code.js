// Highlights code that becomes visible. The languages are a separate file, fetched for the first block.
//
// Highlights are drawn over the text (CSS Custom Highlight API): no node changes, so the app need not know. A browser
// without this API, or without the file, shows code in one colour.

const colours = new Map();
let languages;

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    colour(target).catch(() => {
      languages = undefined;
    });
  }
});

async function colour(block) {
  languages ??= import(new URL("./LANGUAGES", import.meta.url));
  const { tokens } = await languages;
  const text = block.querySelector("code")?.firstChild;
  if (text?.nodeType !== Node.TEXT_NODE) return;
  // Remove highlights of blocks that no longer exist.
  for (const ranges of colours.values()) for (const range of ranges) if (!range.startContainer.isConnected) ranges.delete(range);
  for (const [kind, start, end] of tokens(text.data, block.dataset.language)) {
    if (!colours.has(kind)) {
      colours.set(kind, new Highlight());
      CSS.highlights.set(kind, colours.get(kind));
    }
    colours.get(kind).add(new StaticRange({ startContainer: text, startOffset: start, endContainer: text, endOffset: end }));
  }
}

// In forced colours the system chooses the colours, and highlights would carry no information.
const isColoured = CSS.highlights && !matchMedia("(forced-colors: active)").matches;
if (isColoured) addEventListener("roost:code", ({ target }) => seen.observe(target));
