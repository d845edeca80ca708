// Colours code that comes into view. The languages are a file of their own, which is fetched for the first block.
//
// Colours are highlights over the text (CSS Custom Highlight API): no node changes, so the app, which made them, need not know. A browser
// that has no such highlights, or does not get the file, shows code in one colour.

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
  // Those of blocks that are gone.
  for (const ranges of colours.values()) for (const range of ranges) if (!range.startContainer.isConnected) ranges.delete(range);
  for (const [kind, start, end] of tokens(text.data, block.dataset.language)) {
    if (!colours.has(kind)) {
      colours.set(kind, new Highlight());
      CSS.highlights.set(kind, colours.get(kind));
    }
    colours.get(kind).add(new StaticRange({ startContainer: text, startOffset: start, endContainer: text, endOffset: end }));
  }
}

// Where the system chooses the colours, highlights have its own, which say nothing.
const isColoured = CSS.highlights && !matchMedia("(forced-colors: active)").matches;
if (isColoured) addEventListener("roost:code", ({ target }) => seen.observe(target));
